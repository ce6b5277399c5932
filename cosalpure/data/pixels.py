"""Measure the pixels of a ground truth: which values are areas, which are soft edges, lines or specks."""

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

RIM = 9  # px: VOC's void pixels are a line of about 5 px around an object


def to_luma(pixels: np.ndarray) -> np.ndarray:
    """Convert RGB (H, W, 3) to grey as Pillow does."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))


def solid_counts(values: np.ndarray) -> np.ndarray:
    """Count the pixels in blocks of 2 x 2 of one value, for each of the 256 values: soft edges have hardly any."""
    same = (values[:-1, :-1] == values[1:, 1:]) & (values[:-1, :-1] == values[1:, :-1])
    same &= values[:-1, :-1] == values[:-1, 1:]
    return np.bincount(values[:-1, :-1][same], minlength=256)


def border_share(chosen: np.ndarray) -> float:
    """Compute the share of the outermost pixels that are chosen."""
    return float(np.concatenate((chosen[0], chosen[-1], chosen[:, 0], chosen[:, -1])).mean())


def even_share(values: np.ndarray, low: int, high: int) -> float:
    """Compute the share of pixels in the middle of 5 x 5 px of one value from `low` to `high`: soft edges have none."""
    least, most = minimum_filter(values, 5), maximum_filter(values, 5)
    return float(((least == most) & (low <= values) & (values <= high)).mean())


def is_thick(chosen: np.ndarray) -> bool:
    """Say whether chosen pixels are more than a line: a square of `RIM` px fits in."""
    return bool(minimum_filter(chosen, RIM, mode="constant").any())
