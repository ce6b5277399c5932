"""`cosalpure tables`: build, check, compare and show the tables."""

from functools import partial
from typing import Annotated

import typer

from cosalpure.cli.command import Command, new_app
from cosalpure.cli.options import (
    LAYOUT,
    NO_SETTINGS,
    EntryLabels,
    Seed,
    Settings,
    Threads,
    output,
    read_entries,
    read_statistics,
    several,
)
from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout
from cosalpure.seeds import SEED
from cosalpure.tables import Condition, Split

tables = new_app(help="Build, check, compare and show the paper's tables.")


@tables.command("build", cls=Command)
def build(
    scores: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Score files. Their order is the order in the tables.")
    ],
    output: Annotated[str, output("Folder of the tables to write.")],
    degradation: Annotated[
        str, typer.Option("--degradation", metavar="NAME", help="Degradation that the tables are about.")
    ] = "jadena",
    only: Annotated[
        list[str] | None,
        several("--only", "NAME", "Tables to write, {tables}; or scores, one file of all rows. Default: all."),
    ] = None,
    attacks: Annotated[
        str | None,
        typer.Option("--attacks", metavar="DIR", help="Folder of the stage degrade: Table 5 tells what attacks cost."),
    ] = None,
    settings: Settings = NO_SETTINGS,
    entries: EntryLabels = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Build the paper's tables from score files."""
    statistics = read_statistics(settings)
    from cosalpure.degrade.cost import cost_of
    from cosalpure.tables.stage import run

    costs = partial(cost_of, attacks) if attacks else None
    run(scores, degradation, statistics, output, seed, only or None, read_entries(entries), costs)


@tables.command("check", cls=Command)
def check(
    scores: Annotated[list[str], typer.Argument(metavar="FILE", help=f"Score files, or {LAYOUT.scores}.")],
    output: Annotated[str, output("Text file to write if nothing is missing: one line for each condition.")],
    threads: Threads = 1,
) -> None:
    """Fail unless every image of every condition has a score."""
    from cosalpure.tables.complete import run

    run(scores, output)


@tables.command("compare", cls=Command)
def compare(
    a: Annotated[str, typer.Argument(metavar="RESULTS_A", help="Folder of results.")],
    b: Annotated[str, typer.Argument(metavar="RESULTS_B", help="Folder of results. Differences are B minus A.")],
    metric: Annotated[
        list[str] | None, several("--metric", "NAME", "Metrics to compare. Default: those of Table 1.")
    ] = None,
    split: Annotated[
        Split,
        typer.Option("--split", help="Images to compare: all, the attacked ones, or the clean ones."),
    ] = "avg",
    output: Annotated[str | None, output("Also write the table here: .csv, .md or .parquet.")] = None,
    settings: Settings = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Print the paired differences between two runs.

    Only images that both runs have scored are compared. A line says whether both were made by the same code, versions and
    devices.
    """
    statistics = read_statistics(settings)
    from cosalpure import provenance
    from cosalpure.tables.compare import run

    ours, theirs = Layout(a), Layout(b)

    def made(conditions: list[Condition]) -> str:
        return provenance.difference(
            provenance.read(ours, conditions), provenance.read(theirs, conditions), names=(a, b)
        )

    run((ours.scores, theirs.scores), (a, b), metric or None, split, statistics, output, seed, made)


@tables.command("show", cls=Command)
def show(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Markdown file of the table.")] = LAYOUT.table(
        "table2", "md"
    ),
) -> None:
    """Print a finished table."""
    try:
        with open(table, encoding="utf-8") as file:
            print(file.read().rstrip())
    except FileNotFoundError:
        raise UserError(f"{table}: no such table yet; make it with: snakemake --cores all") from None
    except UnicodeDecodeError:
        raise UserError(f"{table}: not text; expected the Markdown file of a table") from None
