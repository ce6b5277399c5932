"""The GCoNet+ detector: pre- and post-processing of the official test script around `cosalpure.networks.gconet_plus`."""

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.group_affinity import GroupAffinityDetector
from cosalpure.detect.settings import GCoNetPlusSettings
from cosalpure.networks.gconet_plus import binarised, smooth_logits
from cosalpure.protocols import NOTHING, Given


class GCoNetPlus(GroupAffinityDetector):
    """Predict the maps of a group.

    Args:
        settings: its weights are a .safetensors file of this project, or a file of the official folder gcop_weights.
        network: takes the place of the one that the settings name.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time, a bound on memory only; prototype and steepness are always the whole group's.
    """

    def __init__(
        self,
        settings: GCoNetPlusSettings,
        network: nn.Module | None = None,
        device: str | torch.device | None = None,
        batch: int = 8,
    ):
        super().__init__(network or networks.load("gconet_plus", settings.weights), device, batch)

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Predict maps (N, 1, H, W) in [0, 1] of a group of images (N, 3, H, W), RGB, [0, 1]."""
        maps = binarised(*self._values_and_threshold(images))
        return resize(maps, images.shape[-2:]).clamp(0, 1).to(images.device)

    def logits(self, images: Tensor) -> Tensor:
        """Predict smooth logits (N, 1, H, W) of a group (N, 3, H, W) in [0, 1]: 50 (b - t), without the head's jump."""
        return resize(smooth_logits(*self._values_and_threshold(images)), images.shape[-2:]).to(images.device)

    def _values_and_threshold(self, images: Tensor) -> tuple[Tensor, Tensor]:
        values, threshold = zip(*self.decoded(images, self.network.co_x5), strict=True)
        return torch.cat(values), torch.cat(threshold)
