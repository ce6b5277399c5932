"""From score rows (one an image) to tidy tables: one row a cell, with its interval and how complete it is.

value     plain mean over the images that are done, as published
low, high percentile bootstrap over groups
expected  images that the cell is about; `done` of them were scored, `failed` of them have an invalid map,
          the rest has none
undefined of the done ones, those without a value (AP of an empty ground truth); left out of the mean
paper     the published value, NaN where there is none; minus_paper is value - paper, paper_inside says whether the
          published value lies in the interval (NaN without one)
label     the row as printed; detector_label the detector as printed
role      the purifier's role in the experiment; "clean" for the reference without any degradation
seeds     over how many seeds a mean is taken; sd is the standard deviation of the seeds' means, least and most are
          the smallest and largest of them
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd

from cosalpure.errors import UserError
from cosalpure.labels import Entries
from cosalpure.score import bootstrap_difference, bootstrap_mean
from cosalpure.score.settings import LEVEL, SAMPLES
from cosalpure.seeds import numpy_generator, split_repeat
from cosalpure.tables.columns import with_labels, with_paper_values
from cosalpure.tables.definitions import CELL, COSTS, SPLITS, TABLES, Split, Table, metric_of
from cosalpure.tables.rows import Difference, Request, Row, purifier_rows
from cosalpure.tables.scores import IMAGE, by_condition, conditions_in, expected_images, in_split, read_scores

__all__ = [  # what other parts of the package measure with
    "Bootstrap",
    "CELL",
    "SPLITS",
    "build_cells",
    "build_differences",
    "build_table",
    "cell",
    "conditions_in",
    "in_split",
    "pair",
    "paired_cell",
    "read_scores",
    "score_column",
    "with_labels",
]

CostOf = Callable[[str, str], Mapping[str, float]]
Measured = tuple[float, float, float, int, int, int, int]  # the columns `CELL`


class Bootstrap(TypedDict, total=False):
    """How intervals are drawn; what is not given is that of `BOOTSTRAP`."""

    seed: int
    samples: int
    level: float


BOOTSTRAP: Bootstrap = {"seed": 0, "samples": SAMPLES, "level": LEVEL}


def build_table(
    table: Table,
    scores: pd.DataFrame,
    degradation: str,
    entries: Entries | None = None,
    datasets: Sequence[str] | None = None,
    purifiers: Sequence[str] | None = None,
    detectors: Sequence[str] | None = None,
    pairs: Sequence[Difference] | None = None,
    cost_of: CostOf | None = None,
    **bootstrap: Unpack[Bootstrap],
) -> pd.DataFrame:
    """Build a table from score rows, tidy: a row a cell, in the order of the definition's rows, metrics and splits.

    Args:
        table: its definition, such as `TABLES["table1"]`; the result has its `columns`.
        scores: score rows of all conditions, as `read_scores` gives them.
        degradation: the entry that the table is about; tables of other degradations ignore it.
        entries: labels, roles and reported rows (default: those of the methods).
        datasets: what to show, as in `Request`.
        purifiers: the same.
        detectors: the same.
        pairs: differences to show, as in `Request`.
        cost_of: gives the numbers of `COSTS` of a (dataset, degradation).
        bootstrap: `seed`, `samples` and `level` of the intervals.
    """
    entries = entries or Entries()
    request = Request(conditions_in(scores), degradation, entries, datasets, purifiers, detectors, pairs)
    rows, cells = rows_of(table, request), Cells(scores, **bootstrap)
    several = table.of_draws and "draws" in scores
    tidy = measure(replace(table, metrics=table.of_draws) if several else table, rows, cells, cost_of)
    if table.measure == "mean":
        tidy = with_paper_values(tidy, entries)
    return with_labels(tidy, entries, table.printed)[list(table.columns)]


def rows_of(table: Table, request: Request) -> list[Row]:
    """List a table's rows; a UserError where a table of every run has none."""
    rows = table.rows(request)
    if table.always and not rows:
        found = ", ".join(dict.fromkeys(its[1] for its in request.conditions))
        raise UserError(f"no scores of degradation '{request.degradation}'; there are some of: {found}")
    return rows


def measure(table: Table, rows: Sequence[Row], cells: "Cells", cost_of: CostOf | None = None) -> pd.DataFrame:
    """Measure every metric and split of a table's rows, and their costs; without labels and published values."""
    of_row = {"mean": cells.mean, "difference": cells.difference, "spread": cells.spread}[table.measure]
    measured: list[tuple[object, ...]] = []
    for row in rows:
        found: list[tuple[object, ...]] = [
            (metric.name, split, *of_row(row, metric.name, split)) for metric in table.metrics for split in table.splits
        ]
        found += costs(row, cells, cost_of) if table.costs and cost_of else []
        measured += [(table.key, *row.condition, *(row.minus or ()), *its) for its in found]
    return pd.DataFrame(measured, columns=list(table.measured))


def costs(row: Row, cells: "Cells", cost_of: CostOf) -> list[tuple[object, ...]]:
    """List what the row's degradation costs: a metric, the split "avg", and a cell without an interval; NaN if unknown."""
    known, images = cost_of(row.dataset, row.degradation), cells.expected(row.dataset, "avg")
    return [(name, "avg", known.get(name, np.nan), np.nan, np.nan, images, images, 0, 0) for name in COSTS]


def build_cells(
    scores: pd.DataFrame,
    table: str,
    degradation: str,
    metrics: Sequence[str],
    splits: Sequence[Split],
    datasets: Sequence[str] | None = None,
    entries: Entries | None = None,
    **bootstrap: Unpack[Bootstrap],
) -> pd.DataFrame:
    """Build the cells of every purifier under a degradation, as Table 1 has them, for any metrics and splits.

    `table` is what the column of that name says; the other arguments are those of `build_table`.
    """
    its = Table(table, "", purifier_rows, tuple(map(metric_of, metrics)), tuple(splits), always=True)
    return build_table(its, scores, degradation, entries, datasets, **bootstrap)


def build_differences(
    scores: pd.DataFrame,
    degradation: str,
    splits: Sequence[Split] = SPLITS,
    pairs: Sequence[Difference] | None = None,
    entries: Entries | None = None,
    **bootstrap: Unpack[Bootstrap],
) -> pd.DataFrame:
    """Build the table of differences for some pairs and splits; the arguments are those of `build_table`."""
    its = replace(TABLES["differences"], splits=tuple(splits))
    return build_table(its, scores, degradation, entries, pairs=pairs, **bootstrap)


class Cells:
    """The cells that score rows give, each with an interval of its own that does not depend on the other cells."""

    def __init__(self, scores: pd.DataFrame, **bootstrap: Unpack[Bootstrap]) -> None:
        self.conditions = by_condition(scores)
        self.bootstrap: Bootstrap = {**BOOTSTRAP, **bootstrap}
        self.expected = lru_cache(maxsize=None)(partial(expected_images, self.conditions))
        self.paired = lru_cache(maxsize=1)(self._paired)  # once for all metrics and splits of a row

    def mean(self, row: Row, metric: str, split: Split) -> Measured:
        """Measure the mean of the row's condition; one without any scores is all missing."""
        rows = self.conditions.get(row.condition)
        return cell(rows, row.condition, metric, split, self.expected(row.dataset, split), **self.bootstrap)

    def difference(self, row: Row, metric: str, split: Split) -> Measured:
        """Measure the row's condition minus the other one, on the images that both have."""
        return paired_cell(self.paired(row), (*row.condition, *(row.minus or ())), metric, split, **self.bootstrap)

    def spread(self, row: Row, metric: str, split: Split) -> tuple[float, ...]:
        """Measure the mean over all seeds of the row's degradation, and what the seeds differ by.

        The bootstrap draws groups, each with all of its seeds. A purifier that was run under one seed has no `sd`.
        """
        rows = [
            rows
            for (dataset, name, *others), rows in self.conditions.items()
            if row.condition == (dataset, split_repeat(name)[0], *others)
        ]
        together = pd.concat(rows)
        here = in_split(together, split)
        done = together[here & (together["status"] == "done").to_numpy()]
        means = done.groupby(done["degradation"].map(seed_number))[metric_of(metric).column].mean()
        measured = cell(together, row.condition, metric, split, int(here.sum()), **self.bootstrap)
        return (*measured, len(means), means.std(), means.min(), means.max())

    def _paired(self, row: Row) -> pd.DataFrame:
        assert row.other, "a row of differences names what is taken away"
        return pair(self.conditions[row.condition], self.conditions[row.other])


def cell(
    rows: pd.DataFrame | None,
    key: Sequence[str],
    metric: str,
    split: Split,
    expected: int,
    seed: int,
    samples: int,
    level: float,
) -> Measured:
    """Measure one condition's `rows` (None: there are none); `key` names the cell, which its interval's seed is of."""
    if rows is None:
        return (np.nan, np.nan, np.nan, expected, 0, 0, 0)
    part = rows[in_split(rows, split)]
    done = part[part["status"] == "done"]
    values = done[metric_of(metric).column]
    generator = numpy_generator(seed, "bootstrap", *key, metric, split)
    interval = bootstrap_mean(values, done["slug"], generator, samples, level)
    failed = int((part["status"] == "failed").sum())
    return (*interval, max(expected, len(part)), len(done), failed, int(values.isna().sum()))


def pair(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Put two conditions' rows side by side, image by image; what only one of them has stays, missing in the other."""
    both = a.merge(b, on=list(IMAGE), how="outer", suffixes=("", "_minus"), sort=False)
    both["attacked"] = both["attacked"].fillna(both["attacked_minus"]).astype(bool)
    return both


def paired_cell(
    both: pd.DataFrame, key: Sequence[str], metric: str, split: Split, seed: int, samples: int, level: float
) -> Measured:
    """Measure the difference of paired rows; `key` names the cell, which its interval's seed is of."""
    part = both[in_split(both, split)]
    done = part[(part["status"] == "done") & (part["status_minus"] == "done")]
    column = metric_of(metric).column
    a, b = done[column], done[f"{column}_minus"]
    generator = numpy_generator(seed, "bootstrap difference", *key, metric, split)
    interval = bootstrap_difference(a, b, done["slug"], generator, samples, level)
    failed = int(((part["status"] == "failed") | (part["status_minus"] == "failed")).sum())
    return (*interval, len(part), len(done), failed, int((a - b).isna().sum()))


def seed_number(degradation: str) -> int:
    """Give the further seed of a degradation's name, -1 for the first one."""
    _, seed = split_repeat(degradation)
    return -1 if seed is None else seed


def score_column(metric: str) -> str:
    """Give the column of the score rows behind a table's metric: SR is the mean of `success`."""
    return metric_of(metric).column
