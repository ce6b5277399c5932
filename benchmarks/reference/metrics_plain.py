"""The official evaluation's metrics, written plainly: the reference of `metrics.py`.

It follows V1len/CosalPure, evaluate.ipynb: scores are sorted, true and false positives summed up along them in float32, and the
curve has a point wherever the score changes. Time beside the original's: docs/results/data/peers.csv
(`../../tests/golden/metrics.npz` holds its values).
"""

import torch
from torch.nn import functional as F

EPS = 1e-5


def score(prediction, truth):
    """Maps (H, W), uint8 -> [ap, f_beta, mae, iou, success]."""
    prediction, truth = (torch.from_numpy(values)[None].float() / 255 for values in (prediction, truth))
    chosen, object_ = prediction >= 0.5, truth >= 0.5
    hits = (chosen & object_).sum().item()
    alarms, misses = (chosen & ~object_).sum().item(), (~chosen & object_).sum().item()
    iou = (hits + EPS) / ((chosen | object_).sum().item() + EPS)
    precision, recall = (hits + EPS) / (hits + alarms + EPS), (hits + EPS) / (hits + misses + EPS)
    f_beta = (1.3 * precision * recall + EPS) / (0.3 * precision + recall + EPS)
    mae = F.l1_loss(prediction, truth).item()
    return [average_precision(prediction.flatten(), truth.flatten()), f_beta, mae, iou, float(iou > 0.5)]


def average_precision(prediction, truth):
    """Trapezoids under the precision-recall curve over all thresholds, from (recall 0, precision 1)."""
    order = prediction.argsort(descending=True)
    scores, weights = prediction[order], truth[order]
    last = torch.cat([scores.diff().nonzero()[:, 0], torch.tensor([len(scores) - 1])])  # of each score
    found = weights.cumsum(0)[last]
    precision = torch.cat([torch.ones(1), found / (last + 1)])
    recall = torch.cat([torch.zeros(1), found / found[-1]])
    return (recall.diff() * (precision[1:] + precision[:-1]) / 2).sum().item()
