"""What the documentation's pages are filled with when the site is built: tables, settings, commands, methods.

A page calls these functions in double braces, such as `{{ table("results/data/mini.csv") }}`. The plug-in mkdocs-macros runs
them, and a mistake ends the build.

    python docs/macros.py       write the README's tables and the package's copy of the limitations anew
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
LIMITATIONS, LIMITATIONS_COPY = DOCS / "project/limitations.md", ROOT / "cosalpure/assets/limitations.csv"
README_BLOCK = r"(<!-- {}: [^>]*-->\n).*?(<!-- end -->)"
NUMBER = re.compile(r"\**[<>≤≥]?\s*[-−+]?[0-9]")  # how a cell with a number begins; the best value is bold


def define_env(env: Any) -> None:
    """Offer the functions below to all pages; mkdocs-macros calls it."""
    for function in (table, text, source, notebook, score_columns, settings, commands, methods, readme):
        env.macro(function)


def table(file: str, columns: Sequence[str] = (), signed: bool = False) -> str:
    """Write a csv file as a Markdown table; columns of numbers are aligned to the right.

    A first line that begins with "#" says what made the file, and is shown below the table. The columns "X low" and
    "X high" become brackets behind the value in "X".

    Args:
        file: the path below docs/, such as "results/data/mini/table2.csv".
        columns: names of the columns to show, in this order; all of them if empty.
        signed: whether values with an interval are differences and always carry a sign.
    """
    note, rows = read_table(file)
    rows = [with_intervals(row, signed) for row in rows]
    shown = markdown_table(columns or list(rows[0]), rows)
    return f"{shown}\n\n*{note}*" if note else shown


def read_table(file: str) -> tuple[str, list[dict[str, str]]]:
    """Read a csv file below docs/: its note, or "", and its rows."""
    lines = (DOCS / file).read_text(encoding="utf-8").splitlines()
    note = lines.pop(0).lstrip("# ") if lines[0].startswith("#") else ""
    return note, list(csv.DictReader(lines))


def with_intervals(row: dict[str, str], signed: bool) -> dict[str, str]:
    """Join "X", "X low" and "X high" to one cell, such as "0.812 [0.71, 0.90]", with "X images" where some have no score."""
    bounds = {f"{name} {side}" for name in row for side in ("low", "high", "images")}
    cells = {name: cell for name, cell in row.items() if name not in bounds}
    for name, cell in cells.items():
        low, high = row.get(f"{name} low"), row.get(f"{name} high")
        if low and high:
            sign = "+" if signed else ""
            digits = min(3, len(cell.partition(".")[2]))
            cells[name] = f"{float(cell):{sign}.{digits}f} [{float(low):{sign}.2f}, {float(high):{sign}.2f}]"
            scored, _, wanted = row.get(f"{name} images", "").partition(" of ")
            cells[name] += f" ({scored} of {wanted})" if scored != wanted else ""
    return cells


def markdown_table(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """Write rows as a Markdown table."""

    def numeric(column: str) -> bool:
        cells = [row[column] for row in rows if row[column]]
        return bool(cells) and all(map(NUMBER.match, cells))

    rule = ["---:" if numeric(column) else ":---" for column in columns]
    lines = [columns, rule, *([row[column].replace("|", "\\|") for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def score_columns() -> str:
    """Describe the columns of scores.parquet in their order; the metrics describe themselves."""
    from cosalpure.score import METRICS, QUALITY
    from cosalpure.score.condition import columns
    from cosalpure.score.draws import COLUMNS, DRAW_METRICS

    rows = {row["column"]: row for row in read_table("results/data/score-columns.csv")[1]}
    for name, metric in {**METRICS, **QUALITY, **DRAW_METRICS}.items():
        low, high = (f"{value:g}".replace("inf", "∞") for value in metric.range)
        better = (
            "best at 0"
            if name == "exposure_change"
            else f"{'larger' if metric.larger_is_better else 'smaller'} is better"
        )
        meaning = f"**{metric.title}**: {metric.formula}. Range {low} to {high}, {better}."
        rows[name] = {"type": "float64", "meaning": meaning}
    ordered = [rows[name] | {"column": f"`{name}`"} for name in (*columns(further=True), *COLUMNS)]
    return markdown_table(("column", "type", "meaning"), ordered)


def settings() -> str:
    """List every key of a configuration."""
    from cosalpure.experiment.reference import docs_text

    return docs_text()


def commands() -> str:
    """Describe every command, a section each."""
    import typer
    from typer.cli import get_docs_for_click

    from cosalpure.cli.application import app
    from cosalpure.cli.command import with_choices

    command = typer.main.get_command(app)
    text = with_choices(get_docs_for_click(obj=command, ctx=typer.Context(command), name="cosalpure"))
    return text[text.index("\n## ") + 1 :]  # the families' summary is the page's own


def methods(family: str) -> str:
    """List the methods of a family ("degradations", "purifiers" or "detectors"): printed name, entries, paper."""
    from cosalpure.methods import METHODS
    from cosalpure.tags import EXPERIMENTS, experiment_of

    entries: dict[str, list[str]] = {}  # {method: entries with tags}
    for tag in EXPERIMENTS:
        for name, its in experiment_of(tag).methods(family).items():  # type: ignore[arg-type]
            entries.setdefault(its.method, []).append(f"`{name}.{tag}`")
    rows = []
    for name, method in METHODS[family].builtin.items():  # type: ignore[index]
        papers = "; ".join(map(paper, method.cite))
        rows.append(
            {
                "method": f"`{name}`",
                "printed": method.label_of(),
                "paper": papers,
                "entries": ", ".join(entries.get(name, [])),
            }
        )
    return markdown_table(["method", "printed", "paper", "entries"], rows)


def paper(key: str) -> str:
    """Write a reference as its authors, venue and year."""
    from cosalpure.report.citations import references

    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", references()[key], re.M))
    names = [author.split(",")[0] for author in fields["author"].split(" and ")]
    authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{authors}, {fields.get('booktitle') or fields['journal']} {fields['year']}"


def text(file: str) -> str:
    """Insert a generated Markdown file, whose path is below docs/."""
    return (DOCS / file).read_text(encoding="utf-8")


def source(file: str) -> str:
    """Show a Python file, whose path is below docs/."""
    return f"```python\n{(DOCS / file).read_text(encoding='utf-8')}```"


def notebook(file: str) -> str:
    """Show a notebook, whose path is below docs/: its texts, code, and the outputs that are stored in it."""
    cells = json.loads((DOCS / file).read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        parts += map(shown, cell.get("outputs", []))
    return "\n\n".join(parts)


def shown(output: dict[str, Any]) -> str:
    """Write an output of a notebook's cell: its picture, or its text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![output](data:image/png;base64,{''.join(data['image/png']).strip()})"
    text = "".join(data.get("text/plain") or output.get("text", ""))
    return f"```text\n{text.rstrip()}\n```"


def readme() -> str:
    """Show the README as the site's first page: its links to pages become those of the site."""
    return site_links((ROOT / "README.md").read_text(encoding="utf-8"))


def readme_tables() -> dict[str, str]:
    """Write the README's tables by the names of their blocks: success rates of GICD in Table 2 and in Table 5."""
    rates = {"method": "Method", "GICD adv↑": "Attacked images", "GICD clean↑": "Clean images"}
    adaptive = {
        "purifier": "Method",
        "Jadena (transfer)": "Neither (Jadena)",
        "detector known": "The detector",
        "full gradient": "Both, 10 steps",
        "full gradient, 20 steps": "Both, 20 steps",
    }
    attacked = read_table("results/data/mini/table5.csv")[1]
    return {
        "table": renamed(rates, read_table("results/data/mini/table2.csv")[1]),
        "adaptive": renamed(adaptive, [row for row in attacked if row["detector"] == "GICD"]),
    }


def renamed(columns: dict[str, str], rows: Sequence[dict[str, str]]) -> str:
    """Write rows as a Markdown table of these columns, whose headings are the values of `columns`."""
    cells = [with_intervals(row, signed=False) for row in rows]
    return markdown_table(list(columns.values()), [{columns[key]: row[key] for key in columns} for row in cells])


def write_readme() -> None:
    """Write the README's tables anew."""
    file = ROOT / "README.md"
    text = file.read_text(encoding="utf-8")
    for name, shown in readme_tables().items():
        text = re.sub(README_BLOCK.format(name), f"\\1{shown}\n\\2", text, flags=re.S)
    file.write_text(text, encoding="utf-8")


def limitations() -> str:
    """Write the items of the page on limitations as csv, plain text: the report page shows them outside a clone, too."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("heading", "name", "text"))
    for part in re.split(r"^## ", LIMITATIONS.read_text(encoding="utf-8"), flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        for name, item in re.findall(r"^- \*\*(.+?)\.?\*\* (.+?)(?=\n-|\n*\Z)", body, flags=re.M | re.S):
            rows.writerow(plain(its) for its in (heading, name, item))
    return written.getvalue()


def plain(markdown: str) -> str:
    """Write Markdown as plain text on one line: a link is what it shows; in brackets of its own, it is left out."""
    without = re.sub(r"\s+\(\[[^]]*\]\([^)]*\)\)", "", markdown)
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", without).replace("`", "").split())


def site_links(text: str) -> str:
    """Turn links of a file in the repository's root into those of docs/index.md; other files keep their name only."""

    def link(match: re.Match[str]) -> str:
        shown, target = match.groups()
        if target.startswith(("http", "#")):
            return match[0]
        if target.startswith("docs/"):
            return f"[{shown}]({target.removeprefix('docs/').replace('.ipynb', '.md')})"
        return f"`{target}`"

    return re.sub(r"\[([^]]*)\]\(([^)\s]+)\)", link, text)


if __name__ == "__main__":
    write_readme()
    LIMITATIONS_COPY.write_text(limitations(), encoding="utf-8")
