"""What the detectors GCoNet+ and MCCL share: the official test script's processing around a network of group affinity."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.gradients import straight_through


class GroupAffinityDetector:
    """Images are resized to the network's square by Pillow; all images of a group meet in one prototype.

    Args:
        network: one with `features`, `decode` and a group module.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time, a bound on memory only; the prototype is always the whole group's.
    """

    def __init__(self, network: nn.Module, device: str | torch.device | None = None, batch: int = 8) -> None:
        self.device = torch.device(device or networks.default_device())
        self.network: Any = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batch = batch

    def decoded(self, images: Tensor, group_module: nn.Module) -> list[Any]:
        """Return what the network's `decode` gives for images (N, 3, H, W) in [0, 1], a list of batches."""
        side = self.network.input_size
        prepared = networks.normalise(pillow_resized(images, side).to(self.device))
        laterals, deepest = zip(*(self.network.features(part) for part in prepared.split(self.batch)), strict=True)
        common = group_module(torch.cat(deepest)).split(self.batch)
        return [self.network.decode(*parts) for parts in zip(laterals, common, strict=True)]


def pillow_resized(images: Tensor, side: int) -> Tensor:
    """Resize images (N, 3, H, W), RGB, [0, 1], to `side` x `side` as Pillow's bilinear filter does on 8-bit images.

    Gradients, if the images ask for them, are those of the same filter without the rounding to 8 bits.
    """
    pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    files = (Image.fromarray(its).resize((side, side), Image.Resampling.BILINEAR) for its in pixels)
    resized = torch.from_numpy(np.stack([np.asarray(file) for file in files])).permute(0, 3, 1, 2)
    values = resized.to(images.device).float() / 255
    if not images.requires_grad:
        return values
    return straight_through(smoothly_resized(images.float(), side), values)


def smoothly_resized(images: Tensor, side: int) -> Tensor:
    """Resize images (N, C, H, W) to `side` x `side` by Pillow's bilinear filter without its rounding."""
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)
