"""`cosalpure report`: the figures of a run, its HTML page, and screenshots of the page."""

import json
from typing import Annotated, Any

import typer

from cosalpure.cli import concept_figures, figures
from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import (
    LAYOUT,
    NO_SETTINGS,
    Benchmarks,
    EntryLabels,
    Seed,
    Settings,
    Threads,
    output,
    read_entries,
    read_statistics,
)
from cosalpure.errors import UserError
from cosalpure.seeds import SEED

report = new_app(help="Draw the figures of a run, or write its HTML page.")
for draw in (
    figures.overview,
    figures.comparison,
    figures.failures,
    figures.sweep,
    concept_figures.concepts,
    concept_figures.attention,
):
    report.command(cls=Command)(draw)


@report.command("page", cls=Command)
def page(
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="Folder of the results, with its tables.")],
    output: Annotated[str, output("HTML file to write.")],
    configuration: Annotated[
        str,
        typer.Option(
            "--configuration", metavar="JSON", help="Whole configuration of the run, to be shown.", show_default=False
        ),
    ] = "{}",
    figures: Annotated[
        str | None,
        typer.Option(
            "--figures", metavar="A.png,B.png", help="Files of the figures to show. Default: all that are there."
        ),
    ] = None,
    benchmarks: Benchmarks = LAYOUT.benchmarks,
    settings: Settings = NO_SETTINGS,
    entries: EntryLabels = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Write one self-contained HTML page of a run, to open from disk."""
    statistics, config = read_statistics(settings), read_configuration(configuration)
    from cosalpure.report.page import run

    names = None if figures is None else figures.split(",")
    run(results, config, statistics, seed, benchmarks, output, read_entries(entries), names)


@report.command("screenshot", cls=Command)
def screenshot(
    page: Annotated[str, typer.Argument(metavar="HTML", help="The HTML page of a run.")],
    output: Annotated[str, output("PNG file to write.")],
    part: Annotated[
        str, typer.Option("--part", metavar="NAME", help="Heading of the page at which the picture begins.")
    ] = "gallery",
    width: Annotated[int, typer.Option("--width", metavar="PX", min=300, help="Width of the window.")] = 1000,
    dark: Annotated[bool, typer.Option("--dark", help="Use the page's dark colours.")] = False,
    threads: Threads = 1,
) -> None:
    """Take a picture of a part of the page, with Chromium."""
    from cosalpure.report.screenshot import take

    take(page, part, output, width, dark)


def read_configuration(text: str) -> dict[str, Any]:
    """Read the JSON object of --configuration."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"--configuration: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise UserError("--configuration: expected a JSON object, {...}")
    return found
