"""The tables stage: score files in, every table out, as Parquet, CSV, Markdown and LaTeX."""

from pathlib import Path

from cosalpure.errors import choose
from cosalpure.labels import Entries
from cosalpure.score import EMPTY
from cosalpure.tables import table_names
from cosalpure.tables.build import (
    build_degradations,
    build_differences,
    build_seeds,
    build_table1,
    build_table2,
    build_table3,
    build_table4,
    conditions_in,
    read_scores,
)
from cosalpure.tables.write import write_parquet, write_table

TABLES = {
    "table1": build_table1,
    "table2": build_table2,
    "table3": build_table3,
    "table4": build_table4,
    "differences": build_differences,
    "degradations": build_degradations,
    "seeds": build_seeds,
}
SCORES = "scores"  # all rows in one file


def run(score_files, degradation, settings, output, seed, only=None, entries=None):
    """Write `output`/scores.parquet and the tables of `degradation`; `settings` is a `Statistics`.

    `only` names what to write, of `TABLES` and "scores"; without it, all that the scores have something for. `entries`
    has the labels, roles and reported rows of the experiment's entries (default: those of their methods).
    """
    entries = entries or Entries()
    scores = read_scores(score_files)
    note = left_out(scores)
    found = [*table_names(conditions_in(scores), degradation, entries), SCORES]
    for name in [choose("table", name, found, "--only") for name in only or found]:
        if name == SCORES:
            write_parquet(scores, Path(output) / "scores.parquet")
            continue
        options = {"entries": entries, "seed": seed, "samples": settings.samples, "level": settings.level}
        table = TABLES[name](scores, degradation, **options)
        table.attrs["note"] = note  # goes into the Parquet file, too
        write_table(table, Path(output) / name, settings.level)


def left_out(scores):
    """Sentences on the images that datasets left out as unfit, or kept without any object; empty if there are none."""
    counts = scores.groupby("dataset", sort=False)["left_out"].max()
    parts = [
        f"{dataset} leaves out {count} unfit image{'s' * (count > 1)}" for dataset, count in counts.items() if count
    ]
    empty = scores[[reason == EMPTY for reason in scores.get("reason", [""] * len(scores))]]
    empty = empty.drop_duplicates(["dataset", "slug", "file"])
    parts += [
        f"{dataset} has {count} image{'s' * (count > 1)} with an empty ground truth, scored by MAE only"
        for dataset, count in empty["dataset"].value_counts(sort=False).items()
    ]
    return f"{'; '.join(parts)} (problems.parquet beside its manifest)." if parts else ""
