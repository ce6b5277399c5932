"""The tables stage: score files in, every table out, as Parquet, CSV, Markdown and LaTeX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cosalpure.errors import choose
from cosalpure.labels import Entries
from cosalpure.tables.build import Bootstrap, CostOf, build_table
from cosalpure.tables.definitions import TABLES, table_names
from cosalpure.tables.scores import conditions_in, left_out, read_scores
from cosalpure.tables.write import write_parquet, write_table

SCORES = "scores"  # all rows in one file


class Statistics(Protocol):
    """The settings of the bootstrap, as tables read them."""

    samples: int
    level: float


def run(
    score_files: Sequence[str | Path],
    degradation: str,
    settings: Statistics,
    output: str | Path,
    seed: int,
    only: Sequence[str] | None = None,
    entries: Entries | None = None,
    cost_of: CostOf | None = None,
) -> None:
    """Write `output`/scores.parquet and the tables of `degradation`.

    `only` names what to write, of `TABLES` and "scores"; without it, all that the scores have something for. `entries`
    has the labels, roles and reported rows of the experiment's entries (default: those of their methods). `cost_of` is that of
    `build_table`.
    """
    entries = entries or Entries()
    scores = read_scores(score_files)
    found = [*table_names(conditions_in(scores), degradation, entries), SCORES]
    for name in [choose("table", name, found, "--only") for name in only or found]:
        if name == SCORES:
            write_parquet(scores, Path(output) / f"{SCORES}.parquet")
            continue
        bootstrap: Bootstrap = {"seed": seed, "samples": settings.samples, "level": settings.level}
        table = build_table(TABLES[name], scores, degradation, entries, cost_of=cost_of, **bootstrap)
        table.attrs["note"] = left_out(scores)  # goes into the Parquet file, too
        write_table(table, Path(output) / name, settings.level)
