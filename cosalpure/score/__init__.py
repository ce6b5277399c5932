"""Scores: a predicted map against its ground truth, image by image, and the statistics over images and groups."""

from cosalpure.score.condition import EMPTY, score_condition, score_group, write_scores
from cosalpure.score.metrics import METRICS, Metric, score_map
from cosalpure.score.quality import QUALITY, image_quality
from cosalpure.score.statistics import bootstrap_difference, bootstrap_mean

__all__ = [
    "EMPTY",
    "METRICS",
    "Metric",
    "QUALITY",
    "bootstrap_difference",
    "bootstrap_mean",
    "image_quality",
    "score_condition",
    "score_group",
    "score_map",
    "write_scores",
]
