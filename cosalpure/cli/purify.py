"""`cosalpure purify`: purify the images of a dataset."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    SEED,
    Data,
    Groups,
    Images,
    Model,
    Seed,
    Settings,
    Threads,
    output,
    read_model,
    read_settings,
    span_of,
)


def purify(
    method: Annotated[str, typer.Argument(metavar="PURIFIER", help="FILE.py:CLASS, or one of: {purifiers}.")],
    data: Data,
    images: Images,
    output: Annotated[str, output("Folder of the purifier to write.")],
    concepts: Annotated[
        str | None,
        typer.Option("--concepts", metavar="DIR", help="Folder of the learned concepts, if the purifier needs them."),
    ] = None,
    groups: Groups = ALL,
    settings: Settings = NO_SETTINGS,
    text_to_image: Model = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Purify every image of every group."""
    from cosalpure.purify import PURIFIERS

    chosen, model = read_settings(PURIFIERS.get(method).settings, settings), read_model(text_to_image)
    span = span_of(groups, data)
    from cosalpure.purify.stage import run

    run(method, chosen, model, data, images, concepts, output, span, seed)
