"""`cosalpure purify`: purify the images of a dataset."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    Data,
    Groups,
    Images,
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
    draws: Annotated[
        int, typer.Option("--draws", metavar="K", min=1, help="Number of draws of the purifier's noise.")
    ] = 1,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Purify every image of every group."""
    from cosalpure.purify import PURIFIERS

    chosen, model = read_settings(PURIFIERS.get(method).settings, settings), read_model(text_to_image)
    span = span_of(groups, data)
    apart(output, data, images, concepts)
    from cosalpure.draws import first_last, folder, keep, seed_of
    from cosalpure.purify.stage import run

    for draw in first_last(draws):
        place, own_seed = folder(output, draw), seed_of(seed, draw)
        run(method, chosen, model, data, images, concepts, place, span, own_seed)
    keep(output, draws)
