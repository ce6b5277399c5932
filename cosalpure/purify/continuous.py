"""The continuous representation (CR) of images: perturbations smoothed away, at the resolution that diffusion wants.

The paper's Sec. 4.3 puts it in front of the autoencoder, X~ = CR(X); alone it is the paper's ablation "w/o concept
inversion" (Table 3). The network is LIIF on EDSR, trained from attacked to clean images (`cosalpure/train/liif.py`),
as DISCO (Ho and Vasconcelos, NeurIPS 2022) proposed.
"""

import torch
from torch.nn import functional as F

from cosalpure import networks


class ContinuousRepresentation:
    """`represent(images, size)`: images (N, 3, H, W) in [0, 1] -> the same scenes at `size` (height, width), in [0, 1].

    `weights` is a file of ours or the official checkpoint, or a network. Every image is computed by itself: at 768 px
    the codes of a whole group would take gigabytes.
    """

    def __init__(self, weights, device=None):
        self.device = torch.device(device or networks.default_device())
        self.network = networks.load("liif", weights).to(self.device)

    @torch.no_grad()
    def __call__(self, images, size):
        answers = [self.network(image[None].to(self.device) * 2 - 1, tuple(size)) for image in images]
        return (torch.cat(answers) / 2 + 0.5).clamp(0, 1).cpu()


class Continuous:
    """`purifier(images, concept, generators) -> images`: CR at `resolution`, resized back to the images' size."""

    def __init__(self, settings, text_to_image):
        self.resolution = settings.resolution
        self.represent = ContinuousRepresentation(settings.weights)

    def __call__(self, images, concept, generators):
        purified = self.represent(images, (self.resolution, self.resolution))
        if purified.shape == images.shape:
            return purified
        return F.interpolate(purified, images.shape[-2:], mode="bicubic", antialias=True).clamp(0, 1)
