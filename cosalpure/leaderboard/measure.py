"""The numbers of an entry from the scores of its images, by the code that the tables are made by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cosalpure.tables import Condition
from cosalpure.tables.build import Bootstrap, Cells, measure
from cosalpure.tables.definitions import AP, CELL, F_BETA, MAE, SPLITS, SR, Table
from cosalpure.tables.rows import Row, Treatment, purifier_rows

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6  # behind the point; enough for a difference of one image in a hundred thousand
COUNTS = ("expected", "done", "failed", "undefined")
MEANS = Table("leaderboard", "", purifier_rows, metrics=(SR, AP, F_BETA, MAE), splits=SPLITS)
DIFFERENCES = Table("leaderboard", "", purifier_rows, metrics=(SR,), splits=SPLITS, measure="difference")
Numbers = dict[str, dict[str, dict[str, Any]]]  # {metric: {split: a cell}}


def means(scores: "pd.DataFrame", conditions: Sequence[Condition], bootstrap: Bootstrap) -> list[Numbers]:
    """Measure every metric and split of some conditions."""
    cells = Cells(scores, **bootstrap)
    return [_numbers(measure(MEANS, [Row(*its)], cells)) for its in conditions]


def differences(
    scores: "pd.DataFrame", pairs: Sequence[tuple[Condition, Treatment]], bootstrap: Bootstrap
) -> list[Numbers]:
    """Measure the paired differences of the success rate: a condition minus another treatment of the same images."""
    cells = Cells(scores, **bootstrap)
    return [_numbers(measure(DIFFERENCES, [Row(*its, minus=minus)], cells)) for its, minus in pairs]


def _numbers(tidy: "pd.DataFrame") -> Numbers:
    found: Numbers = {}
    for metric, split, *cell in tidy[["metric", "split", *CELL]].itertuples(index=False, name=None):
        found.setdefault(metric, {})[split] = {key: _plain(key, value) for key, value in zip(CELL, cell, strict=True)}
    return found


def _plain(key: str, value: float) -> float | int | None:
    if key in COUNTS:
        return int(value)
    return None if value != value else round(float(value), DIGITS)
