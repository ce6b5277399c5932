"""Curves of F and E over 256 thresholds, from which papers take one value for a whole dataset.

    curves(prediction, ground_truth)["f"]           256 values of one map, from threshold 255 down to 0
    measure_condition(maps, data, manifest, names)  their sums over the images of each group

The field reports the maximum of the mean curve: one threshold for all images of a dataset. The columns `f_max` and `e_max`
of the score files are the mean of each image's own maximum, which is larger. Both are computed as pysodmetrics does: a map
is stretched to [0, 1] by its own minimum and maximum, and ground truth above 128 is foreground. No package is needed.

Differs: an image with an empty ground truth has no F curve here (pysodmetrics counts it as 0); it has an E curve.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cosalpure.errors import UserError
from cosalpure.io import read_pixels
from cosalpure.score.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd

Curve = npt.NDArray[np.float64]
LEVELS = 256
SPACING = np.spacing(1.0)  # added to denominators, as in pysodmetrics
COLUMNS = ("dataset", "degradation", "purifier", "detector", "slug", "attacked", "curve")
COUNTS = ("images", "done", "failed", "undefined")
_SOURCE = "equal to pysodmetrics 1.6"
DATASET_METRICS = {  # of a condition as a whole: no image has a value
    metric.name: metric
    for metric in (
        Metric(
            "max_f_dataset",
            "max Fβ of the dataset",
            "best of 256 thresholds, one for the whole dataset: maximum of the images' mean curve, beta^2 = 0.3",
            (0, 1),
            True,
            _SOURCE,
        ),
        Metric(
            "max_e_dataset",
            "max E of the dataset",
            "enhanced alignment, best of 256 thresholds, one for the whole dataset: maximum of the images' mean curve",
            (0, 1),
            True,
            "Fan et al., IJCAI 2018; " + _SOURCE,
        ),
    )
}


def curves(prediction: np.ndarray, ground_truth: np.ndarray, beta2: float = 0.3) -> dict[str, Curve]:
    """Give the curves of F ("f") and E ("e") of a uint8 map and its ground truth (H, W), at thresholds 255 down to 0."""
    truth, levels = ground_truth > 128, stretched(prediction)
    hits, alarms = (np.bincount(levels[where], minlength=LEVELS)[::-1].cumsum() for where in (truth, ~truth))
    return {
        "f": f_curve(hits, alarms, int(truth.sum()), beta2),
        "e": e_curve(hits, alarms, int(truth.sum()), truth.size),
    }


def stretched(prediction: np.ndarray) -> npt.NDArray[np.uint8]:
    """Stretch a uint8 map to all of 0 to 255, truncated; a constant one stays."""
    values = prediction / 255
    low, high = values.min(), values.max()
    if low != high:
        values = (values - low) / (high - low)
    levels: npt.NDArray[np.uint8] = (values * 255).astype(np.uint8)
    return levels


def f_curve(hits: np.ndarray, alarms: np.ndarray, foreground: int, beta2: float) -> Curve:
    """Give F-beta of `hits` and `alarms` (256,): foreground and background pixels at or above each threshold."""
    precision = hits / np.maximum(hits + alarms, 1)
    recall = hits / max(foreground, 1)
    below = beta2 * precision + recall
    f: Curve = (1 + beta2) * precision * recall / np.where(below == 0, 1, below)
    return f


def e_curve(hits: np.ndarray, alarms: np.ndarray, foreground: int, pixels: int) -> Curve:
    """Give the enhanced alignment (Fan et al., IJCAI 2018) of `hits` and `alarms` (256,).

    Map and ground truth have two values each, so that a threshold leaves four kinds of pixels.
    """
    chosen = hits + alarms
    if foreground == 0 or foreground == pixels:
        aligned: Curve = (chosen if foreground else pixels - chosen).astype(np.float64)
        return aligned / float(pixels - 1 + SPACING)
    share, wanted = chosen / pixels, foreground / pixels
    kinds = (  # pixels of the kind; map and ground truth minus their means
        (hits, 1 - share, 1 - wanted),
        (alarms, 1 - share, -wanted),
        (foreground - hits, -share, 1 - wanted),
        (pixels - foreground - alarms, -share, -wanted),
    )
    total = np.zeros(LEVELS)
    for count, a, b in kinds:
        alignment = 2 * a * b / (a**2 + b**2 + SPACING)
        total += count * (alignment + 1) ** 2 / 4
    return total / float(pixels - 1 + SPACING)


def image_curves(
    prediction_path: str | Path, ground_truth_path: str | Path, beta2: float
) -> tuple[str, dict[str, Curve]]:
    """Give an image's status as `score_image` does, and its curves; F is left out where the ground truth is empty."""
    if not Path(prediction_path).is_file():
        return "missing", {}
    truth = read_pixels(ground_truth_path, "L")
    try:
        prediction = read_pixels(prediction_path, "L")
    except UserError:
        return "failed", {}
    if prediction.shape != truth.shape:
        return "failed", {}
    found = curves(prediction, truth, beta2)
    return "done", found if (truth > 128).any() else {"e": found["e"]}


def measure_condition(
    maps_dir: str | Path, data_dir: str | Path, manifest: "pd.DataFrame", condition: Mapping[str, str], beta2: float
) -> "pd.DataFrame":
    """Add up the curves of a condition: a row for each group, kind of image (attacked or clean) and curve, "f" and "e".

    The columns are `COLUMNS`, `COUNTS`, `best` (the sum of the images' own maxima) and `total` (the sum of the curves, 256
    values). Groups are what intervals are drawn of, so that sums lose nothing and take a tenth of the images' curves.
    """
    import pandas as pd

    rows = []
    for (slug, attacked), images in manifest.groupby(["slug", "attacked"], sort=False):
        names = [Path(str(slug), str(file)) for file in images["file"]]
        found = [image_curves(Path(maps_dir, name), Path(data_dir, "masks", name), beta2) for name in names]
        for curve in ("f", "e"):
            row = {**condition, "slug": slug, "attacked": bool(attacked), "curve": curve}
            rows.append(row | _added(found, curve))
    return pd.DataFrame(rows, columns=[*COLUMNS, *COUNTS, "best", "total"])


def _added(found: list[tuple[str, dict[str, Curve]]], curve: str) -> dict[str, Any]:
    """Add up what `measure_condition` says of the images of a row."""
    of_images = [its[curve] for _, its in found if curve in its]
    states = [status for status, _ in found]
    counts = (len(found), states.count("done"), states.count("failed"), states.count("done") - len(of_images))
    return {
        **dict(zip(COUNTS, counts, strict=True)),
        "best": float(sum(its.max() for its in of_images)),
        "total": sum(of_images, np.zeros(LEVELS)),
    }
