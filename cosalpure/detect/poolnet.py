"""The PoolNet detector: pre- and post-processing of CosalPure's wrapper around `cosalpure.networks.poolnet`."""

import torch

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.errors import choose
from cosalpure.networks import poolnet

SIDES = (112, 960)  # px; the network's pooling needs the lower one, the upper one bounds the memory
CHANNEL_MEANS = {  # red, green, blue in [0, 255]
    "official": poolnet.CHANNEL_MEANS,
    "cosalpure": (122.67892, 104.00699, 116.66877),  # CosalPure's wrapper exchanges green and blue
}


class PoolNet:
    """`detector(images) -> maps`, every image for itself.

    `weights`: our .safetensors file, or the official final.pth of PoolNet-ResNet50 with edges.
    `channel_means`: "cosalpure", which the paper's numbers were made with, or "official".
    `batch`: images at a time, a bound on memory only.
    """

    def __init__(self, weights, device="cpu", channel_means="cosalpure", batch=8):
        choose("channel_means", channel_means, list(CHANNEL_MEANS))
        self.network = networks.load("poolnet", weights).to(device, memory_format=torch.channels_last)
        self.device = torch.device(device)
        self.means = torch.tensor(CHANNEL_MEANS[channel_means], device=self.device).view(3, 1, 1)
        self.batch = batch

    def __call__(self, images):
        low, high = SIDES
        sides = [min(max(side, low), high) for side in images.shape[-2:]]
        maps = [self.network(self.prepare(part, sides)).sigmoid() for part in images.split(self.batch)]
        return resize(torch.cat(maps), images.shape[-2:]).to(images.device)

    def prepare(self, images, sides):
        """BGR, minus the means, of an allowed size, on the device."""
        return resize(images.to(self.device).float() * 255 - self.means, sides).flip(1)
