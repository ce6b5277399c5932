"""The table of max F and max E at one threshold for a whole dataset, beside the means of each image's own maximum.

A cell's interval is drawn over groups: each draw adds up the groups' curves anew and takes the maximum of their mean.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from cosalpure.labels import Entries
from cosalpure.seeds import numpy_generator
from cosalpure.tables.build import BOOTSTRAP, Bootstrap, Measured
from cosalpure.tables.columns import with_labels
from cosalpure.tables.definitions import DATASET_CURVES, KEYS, Split
from cosalpure.tables.scores import in_split, read_parts
from cosalpure.tables.write import write_table

if TYPE_CHECKING:
    from cosalpure.tables.stage import Statistics

MEASURED = {  # a metric: its curve, and whether the threshold is the dataset's
    "max_f_dataset": ("f", True),
    "f_max": ("f", False),
    "max_e_dataset": ("e", True),
    "e_max": ("e", False),
}


def run(
    files: Sequence[str | Path],
    settings: "Statistics",
    output: str | Path,
    seed: int,
    entries: Entries | None = None,
) -> None:
    """Write the table `output`.parquet, .csv, .md and .tex from the curves of conditions."""
    bootstrap: Bootstrap = {"seed": seed, "samples": settings.samples, "level": settings.level}
    write_table(build(read_curves(files), entries, **bootstrap), output, settings.level)


def read_curves(files: Iterable[str | Path]) -> pd.DataFrame:
    """Read files of `cosalpure.score.curves.measure_condition` into one table, in their order."""
    absent = "no such file of curves; write it with: cosalpure curves measure"
    return read_parts(files, absent, "no files of curves: the table needs at least one condition", (*KEYS, "curve"))


def build(
    curves: pd.DataFrame,
    entries: Entries | None = None,
    splits: Sequence[Split] = DATASET_CURVES.splits,
    **bootstrap: Unpack[Bootstrap],
) -> pd.DataFrame:
    """Build the tidy table: a row for each condition, metric of `MEASURED` and split, in the order of the conditions."""
    rows = []
    for key, part in curves.groupby(list(KEYS), sort=False):
        for metric in MEASURED:
            for split in splits:
                rows.append((DATASET_CURVES.key, *key, metric, split, *cell(part, metric, split, **bootstrap)))
    tidy = pd.DataFrame(rows, columns=list(DATASET_CURVES.measured))
    return with_labels(tidy, entries or Entries())


def cell(curves: pd.DataFrame, metric: str, split: Split, **bootstrap: Unpack[Bootstrap]) -> Measured:
    """Measure one metric of one condition's rows of curves: the columns `CELL`."""
    its: Bootstrap = {**BOOTSTRAP, **bootstrap}
    curve, of_dataset = MEASURED[metric]
    part = curves[in_split(curves, split) & (curves["curve"] == curve).to_numpy()]
    expected, done, failed, undefined = (int(part[name].sum()) for name in ("images", "done", "failed", "undefined"))
    totals = part["total"] if of_dataset else part["best"].map(lambda value: [value])
    sums = np.array(totals.to_list(), dtype=np.float64).reshape(len(part), -1)
    groups = pd.factorize(part["slug"])[0]
    generator = numpy_generator(
        its["seed"], "bootstrap", *(str(part[key].iloc[0]) for key in KEYS if len(part)), metric, split
    )
    values = (part["done"] - part["undefined"]).to_numpy()
    interval = bootstrap_maximum(sums, values, groups, generator, its["samples"], its["level"])
    return (*interval, expected, done, failed, undefined)


def bootstrap_maximum(
    sums: np.ndarray, counts: np.ndarray, groups: np.ndarray, generator: np.random.Generator, samples: int, level: float
) -> tuple[float, float, float]:
    """Give (maximum, low, high) of the mean curve.

    Args:
        sums: sums of curves (rows, thresholds) over the images of each row.
        counts: the images (rows,) of each row.
        groups: the group (rows,) of each row, numbers from 0 on; groups are drawn with replacement.
        generator: source of the draws.
        samples: number of draws.
        level: level of the interval; one group has none.
    """
    if not counts.sum():
        return float("nan"), float("nan"), float("nan")
    value, number = float((sums.sum(0) / counts.sum()).max()), int(groups.max()) + 1
    if number < 2:
        return value, float("nan"), float("nan")
    membership = np.eye(number)[groups].T  # (groups, rows)
    drawn = generator.integers(number, size=(samples, number))
    times = np.stack([np.bincount(row, minlength=number) for row in drawn])  # how often a draw holds each group
    images = times @ (membership @ counts)
    kept = images > 0
    maxima = ((times @ (membership @ sums))[kept] / images[kept, None]).max(1)
    low, high = np.quantile(maxima, [(1 - level) / 2, (1 + level) / 2])
    return value, float(low), float(high)
