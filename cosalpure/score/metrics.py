"""The metrics of one map; the first five exactly as the paper's official evaluation (`evaluate.ipynb`) computes them.

Its quirks are kept, for numbers that can be compared with the published ones:
- "AP" is the area under the precision-recall curve by trapezoids, from (recall 0, precision 1) over all distinct
  scores; scikit-learn's average precision is a sum of rectangles, and eval-co-sod's AP another thing again.
- It takes the ground truth as grey as it is, and is NaN where the ground truth is all zero.
- F-beta and IoU are smoothed by 1e-5 in numerator and denominator: a map that misses everything *and* has false
  positives gets an F-beta close to 1, because precision and recall are both tiny beside the smoothing.

Beside them stand two AP of a binarised truth, and, where asked for, the metrics of `further`.
"""

from dataclasses import dataclass

import numpy as np

from cosalpure.errors import UserError
from cosalpure.score.further import further_scores

EPSILON = 1e-5


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a metric."""

    name: str  # column in the score files
    title: str  # as printed
    formula: str
    range: tuple[float, float]
    larger_is_better: bool
    source: str


_PYSODMETRICS = "pysodmetrics 1.6"
_EVALUATION = "official evaluation (evaluate.ipynb of V1len/CosalPure, after tsingqguo/jadena)"
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "iou", "IoU", "(tp + e) / (|map or ground truth| + e), both >= 0.5, e = 1e-5", (0, 1), True, _EVALUATION
        ),
        Metric("success", "SR", "1 where IoU > 0.5, else 0; its mean is the success rate", (0, 1), True, _EVALUATION),
        Metric(
            "ap",
            "AP",
            "area under the precision-recall curve by trapezoids over all distinct scores, from recall 0 and precision 1",
            (0, 1),
            True,
            _EVALUATION,
        ),
        Metric(
            "f_beta",
            "Fβ",
            "((1 + b) p r + e) / (b p + r + e), b = beta^2 = 0.3, p and r of maps >= 0.5, e = 1e-5",
            (0, 1),
            True,
            "Achanta et al., CVPR 2009; " + _EVALUATION,
        ),
        Metric("mae", "MAE", "mean of |map - ground truth|", (0, 1), False, _EVALUATION),
        Metric(
            "ap_binary",
            "AP, binary ground truth",
            "AP of the ground truth >= 0.5, so that soft edges of a mask do not count as fractions of a positive",
            (0, 1),
            True,
            "ours",
        ),
        Metric(
            "ap_interpolated",
            "AP, interpolated",
            "sum over recall steps of the best precision at that recall or above, ground truth >= 0.5",
            (0, 1),
            True,
            "Everingham et al., IJCV 2015 (VOC from 2010 on)",
        ),
        Metric(
            "f_max",
            "max Fβ",
            "best of 256 thresholds of this image, beta^2 = 0.3, no smoothing",
            (0, 1),
            True,
            _PYSODMETRICS,
        ),
        Metric("f_mean", "mean Fβ", "mean over 256 thresholds", (0, 1), True, _PYSODMETRICS),
        Metric(
            "f_adaptive",
            "adaptive Fβ",
            "threshold at twice the mean of the map, at most 1",
            (0, 1),
            True,
            _PYSODMETRICS,
        ),
        Metric(
            "e_max",
            "max E",
            "enhanced alignment, best of 256 thresholds of this image",
            (0, 1),
            True,
            "Fan et al., IJCAI 2018; " + _PYSODMETRICS,
        ),
        Metric("e_mean", "mean E", "mean over 256 thresholds", (0, 1), True, _PYSODMETRICS),
        Metric(
            "e_adaptive", "adaptive E", "threshold at twice the mean of the map, at most 1", (0, 1), True, _PYSODMETRICS
        ),
        Metric(
            "s_measure",
            "S",
            "half object-aware, half region-aware structural similarity",
            (0, 1),
            True,
            "Fan et al., ICCV 2017; " + _PYSODMETRICS,
        ),
        Metric(
            "f_weighted",
            "weighted F",
            "beta = 1, errors weighted by their position",
            (0, 1),
            True,
            "Margolin et al., CVPR 2014; " + _PYSODMETRICS,
        ),
    )
}
FURTHER = ("f_max", "f_mean", "f_adaptive", "e_max", "e_mean", "e_adaptive", "s_measure", "f_weighted")
ALWAYS = tuple(name for name in METRICS if name not in FURTHER)


def score_map(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    beta2: float = 0.3,
    threshold: float = 0.5,
    success_iou: float = 0.5,
    further: bool = False,
) -> dict[str, float]:
    """Score one map against its ground truth.

    Args:
        prediction: (H, W), uint8 as read from PNG (255 is 1.0), or float in [0, 1].
        ground_truth: the same.
        beta2: beta squared of F-beta.
        threshold: of maps and ground truths, for F-beta and IoU.
        success_iou: IoU above which an image is a success.
        further: whether the scores of `FURTHER` are computed, too.

    Returns:
        {name: score} of `ALWAYS` ("success": 0 or 1), and of `FURTHER` if asked for.
    """
    prediction, ground_truth = np.asarray(prediction), np.asarray(ground_truth)
    if prediction.shape != ground_truth.shape:
        raise UserError(f"the prediction is of shape {prediction.shape}, its ground truth of {ground_truth.shape}")
    shape = prediction.shape
    prediction, ground_truth = _flat(prediction, "prediction"), _flat(ground_truth, "ground truth")
    binary = at_least(ground_truth, threshold)
    f_beta, iou = overlap(at_least(prediction, threshold), binary, beta2)
    hard_curve = precision_recall(prediction, binary)
    hard = np.array_equal(ground_truth, binary * np.uint8(255))  # as masks mostly are
    curve = hard_curve if hard else precision_recall(prediction, ground_truth)
    scores = {
        "ap": trapezoids(*curve),
        "f_beta": f_beta,
        "mae": mean_absolute_error(prediction, ground_truth),
        "iou": iou,
        "success": int(iou > success_iou),
        "ap_binary": trapezoids(*hard_curve),
        "ap_interpolated": interpolated(*hard_curve),
    }
    if further:
        its_map, truth = (as_uint8(values).reshape(shape) for values in (prediction, ground_truth))
        scores |= further_scores(its_map, truth, beta2)
    return scores


def trapezoids(precision: np.ndarray, recall: np.ndarray) -> float:
    """Compute the area under a curve of arrays (K,) given from recall 0 up: the official AP."""
    return float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())


def interpolated(precision: np.ndarray, recall: np.ndarray) -> float:
    """Compute the area under the best precision at each recall or any above it; arrays (K,)."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * best[1:]).sum())


def precision_recall(prediction: np.ndarray, ground_truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute (precision, recall) from (1, 0) down the distinct scores of flat maps; NaN without any foreground."""
    if prediction.dtype == np.uint8:
        levels, count = prediction, 256  # a histogram instead of a sort
    else:
        distinct, levels = np.unique(prediction, return_inverse=True)
        count = len(distinct)
    scale = 255 if ground_truth.dtype == np.uint8 else 1  # weights of uint8 stay integers: their sums are exact
    if ground_truth.dtype == bool:  # background and foreground in one pass
        both = np.bincount(levels + ground_truth * np.intp(count), minlength=2 * count)
        weights, counts = both[count:], both[:count] + both[count:]
    else:
        weights = np.bincount(levels, weights=ground_truth, minlength=count)
        counts = np.bincount(levels, minlength=count)
    weights, counts = weights[::-1], counts[::-1]  # from the highest score down
    positives, pixels = weights[counts > 0].cumsum() / scale, counts[counts > 0].cumsum()
    if positives[-1] == 0:
        return np.full(2, np.nan), np.full(2, np.nan)
    precision = np.concatenate(([1.0], positives / pixels))
    recall = np.concatenate(([0.0], positives / positives[-1]))
    return precision, recall


def overlap(prediction: np.ndarray, ground_truth: np.ndarray, beta2: float = 0.3) -> tuple[float, float]:
    """Compute F-beta and IoU of two boolean maps (H, W), smoothed as officially."""
    true_positives = int(np.count_nonzero(prediction & ground_truth))
    predicted, actual = int(np.count_nonzero(prediction)), int(np.count_nonzero(ground_truth))
    precision = (true_positives + EPSILON) / (predicted + EPSILON)
    recall = (true_positives + EPSILON) / (actual + EPSILON)
    f_beta = ((beta2 + 1) * precision * recall + EPSILON) / (beta2 * precision + recall + EPSILON)
    return f_beta, (true_positives + EPSILON) / (predicted + actual - true_positives + EPSILON)


def mean_absolute_error(prediction: np.ndarray, ground_truth: np.ndarray) -> float:
    """Average |prediction - ground truth| of maps (H, W) in [0, 1]."""
    if prediction.dtype == ground_truth.dtype == np.uint8:
        return float(np.abs(prediction.astype(np.int16) - ground_truth).mean() / 255)
    return float(np.abs(as_float(prediction).astype(np.float64) - as_float(ground_truth)).mean())


def at_least(values: np.ndarray, threshold: float) -> np.ndarray:
    """Compare `as_float` of the values with a threshold; of uint8 without turning every value into a float."""
    if values.dtype != np.uint8:
        return values >= threshold
    return values >= np.count_nonzero(as_float(np.arange(256, dtype=np.uint8)) < threshold)


def as_float(values: np.ndarray) -> np.ndarray:
    """Turn uint8 into float32 in [0, 1] as torchvision's `to_tensor` does; leave floats as they are."""
    return values.astype(np.float32) / 255 if values.dtype == np.uint8 else values


def as_uint8(values: np.ndarray) -> np.ndarray:
    """Turn floats in [0, 1] into uint8, rounded; leave uint8 as they are."""
    return values if values.dtype == np.uint8 else np.rint(values * 255).astype(np.uint8)


def _flat(values: np.ndarray, what: str) -> np.ndarray:
    """Check a map and return it as a flat array."""
    if values.dtype == bool:
        values = values.astype(np.uint8) * np.uint8(255)
    if values.ndim != 2 or not values.size:
        raise UserError(f"the {what} must be an array (H, W), not of shape {values.shape}")
    if values.dtype != np.uint8 and not np.issubdtype(values.dtype, np.floating):
        raise UserError(f"the {what} must be uint8 or float in [0, 1], not {values.dtype}")
    if values.dtype != np.uint8 and not (values.min() >= 0 and values.max() <= 1):
        raise UserError(f"the {what} holds values outside [0, 1] or NaN")
    return values.ravel()
