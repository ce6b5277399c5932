"""The GCAGC detector: pre- and post-processing of CosalPure's wrapper around `cosalpure.networks.gcagc`.

GCAGC's own test script differs: it looks at five images at a time and, on iCoseg, multiplies by the saliency maps.
Both are settings.
"""

import torch

from cosalpure import networks
from cosalpure.detect.common import resize

EPS = 1e-8  # as in the official code


class GCAGC:
    """`detector(images) -> maps`.

    `weights`: our .safetensors file, or the official hrnet_stage3_iter45000.pth.
    `group_size`: images that see each other; None is the whole group (CosalPure's script), 5 is GCAGC's own.
    `times_saliency`: multiply by the plain saliency maps.
    `batch`: images at a time in the backbone, a bound on memory only.
    """

    def __init__(self, weights, device="cpu", group_size=None, times_saliency=False, batch=16):
        self.network = networks.load("gcagc", weights).to(device, memory_format=torch.channels_last)
        self.device = torch.device(device)
        self.group_size = group_size
        self.times_saliency = times_saliency
        self.batch = batch

    def __call__(self, images):
        maps = [self._stretched(images[part])[keep] for part, keep in spans(len(images), self.group_size)]
        return resize(torch.cat(maps), images.shape[-2:]).clamp(0, 1).to(images.device)

    def _stretched(self, images):
        """Images that see each other -> their maps, stretched to [0, 1] over all of them, at the network's size."""
        side = self.network.input_size
        prepared = networks.normalise(resize(images.to(self.device).float(), (side, side)))
        parts = [self.network.cosalnet.prnet(part)[1:] for part in prepared.split(self.batch)]
        features = [torch.cat(scale) for scale in zip(*parts, strict=True)]
        maps = self.network.cosaliency(features, (side, side))
        if self.times_saliency:
            maps = maps * self.network.saliency(features, (side, side)).sigmoid()
        maps = maps - maps.min()
        return maps / (maps.max() + EPS)


def spans(count, size):
    """[(slice of the images that see each other, slice of their maps to keep), ...], in order.

    A short rest is filled up with the images before it, as the official script does.
    """
    if size is None or count <= size:
        return [(slice(0, count), slice(None))]
    found = [(slice(start, start + size), slice(None)) for start in range(0, count - size + 1, size)]
    rest = count % size
    return [*found, (slice(count - size, count), slice(size - rest, None))] if rest else found
