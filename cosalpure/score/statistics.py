"""Confidence intervals by bootstrap over groups: the images of a group are attacked, learned and judged together.

The estimate is the plain mean over images, as published. Groups are drawn with replacement, so an interval widens
with what groups have in common. Percentile intervals of few groups (below some twenty) are too narrow.
"""

import numpy as np
from numpy.typing import ArrayLike

from cosalpure.score.settings import LEVEL, SAMPLES


def bootstrap_mean(
    values: ArrayLike, groups: ArrayLike, generator: np.random.Generator, samples: int = SAMPLES, level: float = LEVEL
) -> tuple[float, float, float]:
    """Estimate (mean, low, high) of `values` (images,) by a bootstrap over `groups` (images,).

    Args:
        values: a value an image. NaN values are left out; count them by `np.isnan(values).sum()`.
        groups: the group of each image.
        generator: of `cosalpure.seeds.numpy_generator`.
        samples: bootstrap samples.
        level: of the interval, such as 0.95.

    Returns:
        The mean and the bounds of its interval: three NaN where nothing is left; a single group has no interval.
    """
    values = np.asarray(values, dtype=np.float64)
    kept = ~np.isnan(values)
    if not kept.any():
        return float("nan"), float("nan"), float("nan")
    _, membership = np.unique(np.asarray(groups)[kept], return_inverse=True)
    counts = np.bincount(membership)
    sums = np.bincount(membership, weights=values[kept])
    mean = float(values[kept].mean())
    if len(counts) < 2:
        return mean, float("nan"), float("nan")
    drawn = generator.integers(len(counts), size=(samples, len(counts)))  # indices of groups
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return mean, float(low), float(high)


def bootstrap_difference(
    a: ArrayLike,
    b: ArrayLike,
    groups: ArrayLike,
    generator: np.random.Generator,
    samples: int = SAMPLES,
    level: float = LEVEL,
) -> tuple[float, float, float]:
    """Estimate (mean, low, high) of a - b, two conditions on the same images in the same order.

    Args:
        a: a value an image; an image of which either value is NaN is left out.
        b: the same of the other condition.
        groups: the group of each image.
        generator: of `cosalpure.seeds.numpy_generator`.
        samples: bootstrap samples.
        level: of the interval, such as 0.95.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"paired values must be of the same images: {a.shape} and {b.shape}")
    return bootstrap_mean(a - b, groups, generator, samples, level)
