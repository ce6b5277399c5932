"""The MCCL detector: pre- and post-processing of the official test script around `cosalpure.networks.mccl`."""

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.group_affinity import GroupAffinityDetector
from cosalpure.detect.settings import MCCLSettings
from cosalpure.protocols import NOTHING, Given


class MCCL(GroupAffinityDetector):
    """Predict the maps of a group.

    Args:
        settings: its weights are a .safetensors file of this project, or the official file of release v0.7.
        network: takes the place of the one that the settings name.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time, a bound on memory only; the prototype is always the whole group's.
    """

    def __init__(
        self,
        settings: MCCLSettings,
        network: nn.Module | None = None,
        device: str | torch.device | None = None,
        batch: int = 8,
    ):
        super().__init__(network or networks.load("mccl", settings.weights), device, batch)

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Predict maps (N, 1, H, W) in [0, 1] of a group of images (N, 3, H, W), RGB, [0, 1]."""
        return self.logits(images).sigmoid()  # after the resize, as the official script does

    def logits(self, images: Tensor) -> Tensor:
        """Predict logits (N, 1, H, W) of a group (N, 3, H, W) in [0, 1]: positive where the map is above one half."""
        side, decoded = self.network.input_size, self.decoded(images, self.network.co_x4)
        return resize(resize(torch.cat(decoded), (side, side)), images.shape[-2:]).to(images.device)
