"""`cosalpure words`: what learned concepts mean to their model."""

from typing import Annotated

import typer

from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import (
    NO_SETTINGS,
    Concepts,
    Data,
    EntryLabels,
    Model,
    Seed,
    Settings,
    Threads,
    output,
    read_entries,
    read_model,
    read_statistics,
    several,
)
from cosalpure.seeds import SEED

words = new_app(help="Which real words lie near the learned concepts.")


@words.command("measure", cls=Command)
def measure(
    data: Data,
    concepts: Concepts,
    condition: Annotated[
        tuple[str, str],
        typer.Option("--condition", metavar="DATASET DEGRADATION", help="Names to write into the rows."),
    ],
    output: Annotated[str, output("Parquet file to write.")],
    text_to_image: Model = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Rank each group's own word by its distance from the group's concept. The file has a row for each group."""
    settings = read_model(text_to_image)
    from cosalpure.concept.words import measure as ranks
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.tables.write import write_parquet

    found = ranks(TextToImage.of(settings), data, concepts)
    write_parquet(found.assign(dataset=condition[0], degradation=condition[1]), output)


@words.command("table", cls=Command)
def table(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files of `cosalpure words measure`.")],
    scores: Annotated[
        list[str],
        several("--scores", "FILE", "Score files of what was purified with these concepts, in the order of the table."),
    ],
    output: Annotated[str, output("Table to write, without its ending: .parquet, .csv, .md and .tex are added.")],
    settings: Settings = NO_SETTINGS,
    entries: EntryLabels = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Build the table of word ranks, beside the success rate of what was purified with the concepts."""
    statistics = read_statistics(settings)
    from cosalpure.tables.words import run

    run(files, scores, statistics, output, seed, read_entries(entries))
