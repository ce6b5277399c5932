"""The GCAGC detector: pre- and post-processing of CosalPure's wrapper around `cosalpure.networks.gcagc`.

GCAGC's own test script differs: it looks at five images at a time and, on iCoseg, multiplies by the saliency maps.
Both are settings.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.settings import GCAGCSettings
from cosalpure.protocols import NOTHING, Given

if TYPE_CHECKING:
    from cosalpure.networks.gcagc import GCAGC as Network

EPS = 1e-8  # as in the official code


class GCAGC:
    """Predict the maps of a group.

    Args:
        settings: its weights are a .safetensors file of this project, or the official hrnet_stage3_iter45000.pth.
        network: takes the place of the one that the settings name.
        device: where to compute; default: the GPU if there is one.
        batch: images at a time in the backbone, a bound on memory only.
    """

    def __init__(
        self,
        settings: GCAGCSettings,
        network: nn.Module | None = None,
        device: str | torch.device | None = None,
        batch: int = 16,
    ):
        self.settings, self.batch = settings, batch
        self.device = torch.device(device or networks.default_device())
        network = network or networks.load("gcagc", settings.weights)
        self.network: Network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Predict the co-saliency maps (N, 1, H, W), [0, 1], of a group's images (N, 3, H, W), RGB, [0, 1]."""
        parts = spans(len(images), self.settings.group_size)
        maps = [self._stretched(images[part])[keep] for part, keep in parts]
        return resize(torch.cat(maps), images.shape[-2:]).clamp(0, 1).to(images.device)

    def _stretched(self, images: Tensor) -> Tensor:
        """Predict the maps of images that see each other, stretched to [0, 1] over all of them, at the network's size."""
        side = self.network.input_size
        prepared = networks.normalise(resize(images.to(self.device).float(), (side, side)))
        parts = [self.network.cosalnet.prnet(part)[1:] for part in prepared.split(self.batch)]
        features = [torch.cat(scale) for scale in zip(*parts, strict=True)]
        maps = self.network.cosaliency(features, (side, side))
        if self.settings.times_saliency:
            maps = maps * self.network.saliency(features, (side, side)).sigmoid()
        maps = maps - maps.min()
        return maps / (maps.max() + EPS)


def spans(count: int, size: int | None) -> list[tuple[slice, slice]]:
    """List, in order, slices of the images that see each other, and of which of their maps to keep.

    A short rest is filled up with the images before it, as the official script does.
    """
    if size is None or count <= size:
        return [(slice(0, count), slice(None))]
    found = [(slice(start, start + size), slice(None)) for start in range(0, count - size + 1, size)]
    rest = count % size
    return [*found, (slice(count - size, count), slice(size - rest, None))] if rest else found
