"""The GICD detector: pre- and post-processing of the official test script around `cosalpure.networks.gicd`."""

import torch

from cosalpure import networks
from cosalpure.detect.common import resize


class GICD:
    """`detector(images) -> maps`.

    `weights`: our .safetensors file, or the two official files (gicd_ginet.pth, torchvision's vgg16).
    `batch`: images at a time, a bound on memory only; the consensus is always the whole group's.
    """

    def __init__(self, weights, device="cpu", batch=16):
        self.network = networks.load("gicd", weights).to(device, memory_format=torch.channels_last)  # a quarter faster
        self.device = torch.device(device)
        self.batch = batch

    def __call__(self, images):
        size, side = images.shape[-2:], self.network.input_size
        batches = [self._prepare(part, side) for part in images.split(self.batch)]
        consensus = sum(self.network.co_classifier(part).sum(0, keepdim=True) for part in batches).softmax(1)
        maps = torch.cat([self.network.ginet(part, consensus)[-1] for part in batches])
        return resize(maps, size).clamp(0, 1).to(images.device)

    def _prepare(self, images, side):
        """Square, normalised, on the device."""
        return networks.normalise(resize(images.to(self.device).float(), (side, side)))
