"""What the detectors share."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def resize(images: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize images (N, C, H, W) bilinearly with aligned corners, as the official scripts do.

    The same where the size fits.
    """
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return F.interpolate(images, size=tuple(size), mode="bilinear", align_corners=True)
