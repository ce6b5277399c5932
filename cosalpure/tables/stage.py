"""The tables stage: score files in, every table out, as Parquet, CSV, Markdown and LaTeX."""

from pathlib import Path

from cosalpure.tables import table_names
from cosalpure.tables.build import (
    KEYS,
    build_degradations,
    build_differences,
    build_table1,
    build_table2,
    build_table3,
    build_table4,
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
}


def run(score_files, degradation, settings, output, seed):
    """Write `output`/scores.parquet and the tables of `degradation`; `settings` is a `Statistics`."""
    scores = read_scores(score_files)
    note = left_out(scores)
    conditions = [tuple(key) for key in scores[KEYS].drop_duplicates().to_numpy()]
    for name in table_names(conditions, degradation):
        table = TABLES[name](scores, degradation, seed=seed, samples=settings.samples, level=settings.level)
        table.attrs["note"] = note  # goes into the Parquet file, too
        write_table(table, Path(output) / name, settings.level)
    write_parquet(scores, Path(output) / "scores.parquet")


def left_out(scores):
    """A sentence on the images that datasets left out as unfit, empty if there are none."""
    counts = scores.groupby("dataset", sort=False)["left_out"].max()
    parts = [
        f"{dataset} leaves out {count} unfit image{'s' * (count > 1)}" for dataset, count in counts.items() if count
    ]
    return f"{'; '.join(parts)} (problems.parquet beside its manifest)." if parts else ""
