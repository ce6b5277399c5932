"""The table of learned concepts: what they mean to the model, beside the success rate of what was purified with them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from cosalpure.labels import Entries
from cosalpure.score import bootstrap_mean
from cosalpure.seeds import numpy_generator
from cosalpure.tables.build import BOOTSTRAP, Bootstrap, Cells, Measured
from cosalpure.tables.columns import with_labels
from cosalpure.tables.definitions import KEYS, SPLITS, WORDS
from cosalpure.tables.rows import Row
from cosalpure.tables.scores import conditions_in, read_parts, read_scores
from cosalpure.tables.write import write_table

if TYPE_CHECKING:
    from cosalpure.tables.stage import Statistics

VALUES = {  # a metric of `cosalpure.score.words`: a group's value
    "word_rank": lambda ranks: ranks.astype(float),
    "own_word": lambda ranks: (ranks == 1).astype(float),
}


def run(
    word_files: Sequence[str | Path],
    score_files: Sequence[str | Path],
    settings: "Statistics",
    output: str | Path,
    seed: int,
    entries: Entries | None = None,
) -> None:
    """Write the table `output`.parquet, .csv, .md and .tex from the words and scores of conditions."""
    bootstrap: Bootstrap = {"seed": seed, "samples": settings.samples, "level": settings.level}
    table = build(read_words(word_files), read_scores(score_files), entries, **bootstrap)
    write_table(table, output, settings.level)


def read_words(files: Iterable[str | Path]) -> pd.DataFrame:
    """Read files of `cosalpure words measure` into one table, in their order."""
    absent = "no such file of words; write it with: cosalpure words measure"
    none = "no files of words: the table needs concepts that were learned from what a purifier is given"
    return read_parts(files, absent, none, ("dataset", "degradation", "slug", "rank"))


def build(
    words: pd.DataFrame, scores: pd.DataFrame, entries: Entries | None = None, **bootstrap: Unpack[Bootstrap]
) -> pd.DataFrame:
    """Build the tidy table: for each condition the metrics of its concepts, and the success rate by splits."""
    cells, rows = Cells(scores, **bootstrap), []
    by_source = {key: part for key, part in words.groupby(["dataset", "degradation"], sort=False)}
    for condition in conditions_in(scores):
        for metric in VALUES:
            its = cell(by_source[condition[:2]], metric, **bootstrap)
            rows.append((WORDS.key, *condition, metric, "avg", *its))
        rows += [(WORDS.key, *condition, "sr", split, *cells.mean(Row(*condition), "sr", split)) for split in SPLITS]
    return with_labels(pd.DataFrame(rows, columns=list(WORDS.measured)), entries or Entries(), WORDS.printed)


def cell(words: pd.DataFrame, metric: str, **bootstrap: Unpack[Bootstrap]) -> Measured:
    """Measure one metric of the concepts of a degradation's groups: the columns `CELL`, counted in groups."""
    its: Bootstrap = {**BOOTSTRAP, **bootstrap}
    names = (str(words[key].iloc[0]) for key in KEYS[:2])
    draws = numpy_generator(its["seed"], "bootstrap words", *names, metric)
    interval = bootstrap_mean(VALUES[metric](words["rank"]), words["slug"], draws, its["samples"], its["level"])
    return (*interval, len(words), len(words), 0, 0)
