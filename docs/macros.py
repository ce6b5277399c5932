"""What the documentation's pages are filled with when the site is built: tables, settings, commands, methods.

A page calls these functions in double braces, such as `{{ table("results/data/mini.csv") }}`. The plug-in mkdocs-macros runs
them, and a mistake ends the build.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
NUMBER = re.compile(r"\**[<>≤≥]?\s*[-−+]?[0-9]")  # how a cell with a number begins; the best value is bold


def define_env(env: Any) -> None:
    """Offer the functions below to all pages; mkdocs-macros calls it."""
    for function in (table, settings, commands, methods, readme):
        env.macro(function)


def table(file: str, columns: Sequence[str] = ()) -> str:
    """Write a csv file as a Markdown table; columns of numbers are aligned to the right.

    Args:
        file: the path below docs/, such as "results/data/mini.csv".
        columns: names of the columns to show, in this order; all of them if empty.
    """
    with (DOCS / file).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return markdown_table(columns or list(rows[0]), rows)


def markdown_table(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """Write rows as a Markdown table."""

    def numeric(column: str) -> bool:
        cells = [row[column] for row in rows if row[column]]
        return bool(cells) and all(map(NUMBER.match, cells))

    rule = ["---:" if numeric(column) else ":---" for column in columns]
    lines = [columns, rule, *([row[column].replace("|", "\\|") for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
    """List the methods of a family: "degradations", "purifiers" or "detectors"."""
    from cosalpure.methods import METHODS

    registry = METHODS[family]  # type: ignore[index]
    return "\n".join(f"- `{name}`" for name in registry.names())


def readme() -> str:
    """Show the README as the site's first page: its links to pages become those of the site."""
    return site_links((ROOT / "README.md").read_text(encoding="utf-8"))


def site_links(text: str) -> str:
    """Turn links of a file in the repository's root into those of docs/index.md; other files keep their name only."""

    def link(match: re.Match[str]) -> str:
        shown, target = match.groups()
        if target.startswith(("http", "#")):
            return match[0]
        if target.startswith("docs/"):
            return f"[{shown}]({target.removeprefix('docs/')})"
        return f"`{target}`"

    return re.sub(r"\[([^]]*)\]\(([^)\s]+)\)", link, text)
