"""Metrics that other papers report, by pysodmetrics: F, E, S-measure and weighted F. Not in the official evaluation.

pysodmetrics stretches a map to [0, 1] by its own minimum and maximum and takes truth > 128 as foreground. "max" is
the best of 256 thresholds *of this image*; the literature's is the best single threshold for a whole dataset, so the
mean of ours is larger. "mean" and "adaptive" (threshold: twice the map's mean) are as in the literature.

An optional package, as it wants an older numpy than the one that is pinned; imported where it is used.
"""

from typing import Any

import numpy as np

from cosalpure.errors import UserError


def further_scores(prediction: np.ndarray, ground_truth: np.ndarray, beta2: float = 0.3) -> dict[str, float]:
    """Compute the field's other scores of two uint8 maps (H, W), 255 is 1.0: {"f_max", "f_mean", ...: float}."""
    sod = pysodmetrics()
    f_handler = sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=beta2)
    f, e = sod.FmeasureV2({"f": f_handler}), sod.Emeasure()
    s, weighted = sod.Smeasure(), sod.WeightedFmeasure()
    for measure in (f, e, s, weighted):
        measure.step(prediction, ground_truth)
    (f_curve,), (f_adaptive,) = f_handler.dynamic_results, f_handler.adaptive_results
    (e_curve,), (e_adaptive,) = e.changeable_ems, e.adaptive_ems
    return {
        "f_max": float(np.max(f_curve)),
        "f_mean": float(np.mean(f_curve)),
        "f_adaptive": float(f_adaptive),
        "e_max": float(np.max(e_curve)),
        "e_mean": float(np.mean(e_curve)),
        "e_adaptive": float(e_adaptive),
        "s_measure": float(s.sms[0]),
        "f_weighted": float(weighted.weighted_fms[0]),
    }


def pysodmetrics() -> Any:
    """Import the package.

    Raises:
        UserError: if it is not installed; it says how to do without it.
    """
    try:
        import py_sod_metrics
    except ImportError:
        raise UserError(
            "score: further: true needs the package pysodmetrics (1.6), which is not installed; see docs/reference/results.md, "
            "or set further: false"
        ) from None
    return py_sod_metrics
