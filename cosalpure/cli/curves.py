"""`cosalpure curves`: max F and max E at one threshold for a whole dataset."""

from typing import Annotated

import typer

from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import (
    NO_SETTINGS,
    Data,
    EntryLabels,
    Seed,
    Settings,
    Threads,
    output,
    read_entries,
    read_settings,
    read_statistics,
)
from cosalpure.seeds import SEED

curves = new_app(help="Max F and max E at one threshold for a whole dataset, as papers report them.")


@curves.command("measure", cls=Command)
def measure(
    data: Data,
    maps: Annotated[str, typer.Option("--maps", metavar="DIR", help="Folder of the detector.")],
    condition: Annotated[
        tuple[str, str, str, str],
        typer.Option(
            "--condition",
            metavar="DATASET DEGRADATION PURIFIER DETECTOR",
            help="Names to write into the rows.",
        ),
    ],
    output: Annotated[str, output("Parquet file to write.")],
    settings: Settings = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Add up the F and E curves of a condition. The file has two rows for the attacked and two for the clean images of a group."""
    from cosalpure.score.settings import Score

    chosen = read_settings(Score, settings)
    from cosalpure.data import read_manifest
    from cosalpure.score.curves import measure_condition
    from cosalpure.tables.write import write_parquet

    names = dict(zip(("dataset", "degradation", "purifier", "detector"), condition, strict=True))
    write_parquet(measure_condition(f"{maps}/maps", data, read_manifest(data), names, chosen.beta2), output)


@curves.command("table", cls=Command)
def table(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files of `cosalpure curves measure`.")],
    output: Annotated[str, output("Table to write, without its ending: .parquet, .csv, .md and .tex are added.")],
    settings: Settings = NO_SETTINGS,
    entries: EntryLabels = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Build the table of max F and max E from the curves of conditions."""
    statistics = read_statistics(settings)
    from cosalpure.tables.dataset import run

    run(files, statistics, output, seed, read_entries(entries))
