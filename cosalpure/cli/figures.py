"""The figures of `cosalpure report` that show images, maps and scores: one function a figure."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    LAYOUT,
    NO_SETTINGS,
    EntryLabels,
    Results,
    Threads,
    output,
    read_entries,
    several,
)

Png = Annotated[str, output("PNG file to write.")]
Purifiers = Annotated[list[str], several("--purifiers", "NAME", "Purifiers, one row each, in this order.")]
Detectors = Annotated[list[str], several("--detectors", "NAME", "Detectors, in this order.")]
Where = Annotated[
    tuple[str, str], typer.Option("--condition", metavar="DATASET DEGRADATION", help="Condition to show.")
]
WhereDetected = Annotated[
    tuple[str, str, str],
    typer.Option("--condition", metavar="DATASET DEGRADATION DETECTOR", help="Condition to show."),
]


def overview(
    condition: WhereDetected,
    purifiers: Purifiers,
    output: Png,
    results: Results = LAYOUT.results,
    entries: EntryLabels = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Draw a group before and after purification, with its maps."""
    from cosalpure.report.overview import draw

    draw(results, *condition, purifiers, output, read_entries(entries))


def comparison(
    condition: Where,
    purifiers: Purifiers,
    detectors: Detectors,
    output: Png,
    results: Results = LAYOUT.results,
    entries: EntryLabels = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Draw images, ground truths and maps.

    The figure is drawn as the paper's Figures 6 and 7.
    """
    from cosalpure.report.comparison import draw_comparison

    draw_comparison(results, *condition, purifiers, detectors, output, read_entries(entries))


def failures(
    condition: Where,
    purifier: Annotated[str, typer.Option("--purifier", metavar="NAME", help="Purifier whose failures are shown.")],
    detectors: Detectors,
    output: Png,
    results: Results = LAYOUT.results,
    entries: EntryLabels = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Draw the images that a purifier restores worst.

    The figure is drawn as the paper's Figure 2.
    """
    from cosalpure.report.comparison import draw_failures

    draw_failures(results, *condition, purifier, detectors, output, read_entries(entries))


def sweep(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="Table of degradations, such as results/tables/degradations.parquet.")
    ],
    points: Annotated[
        list[str], several("--points", "DATASET/DEGRADATION=VALUE", "Conditions and their values along the axis.")
    ],
    output: Annotated[str, output("PNG file to write. A CSV file of the numbers is written beside it.")],
    label: Annotated[str, typer.Option("--label", help="Title of the axis.")] = "",
    entries: EntryLabels = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Draw the success rate against the values of a setting."""
    from cosalpure.report.sweep import draw

    draw(table, points, label, output, read_entries(entries))
