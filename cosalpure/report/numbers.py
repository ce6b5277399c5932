"""The numbers of a run, read from its tables; what no table has is computed in the way the tables stage computes it.

No table has AP, F-beta and MAE of the attacked and of the clean images, nor the purified rows and the differences of a
degradation beside the tables' own. Equal cells have equal intervals wherever they are computed: every bootstrap is seeded
by the cell's names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.labels import Entries
from cosalpure.parquet import read_parquet
from cosalpure.tables import clean_reference, difference_pairs, table4_degradation
from cosalpure.tables.build import CELL, SPLITS, build_cells, build_differences, conditions_in, with_labels
from cosalpure.tables.definitions import Split

METRICS = ("sr", "ap", "f_beta", "mae")  # that the page shows
WITH_CELLS = ("table1", "table2", "degradations")  # tables of every run; they have the same columns
COLUMNS = [*KEYS, "metric", "split", *CELL]

Condition = tuple[str, str, str, str]


class Bootstrap(TypedDict):
    """How intervals are computed."""

    seed: int
    samples: int
    level: float


class Numbers:
    """Cells and paired differences of a run, for the page.

    Args:
        layout: where the run's tables are.
        scores: rows of scores.parquet, without further seeds.
        entries: labels and roles.
        bootstrap: for what no table has.
    """

    def __init__(self, layout: Layout, scores: pd.DataFrame, entries: Entries, bootstrap: Bootstrap):
        self._scores, self._entries, self._bootstrap = scores, entries, bootstrap
        self._cells: dict[tuple[str, ...], tuple[float, ...]] = {}
        blur = table4_degradation(conditions_in(scores), entries)
        for name in (*WITH_CELLS, *(["table4"] if blur else [])):
            self._keep(read(layout, name, scores))
        self._differences = read(layout, "differences", scores)

    def degraded(self) -> list[tuple[str, str]]:
        """List the (dataset, degradation) that were run, but for the clean reference."""
        pairs = self._scores[["dataset", "degradation"]].drop_duplicates().itertuples(index=False, name=None)
        return [pair for pair in pairs if self._entries.role("degradations", pair[1]) != "reference"]

    def cells(self, dataset: str, degradation: str) -> pd.DataFrame:
        """Give every method's cells of one condition, tidy as the tables, with labels; the clean reference first."""
        conditions = self._conditions(dataset, degradation)
        wanted = [(*its, metric, split) for its in conditions for metric in METRICS for split in SPLITS]
        missing = dict.fromkeys(key[4:] for key in wanted if key not in self._cells)
        for metric in METRICS:
            splits = [split for split in SPLITS if (metric, split) in missing]
            if splits:
                self._keep(self._computed(dataset, degradation, metric, splits))
        rows = [(*key, *self._cells[key]) for key in wanted]
        return with_labels(pd.DataFrame(rows, columns=COLUMNS), self._entries)

    def differences(self, dataset: str, degradation: str) -> pd.DataFrame:
        """Give the success rate on the attacked images, minus that of the clean reference or of no purification."""
        here = self._scores[self._scores["dataset"] == dataset]
        found = self._differences
        if not found.empty:
            found = found[(found["dataset"] == dataset) & (found["degradation"] == degradation)]
        if found.empty:
            pairs = difference_pairs(conditions_in(here), degradation, self._entries)
            pairs = [pair for pair in pairs if self._is_reference(pair[1][1])]
            options: dict[str, Any] = {"pairs": pairs, "entries": self._entries, **self._bootstrap}
            return build_differences(here, degradation, splits=("adv",), **options)
        found = found[(found["metric"] == "sr") & (found["split"] == "adv")]
        return found[found["minus_purifier"].map(self._is_reference)]

    def _conditions(self, dataset: str, degradation: str) -> list[Condition]:
        """List the conditions of a table on one dataset, those without scores included."""
        here = self._scores[self._scores["degradation"] == degradation]
        rows = [(degradation, purifier) for purifier in here["purifier"].unique()]
        clean = clean_reference([its for its in conditions_in(self._scores) if its[0] == dataset], self._entries)
        rows = [clean, *rows] if clean and clean not in rows else rows
        return [(dataset, *row, detector) for row in rows for detector in here["detector"].unique()]

    def _computed(self, dataset: str, degradation: str, metric: str, splits: Sequence[Split]) -> pd.DataFrame:
        """Compute a metric's cells of one condition as the tables stage does."""
        options: dict[str, Any] = {"datasets": [dataset], "entries": self._entries, **self._bootstrap}
        return build_cells(self._scores, "report", degradation, (metric,), splits, **options)

    def _keep(self, table: pd.DataFrame) -> None:
        """Remember the cells of a table that are not known yet."""
        for row in table.reindex(columns=COLUMNS).itertuples(index=False, name=None):
            self._cells.setdefault(row[:6], row[6:])

    def _is_reference(self, purifier: str) -> bool:
        return self._entries.role("purifiers", purifier) == "reference"


def read(layout: Layout, name: str, scores: pd.DataFrame) -> pd.DataFrame:
    """Read a table of the run with these score rows; no rows without one, or where one of another run has stayed."""
    path = Path(layout.table(name))
    table = read_parquet(path, KEYS) if path.is_file() else pd.DataFrame()
    return table if table.empty or set(conditions_in(table)) <= set(conditions_in(scores)) else table.iloc[:0]
