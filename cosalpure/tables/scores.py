"""Score rows, one an image: read from files, divided into conditions and splits, and what they say of their datasets."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from cosalpure.errors import UserError
from cosalpure.parquet import read_parquet
from cosalpure.score import EMPTY
from cosalpure.tables.definitions import KEYS, OF_DRAWS, Split
from cosalpure.tables.rows import Condition

IMAGE = ("slug", "file")  # tell an image within its dataset
RATED = ("attacked", "status", "success")  # what every table asks of it
ByCondition = dict[Condition, pd.DataFrame]


def read_parts(paths: Iterable[str | Path], absent: str, none: str, needed: Iterable[str]) -> pd.DataFrame:
    """Read Parquet files into one table with all rows, in the order of `paths`.

    Raises:
        UserError: with `absent` for a path that is no file, with `none` if there are no paths; if a file is no Parquet file
            or lacks one of the columns `needed`.
    """
    paths = list(paths)
    if missing := [path for path in paths if not Path(path).is_file()]:
        raise UserError(f"{missing[0]}: {absent}")
    if not paths:
        raise UserError(none)
    needed = list(needed)
    return pd.concat([read_parquet(path, needed) for path in paths], ignore_index=True)


def read_scores(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read score files into one table with all rows, in the order of `paths`.

    Where a purifier was drawn several times, the columns of draws of what was evaluated once are those of a single draw.
    """
    paths = list(paths)
    none = "no score files: tables need at least one condition"
    scores = read_parts(paths, "no such score file", none, (*KEYS, *IMAGE, *RATED))
    if scores.empty:
        raise UserError(f"{paths[0]}: no score rows; no image of the dataset has both a map and a ground truth")
    twice = scores[scores.duplicated([*KEYS, *IMAGE])]
    if len(twice):
        slug, file, *condition = (str(twice[key].iloc[0]) for key in (*IMAGE, *KEYS))
        raise UserError(f"the score files hold {slug}/{file} of {'/'.join(condition)} twice")
    if "draws" in scores:
        once = scores["draws"].isna()
        for metric in OF_DRAWS:
            scores.loc[once, metric.column] = scores.loc[once, "success"]
        scores["draws"] = scores["draws"].fillna(1).astype("int64")
    return scores


def by_condition(scores: pd.DataFrame) -> ByCondition:
    """Divide score rows into conditions, in the order in which they appear."""
    return {cast(Condition, key): rows for key, rows in scores.groupby(list(KEYS), sort=False)}


def conditions_in(scores: pd.DataFrame) -> list[Condition]:
    """List the conditions of score rows, in the order in which they appear."""
    return list(scores[list(KEYS)].drop_duplicates().itertuples(index=False, name=None))


def in_split(rows: pd.DataFrame, split: Split) -> npt.NDArray[np.bool_]:
    """Mask the rows of a split: "avg" (all images), "adv" (the attacked ones) or "clean" (the clean ones)."""
    if split == "avg":
        return np.ones(len(rows), dtype=bool)
    mask: npt.NDArray[np.bool_] = rows["attacked"].to_numpy() == (split == "adv")
    return mask


def expected_images(conditions: ByCondition, dataset: str, split: Split) -> int:
    """Count a dataset's images in a split: of its fullest condition, as every condition lists the whole manifest."""
    counts = [int(in_split(rows, split).sum()) for key, rows in conditions.items() if key[0] == dataset]
    return max(counts, default=0)


def left_out(scores: pd.DataFrame) -> str:
    """Say which images datasets excluded as invalid, or kept without any object; empty if there are none."""
    counts = scores.groupby("dataset", sort=False)["left_out"].max()
    parts = [
        f"{dataset} excludes {count} invalid image{'s' * (count > 1)}" for dataset, count in counts.items() if count
    ]
    reasons = scores["reason"] if "reason" in scores else pd.Series("", index=scores.index)
    empty = scores[reasons == EMPTY].drop_duplicates(["dataset", *IMAGE])
    parts += [
        f"{dataset} has {count} image{'s' * (count > 1)} with an empty ground truth, scored by MAE only"
        for dataset, count in empty["dataset"].value_counts(sort=False).items()
    ]
    return f"{'; '.join(parts)} (problems.parquet beside its manifest)." if parts else ""
