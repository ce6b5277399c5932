"""A tidy table as files: Parquet (tidy), CSV and LaTeX laid out as in the paper, Markdown with detectors in rows.

Bold is the best complete condition of a column and dataset; the reference without attack takes no part. A cell that
lacks images says 'n of m': the mean of the survivors is shown, not passed off as the whole.
"""

import csv
import math
from pathlib import Path

from tabulate import tabulate

from cosalpure.io import whole_file
from cosalpure.score import METRICS
from cosalpure.tables.build import score_column

TITLES = {
    "1": "Table 1. Co-saliency detection over whole groups, half of each under attack.",
    "2": "Table 2. Success rate over whole groups (avg), attacked (adv) and clean images (clean).",
    "3": "Table 3. Ablation: what concept inversion and the learned concept contribute.",
    "4": "Table 4. Extension to motion blur.",
    "differences": "Paired differences on the same images.",
    "degradations": "Success rate under each degradation, nothing purified.",
    "seeds": "Success rate over several seeds of attack, learning and purification; ± is the standard deviation between "
    "the seeds' means.",
}
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "β": r"$_\beta$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "−": r"$-$", "–": "--", "±": r"$\pm$",
}  # fmt: skip


def column_label(metric, split, metrics, splits):
    """What a column is called under its detector: the metric, or the split where there is but one metric."""
    about = METRICS[score_column(metric)]
    parts = [about.title] * (len(metrics) > 1 or len(splits) == 1) + [split] * (len(splits) > 1)
    return " ".join(parts) + ("↑" if about.larger_is_better else "↓")


def lay_out(table):
    """A tidy table -> (rows, columns, cells): [(dataset, label)], [(detector, label)], {(row, column): cell}."""
    metrics, splits = list(table["metric"].unique()), list(table["split"].unique())
    cells = {}
    for cell in table.itertuples(index=False):
        row = (cell.dataset, cell.label)
        cells[row, (cell.detector_label, column_label(cell.metric, cell.split, metrics, splits))] = cell
    rows, columns = dict.fromkeys(row for row, _ in cells), dict.fromkeys(column for _, column in cells)
    return list(rows), list(columns), cells


def best_cells(rows, columns, cells):
    """The keys of the cells to be printed bold."""
    bold = set()
    for column in columns:
        for dataset in dict.fromkeys(dataset for dataset, _ in rows):
            keys = [(row, column) for row in rows if row[0] == dataset and competes(cells.get((row, column)))]
            values = [cells[key].value for key in keys]
            if len(values) > 1:
                larger = METRICS[score_column(cells[keys[0]].metric)].larger_is_better
                best = max(values) if larger else min(values)
                bold |= {key for key, value in zip(keys, values, strict=True) if math.isclose(value, best)}
    return bold


def competes(cell):
    """Whether a cell may be the best of its column: of a purifier under attack, complete and defined."""
    if cell is None or not ranks_purifiers(cell) or cell.role == "clean":
        return False
    return cell.done == cell.expected and not math.isnan(cell.value)


def ranks_purifiers(cell):
    """Whether a cell belongs to a table in which one purifier may be better than another."""
    return not hasattr(cell, "minus_purifier") and cell.table != "degradations"


def cell_text(cell, sign=""):
    """0.512 [0.44, 0.58], with 'n of m' and the published value where there is something to say; signed for "+"."""
    if cell is None:
        return "–"
    sign = "+" if hasattr(cell, "minus_purifier") else sign
    text = "–" if math.isnan(cell.value) else format(cell.value, sign + ".3f")
    if not math.isnan(getattr(cell, "sd", math.nan)):
        text += f" ± {cell.sd:.3f}"
    if not math.isnan(cell.low):
        text += f" [{cell.low:{sign}.2f}, {cell.high:{sign}.2f}]"
    text += incomplete(cell)
    if not math.isnan(getattr(cell, "paper", math.nan)):
        text += f" (paper {cell.paper:.3f}{against_paper(cell)})"
    return text


def against_paper(cell):
    """', +0.012, inside': ours minus the published value, and whether that lies in our interval; as far as known."""
    text = "" if math.isnan(cell.value) else f", {cell.minus_paper:+.3f}"
    return text + {1: ", inside", 0: ", outside"}.get(cell.paper_inside, "")


def incomplete(cell):
    """' n of m' for a cell that lacks images, else nothing."""
    return "" if cell.done == cell.expected and cell.expected else f" {cell.done} of {cell.expected}"


def caption(table, level):
    """The table's title and how to read its cells."""
    title = TITLES.get(str(table["table"].iloc[0]), "") if len(table) else ""
    reading = f"Brackets: {level:.0%} intervals by bootstrap over groups."
    if any(map(ranks_purifiers, table.itertuples(index=False))):
        reading += " Bold: best complete condition of each dataset."
    if "paper" in table and table["paper"].notna().any():
        reading += " paper: the published value, ours minus it, and whether it lies inside our interval."
    if (table["done"] != table["expected"]).any():
        reading += " 'n of m': only n of m images have a score."
    return " ".join(part for part in (title, reading, table.attrs.get("note")) if part)


def as_markdown(table, level=0.95):
    """The table as Markdown, its caption above; detectors below each other, so that it fits a screen."""
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    detectors, names = ([*dict.fromkeys(part)] for part in zip(*columns, strict=True))
    lines, above = [], ("", "")
    for dataset in dict.fromkeys(dataset for dataset, _ in rows):
        for detector in detectors:
            for row in (row for row in rows if row[0] == dataset):
                keys = [(row, (detector, name)) for name in names]
                texts = [f"**{cell_text(cells[key])}**" if key in bold else cell_text(cells.get(key)) for key in keys]
                same = (above[0] == dataset, above == (dataset, detector))
                titles = ["" if known else title for title, known in zip((dataset, detector), same, strict=True)]
                lines.append([*titles, row[1], *texts])
                above = (dataset, detector)
    header = ["Dataset", "Detector", "Method", *names]
    header, *lines = [[text.replace("|", r"\|") for text in line] for line in [header, *lines]]
    body = tabulate(lines, header, tablefmt="pipe", disable_numparse=True)
    return f"{caption(table, level)}\n\n{body}\n"


def escape(text):
    """Plain text -> LaTeX."""
    return "".join(LATEX.get(character, character) for character in text)


def as_latex(table, level=0.95):
    """The laid out table as a LaTeX `table*` (packages booktabs, and graphicx to fit the page's width)."""
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    detectors = list(dict.fromkeys(detector for detector, _ in columns))
    spans = [sum(column[0] == detector for column in columns) for detector in detectors]
    header = [rf"\multicolumn{{{span}}}{{c}}{{{escape(name)}}}" for name, span in zip(detectors, spans, strict=True)]
    lines = [
        r"\begin{table*}",
        rf"\caption{{{escape(caption(table, level))}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{ll{'c' * len(columns)}}}",
        r"\toprule",
        " & ".join(["", "", *header]) + r" \\",
        " & ".join(["Dataset", "Method", *(escape(name) for _, name in columns)]) + r" \\",
    ]
    for i, row in enumerate(rows):
        first = not i or rows[i - 1][0] != row[0]
        texts = [escape(cell_text(cells.get((row, column)))) for column in columns]
        texts = [
            rf"\textbf{{{text}}}" if (row, column) in bold else text
            for text, column in zip(texts, columns, strict=True)
        ]
        lines += [r"\midrule"] * first
        lines.append(" & ".join([escape(row[0]) if first else "", escape(row[1]), *texts]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", r"\end{table*}", ""])


def write_csv(table, path):
    """The laid out table as CSV in full precision: value, low, high and images ('n of m') of every column.

    Over several seeds, also how many there are and what they differ by.
    """
    rows, columns, cells = lay_out(table)
    seeds = [key for key in ("seeds", "sd", "least", "most") if key in table]
    header = ["dataset", "method"]
    titles = ("", " low", " high", " images", *(f" {key}" for key in seeds))
    header += [f"{' '.join(column)}{what}" for column in columns for what in titles]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            values = []
            for column in columns:
                cell = cells.get((row, column))
                numbers = (cell.value, cell.low, cell.high) if cell else (math.nan,) * 3
                values += ["" if math.isnan(number) else f"{number:.6f}" for number in numbers]
                values.append(f"{cell.done} of {cell.expected}" if cell else "")
                values += [f"{getattr(cell, key):.6g}" if cell else "" for key in seeds]
            writer.writerow([*row, *values])


def write_table(table, stem, level=0.95):
    """Writes `<stem>.parquet`, `.csv`, `.md` and `.tex`, each whole or not at all; equal tables give equal bytes."""
    stem = Path(stem)
    write_parquet(table, f"{stem}.parquet")
    with whole_file(f"{stem}.csv") as path:
        write_csv(table, path)
    for ending, text in (("md", as_markdown(table, level)), ("tex", as_latex(table, level))):
        with whole_file(f"{stem}.{ending}") as path:
            path.write_text(text, encoding="utf-8")


def write_parquet(frame, path):
    """A DataFrame -> a Parquet file; for `scores.parquet`, all score rows together."""
    with whole_file(path) as temporary:
        frame.to_parquet(temporary, engine="pyarrow", index=False)
