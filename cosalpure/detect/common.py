"""What the detectors share."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def resize(images: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize images (N, C, H, W) bilinearly with aligned corners, as the official scripts do.

    Images of that size already are returned as they are.
    """
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return F.interpolate(images, size=tuple(size), mode="bilinear", align_corners=True)
