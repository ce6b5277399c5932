"""What several draws of a purifier's noise are worth, image by image (`cosalpure.draws`).

success_mean      the share of draws under which the image is a success
success_mean_map  1 where the mean of the draws' maps is a success: a defence that purifies several times and votes
success_worst     1 where every draw is a success: what is left if an attacker may try again

Each is of all draws alike: none is chosen by its result. With a single draw all three are `success`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosalpure.draws import folder
from cosalpure.errors import UserError
from cosalpure.io import read_pixels
from cosalpure.score.metrics import METRICS, Metric, as_float, overlap

if TYPE_CHECKING:
    import pandas as pd

OURS = "Lee and Kim, ICCV 2023, for maps"
DRAW_METRICS = {
    metric.name: metric
    for metric in (
        Metric("success_mean", "SR, mean of draws", "share of draws with IoU > 0.5", (0, 1), True, OURS),
        Metric(
            "success_mean_map", "SR, mean map", "1 where IoU > 0.5 for the mean of the draws' maps", (0, 1), True, OURS
        ),
        Metric("success_worst", "SR, worst draw", "1 where IoU > 0.5 in every draw", (0, 1), True, OURS),
    )
}
COLUMNS = ("draws", *DRAW_METRICS)


def with_draws(
    scores: "pd.DataFrame", detector: str | Path, data: str | Path, draws: int, **settings: Any
) -> "pd.DataFrame":
    """Add `COLUMNS` to the score rows of a condition.

    An image that lacks the map of a draw has no score, like one without any map.

    Args:
        scores: the rows, which are about the first draw.
        detector: folder of the detector, with the maps of all draws.
        data: folder of the dataset.
        draws: number of draws; of a single one nothing is added.
        settings: those of `score_map`.
    """
    if draws == 1:
        return scores
    table = scores.assign(draws=np.int64(draws), **dict.fromkeys(DRAW_METRICS, np.nan))
    metrics = [name for name in METRICS if name in table]
    for row in table[table["success"].notna()].itertuples():
        name = Path(str(row.slug), str(row.file))
        maps = [Path(folder(detector, draw), "maps", name) for draw in range(draws)]
        try:
            table.loc[row.Index, list(DRAW_METRICS)] = of_maps(maps, Path(data, "masks", name), **settings)
        except UserError as error:
            table.loc[row.Index, ["status", "reason"]] = ["failed", str(error)]
            table.loc[row.Index, metrics] = np.nan
    return table


def of_maps(
    paths: Sequence[Path], truth: Path, threshold: float = 0.5, success_iou: float = 0.5, **_: Any
) -> tuple[float, float, float]:
    """Score the maps of an image's draws: `DRAW_METRICS`, in order. A UserError names a map that cannot be used."""
    binary = as_float(read_pixels(truth, "L")) >= threshold
    maps = [read_pixels(path, "L") for path in paths]
    for path, values in zip(paths, maps, strict=True):
        if values.shape != binary.shape:
            raise UserError(f"{path}: another size than its ground truth")

    def success(values: np.ndarray) -> bool:
        return overlap(values >= threshold, binary)[1] > success_iou

    each = [success(as_float(values)) for values in maps]
    return sum(each) / len(each), float(success(np.mean(maps, axis=0) / 255)), float(all(each))
