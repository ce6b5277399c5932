"""The GICD detector: pre- and post-processing of the official test script around `cosalpure.networks.gicd`."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.settings import GICDSettings
from cosalpure.protocols import NOTHING, Given

if TYPE_CHECKING:
    from cosalpure.networks.gicd import GICD as Network


class GICD:
    """Predict the maps of a group.

    Args:
        settings: its weights are a .safetensors file of this project, or the two official files.
        network: takes the place of the one that the settings name.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time, a bound on memory only; the consensus is always the whole group's.
    """

    def __init__(
        self,
        settings: GICDSettings,
        network: nn.Module | None = None,
        device: str | torch.device | None = None,
        batch: int = 16,
    ):
        self.device = torch.device(device or networks.default_device())
        network = network or networks.load("gicd", settings.weights)
        # a quarter faster in this format
        self.network: Network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batch = batch

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Predict the co-saliency maps (N, 1, H, W), [0, 1], of a group's images (N, 3, H, W), RGB, [0, 1]."""
        size, side = images.shape[-2:], self.network.input_size
        batches = [self._prepare(part, side) for part in images.split(self.batch)]
        consensus = sum(self.network.co_classifier(part).sum(0, keepdim=True) for part in batches).softmax(1)
        maps = torch.cat([self.network.ginet(part, consensus, exact=True)[-1] for part in batches])
        return resize(maps, size).clamp(0, 1).to(images.device)

    def _prepare(self, images: Tensor, side: int) -> Tensor:
        """Resize images to a square and normalise them, on the device."""
        return networks.normalise(resize(images.to(self.device).float(), (side, side)))
