"""`cosalpure degrade`: degrade the attacked images."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    SEED,
    Data,
    Groups,
    Seed,
    Settings,
    Threads,
    output,
    read_settings,
    span_of,
)


def degrade(
    method: Annotated[str, typer.Argument(metavar="DEGRADATION", help="FILE.py:CLASS, or one of: {degradations}.")],
    data: Data,
    output: Annotated[str, output("Folder of the degradation to write.")],
    groups: Groups = ALL,
    settings: Settings = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Degrade the attacked images of every group."""
    from cosalpure.degrade import DEGRADATIONS

    chosen = read_settings(DEGRADATIONS.get(method).settings, settings)
    span = span_of(groups, data)
    from cosalpure.degrade.stage import run

    run(method, chosen, data, output, span, seed)
