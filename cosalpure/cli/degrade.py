"""`cosalpure degrade`: degrade the attacked images."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    Data,
    Groups,
    Model,
    Seed,
    Settings,
    Threads,
    apart,
    output,
    read_model,
    read_settings,
    span_of,
)
from cosalpure.seeds import SEED


def degrade(
    method: Annotated[str, typer.Argument(metavar="DEGRADATION", help="FILE.py:CLASS, or one of: {degradations}.")],
    data: Data,
    output: Annotated[str, output("Folder of the degradation to write.")],
    concepts: Annotated[
        str | None,
        typer.Option(
            "--concepts", metavar="DIR", help="Folder of the concepts that an attack knows, if it needs them."
        ),
    ] = None,
    groups: Groups = ALL,
    settings: Settings = NO_SETTINGS,
    text_to_image: Model = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Degrade the attacked images of every group."""
    from cosalpure.degrade import DEGRADATIONS

    chosen, model = read_settings(DEGRADATIONS.get(method).settings, settings), read_model(text_to_image)
    span = span_of(groups, data)
    apart(output, data, concepts)
    from cosalpure.degrade.stage import run

    run(method, chosen, data, output, span, seed, model, concepts)
