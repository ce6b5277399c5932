"""The continuous representation (CR) of images: LIIF with its weights, for images in [0, 1] at any size."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.gradients import on_demand


class ContinuousRepresentation:
    """`represent(images, size)`: images (N, 3, H, W) in [0, 1] -> the same scenes at `size` (height, width), in [0, 1].

    `weights` is a file of ours or the official checkpoint, or a network. Every image is computed by itself: at 768 px
    the codes of a whole group would take gigabytes.
    """

    def __init__(self, weights: str | Path | nn.Module, device: str | torch.device | None = None) -> None:
        self.device = torch.device(device or networks.default_device())
        self.network = networks.load("liif", weights).to(self.device)

    @on_demand
    def __call__(self, images: Tensor, size: Sequence[int]) -> Tensor:
        """Return the images (N, 3, *size), in [0, 1], on the CPU."""
        answers = [self.network(image[None].to(self.device) * 2 - 1, tuple(size)) for image in images]
        return (torch.cat(answers) / 2 + 0.5).clamp(0, 1).cpu()
