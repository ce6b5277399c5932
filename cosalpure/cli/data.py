"""`cosalpure data`: make a dataset; list or download the published ones."""

from typing import Annotated

import typer

from cosalpure.cli import published
from cosalpure.cli.options import LAYOUT, NO_SETTINGS, Folder, Seed, Settings, Sources, Threads, output
from cosalpure.errors import UserError
from cosalpure.seeds import SEED

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the dataset; or list, or fetch. The name decides how it is made if it is one of: {datasets}.",
    ),
]
Published = Annotated[
    list[str] | None, typer.Argument(metavar="PUBLISHED", help="After fetch, what to download: {published}.")
]


def data(
    name: Name,
    names: Published = None,
    output: Annotated[str | None, output("Folder of the dataset to write.")] = None,
    folder: Folder = "datasets",
    sources: Sources = None,
    settings: Settings = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Make a dataset, or list or fetch the published ones.

    A dataset is a folder of images, ground truths and manifest.parquet.

    `cosalpure data list` shows the published datasets, and `cosalpure data fetch NAME` downloads them.
    """
    from cosalpure.data.settings import COMMANDS, dataset_settings
    from cosalpure.schema import inline

    if name in COMMANDS:
        return published.run("data", name, names or [], folder, sources)
    if names or not output:
        raise UserError(f"data {name}: say where to write it: --output {LAYOUT.stage('data', name)}")
    chosen = dataset_settings(name, inline(settings, "--settings"), "--settings")
    from cosalpure.data.stage import run

    run(name, chosen, output, seed, threads, archives=folder, sources=sources)
