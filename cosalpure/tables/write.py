"""A tidy table as files: Parquet (tidy), CSV and LaTeX laid out as in the paper, Markdown with detectors in rows."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from cosalpure.extras import require
from cosalpure.io import whole_file
from cosalpure.score.settings import LEVEL
from cosalpure.tables.definitions import SPREAD
from cosalpure.tables.present import best_cells, blank_repeats, caption, cell_text, lay_out, number_of

__all__ = [  # what other parts of the package print with
    "as_csv",
    "as_latex",
    "as_markdown",
    "best_cells",
    "caption",
    "cell_text",
    "lay_out",
    "markdown_table",
    "write_csv",
    "write_parquet",
    "write_table",
]
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "β": r"$_\beta$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "−": r"$-$", "–": "--", "±": r"$\pm$",
}  # fmt: skip
# As wide as the page; the LaTeX packages booktabs and graphicx are needed.
FLOAT = """\\begin{{table*}}
\\caption{{{caption}}}
\\resizebox{{\\linewidth}}{{!}}{{%
{tabular}}}
\\end{{table*}}
"""


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write texts as a Markdown table, bars escaped."""
    header, *lines = [[text.replace("|", r"\|") for text in line] for line in [header, *lines]]
    text: str = tabulate(lines, header, tablefmt="pipe", disable_numparse=True)
    return text


def as_markdown(table: pd.DataFrame, level: float = LEVEL) -> str:
    """Write the table as Markdown, its caption above; detectors below each other, so that it fits a screen."""
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    detectors, headings = ([*dict.fromkeys(part)] for part in zip(*columns, strict=True))
    lines, above = [], ("", "")
    for dataset in dict.fromkeys(dataset for dataset, _ in rows):
        for detector in detectors:
            for row in (row for row in rows if row[0] == dataset):
                keys = [(row, (detector, heading)) for heading in headings]
                texts = [f"**{cell_text(cells[key])}**" if key in bold else cell_text(cells.get(key)) for key in keys]
                same = (above[0] == dataset, above == (dataset, detector))
                titles = ["" if known else title for title, known in zip((dataset, detector), same, strict=True)]
                lines.append([*titles, row[1], *texts])
                above = (dataset, detector)
    return f"{caption(table, level)}\n\n{markdown_table(['Dataset', 'Detector', 'Method', *headings], lines)}\n"


def escape(text: object) -> str:
    """Write plain text as LaTeX, without the space around it."""
    return "".join(LATEX.get(character, character) for character in str(text).strip())


def as_latex(table: pd.DataFrame, level: float = LEVEL) -> str:
    """Write the laid out table as a LaTeX `table*` (packages booktabs, and graphicx to fit the page's width)."""
    require("jinja2")
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    names = [("", "Dataset"), (" ", "Method")]  # told apart: equal headings would become one
    datasets = blank_repeats(dataset for dataset, _ in rows)
    texts = [
        [dataset, row[1], *(cell_text(cells.get((row, column))) for column in columns)]
        for dataset, row in zip(datasets, rows, strict=True)
    ]
    styles = [["", "", *("textbf:--rwrap;" * ((row, column) in bold) for column in columns)] for row in rows]
    frame = pd.DataFrame(texts, columns=pd.MultiIndex.from_tuples([*names, *columns]))
    styler = frame.style.hide(axis="index").format(escape).format_index(escape, axis="columns")
    later = [number for number, dataset in enumerate(datasets) if dataset][1:]
    styler.format(
        lambda dataset: f"\\midrule\n{escape(dataset)}", subset=(later, names[:1])
    )  # Styler has none between rows
    styler.apply(lambda _: pd.DataFrame(styles, columns=frame.columns), axis=None)
    form = "ll" + "c" * len(columns)
    tabular = styler.to_latex(column_format=form, hrules=True, multicol_align="c")
    return FLOAT.format(caption=escape(caption(table, level)), tabular=tabular.rstrip())


def as_csv(table: pd.DataFrame) -> pd.DataFrame:
    """Lay the table out as CSV has it: value, low, high and images ('n of m') of every column.

    Over several seeds, also how many there are and what they differ by.
    """
    rows, columns, cells = lay_out(table)
    found: dict[str, list[str] | list[float]] = {
        "dataset": [dataset for dataset, _ in rows],
        "method": [label for _, label in rows],
    }
    for column in columns:
        name, here = " ".join(column), [cells.get((row, column)) for row in rows]
        for number in ("value", "low", "high"):
            title = name if number == "value" else f"{name} {number}"
            found[title] = [number_of(cell, number) for cell in here]
        found[f"{name} images"] = [f"{cell.done} of {cell.expected}" if cell else "" for cell in here]
        for number in (number for number in SPREAD if number in table):
            found[f"{name} {number}"] = [f"{number_of(cell, number):.6g}" if cell else "" for cell in here]
    return pd.DataFrame(found)


def write_csv(frame: pd.DataFrame, path: str | Path, digits: str | None = None) -> None:
    """Write a table as CSV; `digits` is the format of numbers (default: as many as they have)."""
    frame.to_csv(path, index=False, float_format=digits, lineterminator="\n")


def write_table(table: pd.DataFrame, stem: str | Path, level: float = LEVEL) -> None:
    """Write `<stem>.parquet`, `.csv`, `.md` and `.tex`, each whole or not at all; equal tables give equal bytes."""
    write_parquet(table, f"{stem}.parquet")
    with whole_file(f"{stem}.csv") as path:
        write_csv(as_csv(table), path, "%.6f")
    for ending, text in (("md", as_markdown(table, level)), ("tex", as_latex(table, level))):
        with whole_file(f"{stem}.{ending}") as path:
            path.write_text(text, encoding="utf-8")


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as a Parquet file; as `scores.parquet`, all score rows together."""
    with whole_file(path) as temporary:
        frame.to_parquet(temporary, engine="pyarrow", index=False)
