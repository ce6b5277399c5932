"""The feature extractor that Jadena attacks in place of the detector: resneta50b as published, or a detector's backbone.

    surrogate = Surrogate("gicd", "bundled:mini/weights/gicd.safetensors")
    maps = surrogate(images)  # (N, 3, H, W), RGB, [0, 1] -> three feature maps, at strides 4, 8 and 16

A backbone sees images at their own size; normalisation is inside, each network's own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cosalpure import networks
from cosalpure.errors import UserError, choose
from cosalpure.networks import normalise, poolnet


def for_poolnet(images: Tensor) -> Tensor:
    """Turn images (N, 3, H, W), RGB, [0, 1], into BGR, [0, 255], minus the channel means."""
    return (images * 255 - images.new_tensor(poolnet.CHANNEL_MEANS).view(3, 1, 1)).flip(1)


MAPS: dict[str, Callable[[Any, Tensor], list[Tensor]]] = {  # the network's name -> its maps at strides 4, 8 and 16
    "resneta50b": lambda network, images: network.stages(normalise(images), (1, 2, 3)),
    "gicd": lambda network, images: network.ginet.backbone(normalise(images))[2:],
    "gcagc": lambda network, images: network.cosalnet.prnet(normalise(images))[:3],
    "poolnet": lambda network, images: network.base.resnet(for_poolnet(images))[1:4],
    "gconet_plus": lambda network, images: network.bb(normalise(images))[2:],
    "mccl": lambda network, images: network.bb(normalise(images))[:3],
}


class Surrogate:
    """Images in [0, 1] -> feature maps in float32, on the GPU if there is one.

    `weights` is a file, or a network. `mixed_precision` computes the network in bfloat16, on a GPU only: its range is
    float32's, so that small gradients survive without scaling.
    """

    def __init__(
        self,
        network: str,
        weights: str | Path | nn.Module,
        mixed_precision: bool = False,
        device: str | torch.device | None = None,
    ) -> None:
        self.maps = MAPS[choose("surrogate network", network, list(MAPS))]
        self.device = torch.device(device or networks.default_device())
        if mixed_precision and self.device.type == "cpu":
            raise UserError("mixed_precision needs a GPU, and there is none here; set it to false")
        self.mixed_precision = mixed_precision
        self.network = networks.load(network, weights).to(self.device)

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return three feature maps of images (N, 3, H, W), RGB, [0, 1], at strides 4, 8 and 16, in float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed_precision):
            maps = self.maps(self.network, images)
        return [features.float() for features in maps]
