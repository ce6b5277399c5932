"""The PoolNet detector: pre- and post-processing of CosalPure's wrapper around `cosalpure.networks.poolnet`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.settings import PoolNetSettings
from cosalpure.networks import poolnet
from cosalpure.protocols import NOTHING, Given

if TYPE_CHECKING:
    from cosalpure.networks.poolnet import PoolNet as Network

SIDES = (112, 960)  # px; the network's pooling needs the lower one, the upper one bounds the memory
CHANNEL_MEANS = {  # red, green, blue in [0, 255]
    "official": poolnet.CHANNEL_MEANS,
    "cosalpure": (122.67892, 104.00699, 116.66877),  # CosalPure's wrapper exchanges green and blue
}


class PoolNet:
    """Predict the map of every image for itself.

    Args:
        settings: its weights are a .safetensors file of this project, or the official final.pth of PoolNet-ResNet50
            with edges. Its channel means "cosalpure" are those that the paper's numbers were made with.
        network: takes the place of the one that the settings name.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time, a bound on memory only.
    """

    def __init__(
        self,
        settings: PoolNetSettings,
        network: nn.Module | None = None,
        device: str | torch.device | None = None,
        batch: int = 8,
    ):
        self.device = torch.device(device or networks.default_device())
        network = network or networks.load("poolnet", settings.weights)
        self.network: Network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.means = torch.tensor(CHANNEL_MEANS[settings.channel_means], device=self.device).view(3, 1, 1)
        self.batch = batch

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Predict the saliency maps (N, 1, H, W), [0, 1], of images (N, 3, H, W), RGB, [0, 1], each for itself."""
        low, high = SIDES
        sides = [min(max(side, low), high) for side in images.shape[-2:]]
        maps = [self.network(self.prepare(part, sides)).sigmoid() for part in images.split(self.batch)]
        return resize(torch.cat(maps), images.shape[-2:]).to(images.device)

    def prepare(self, images: Tensor, sides: Sequence[int]) -> Tensor:
        """Turn images (N, 3, H, W), RGB, [0, 1], into BGR, [0, 255], minus the means, of size `sides`, on the device."""
        return resize(images.to(self.device).float() * 255 - self.means, sides).flip(1)
