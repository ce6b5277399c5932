"""The official evaluation's metrics, formula by formula: the reference of `metrics.py`.

Average precision goes through all distinct scores, each a threshold, and counts anew at each (official:
evaluate.ipynb; `../../tests/golden/metrics.npz` holds its values).
"""

import numpy as np

EPS = 1e-5


def score(prediction, truth):
    """Maps (H, W), uint8 -> [ap, f_beta, mae, iou, success]."""
    prediction, truth = (values.astype(np.float32) / 255 for values in (prediction, truth))
    a, b = prediction >= 0.5, truth >= 0.5
    intersection, union = (a & b).sum(), (a | b).sum()
    iou = (intersection + EPS) / (union + EPS)
    precision, recall = (intersection + EPS) / (a.sum() + EPS), (intersection + EPS) / (b.sum() + EPS)
    f_beta = (1.3 * precision * recall + EPS) / (0.3 * precision + recall + EPS)
    mae = np.abs(prediction.astype(np.float64) - truth).mean()
    return [average_precision(prediction, truth), f_beta, mae, iou, float(iou > 0.5)]


def average_precision(prediction, truth):
    """Trapezoids under the precision-recall curve over all thresholds, from (recall 0, precision 1)."""
    total = truth.sum(dtype=np.float64)
    if total == 0:
        return float("nan")
    area, precision, recall = 0.0, 1.0, 0.0
    for threshold in sorted(set(prediction.ravel().tolist()), reverse=True):
        chosen = prediction >= threshold
        found = truth[chosen].sum(dtype=np.float64)
        earlier = precision, recall
        precision, recall = found / chosen.sum(), found / total
        area += (recall - earlier[1]) * (precision + earlier[0]) / 2
    return float(area)
