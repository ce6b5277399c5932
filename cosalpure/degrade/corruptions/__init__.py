"""The common corruptions of ImageNet-C, each at severities 1 to 5.

Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019.
Our own code after the authors' (hendrycks/robustness, Apache-2.0), whose numbers are in the tables below; it agrees
with that code run with the same random draws (tests/degrade/test_corruptions.py). docs/explanation/degradations.md says why no
library does it, what differs from the published image files, and why `frost` and `spatter` are missing.

A corruption is a subclass of `Corruption`: a table `strengths` with a row a severity, and `corrupt` for one image.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cosalpure.degrade.settings import CorruptionSettings
from cosalpure.errors import UserError
from cosalpure.io import to_uint8
from cosalpure.protocols import Given
from cosalpure.seeds import numpy_from

PUBLISHED_SIDE = 224  # px; lengths in the tables are meant for images of this side
SMALLEST_SIDE = 8  # px; below, blurs and warps have nothing to work on

Pixels = npt.NDArray[np.floating[Any]]  # (H, W, C)
Draws = np.random.Generator


class Corruption:
    """`corruption(images, given) -> images`; an image's draws come from its own generator alone.

    severity         1 to 5, a row of the class's `strengths`
    scale_with_size  lengths in px (radii, displacements) are shortened or lengthened by the image's shorter side over
                     224, so that a small image is as blurred as the published ones; False takes them as published
    """

    strengths: Sequence[Any] = ()  # a row a severity

    def __init__(self, settings: CorruptionSettings):
        self.strength = self.strengths[settings.severity - 1]
        self.scale_with_size = settings.scale_with_size

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Corrupt images (N, 3, H, W), RGB, [0, 1]; each draws from its own generator."""
        height, width = images.shape[-2:]
        if min(height, width) < SMALLEST_SIDE:
            raise UserError(
                f"corruptions need images of {SMALLEST_SIDE}x{SMALLEST_SIDE} at least, not {width}x{height}"
            )
        scale = min(height, width) / PUBLISHED_SIDE if self.scale_with_size else 1.0
        draws = [numpy_from(generator) for generator in given.generators]
        return in_pixels(images, lambda pixels, own: self.corrupt(pixels, self.strength, own, scale), draws)

    def corrupt(self, pixels: Pixels, strength: Any, draws: Draws, scale: float) -> Pixels:
        """Corrupt one image (H, W, 3), RGB, 8-bit levels in [0, 1]; what leaves [0, 1] is cut off by the caller.

        `strength` is a row of `strengths`, `scale` what to multiply lengths by.
        """
        raise NotImplementedError


def in_pixels(images: Tensor, function: Callable[..., Pixels], *each: Sequence[Any]) -> Tensor:
    """Pass images (N, 3, H, W) in [0, 1] through a function of one image, an array (H, W, 3) of 8-bit levels in [0, 1].

    `each` holds lists of N further arguments, one an image.
    """
    arrays = to_uint8(images).transpose(0, 2, 3, 1) / 255
    changed = np.stack([function(*arguments) for arguments in zip(arrays, *each, strict=True)])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).clamp(0, 1).to(images)


def to_bytes(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Turn pixels in [0, 1] into uint8, for what is defined on 8-bit images."""
    return (pixels * 255).round().astype(np.uint8)
