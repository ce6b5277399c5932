"""Controls: what an attack must beat before its effect may be called the attack's.

Noise and exposure as strong as Jadena's but drawn at random, and three everyday changes of an image.
"""

import torch
from skimage.filters import gaussian
from torch import Tensor
from torch.nn import functional as F

from cosalpure.degrade.corruptions import in_pixels
from cosalpure.degrade.jadena import polynomial_basis
from cosalpure.degrade.settings import (
    BlurSettings,
    JpegSettings,
    RandomExposureSettings,
    RandomNoiseSettings,
    ResizeSettings,
)
from cosalpure.io import through_jpeg
from cosalpure.protocols import NOTHING, Given


class RandomNoise:
    """Additive noise of at most `epsilon`, drawn at random.

    The distribution "sign" is +-epsilon at every value: no noise within the bound is larger, so that an attack which hurts more does so
    by its direction. "uniform" is spread over [-epsilon, epsilon].
    """

    def __init__(self, settings: RandomNoiseSettings):
        self.settings = settings

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Add noise to images (N, 3, H, W), RGB, [0, 1]; each draws from its own generator."""
        draws = torch.stack([torch.rand(images.shape[1:], generator=each) for each in given.generators]) * 2 - 1
        noise = draws.sign() if self.settings.distribution == "sign" else draws
        return (images + self.settings.epsilon * noise).clamp(0, 1)


class RandomExposure:
    """A smooth random exposure: Jadena's polynomial, coefficients drawn from a normal distribution.

    strength   root mean square over the image of the field, the log of the factor on the brightness; every image's
               field is scaled to it
    degree     of the polynomial, as Jadena's
    """

    def __init__(self, settings: RandomExposureSettings):
        self.settings = settings

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Expose images (N, 3, H, W), RGB, [0, 1], by a random smooth field each."""
        height, width = images.shape[-2:]
        basis = polynomial_basis(height, width, self.settings.degree)  # (K, H * W)
        coefficients = torch.stack([torch.randn(len(basis), generator=each) for each in given.generators])
        fields = coefficients @ basis  # (N, H * W)
        fields = fields * self.settings.strength / fields.square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)
        return (images * fields.exp().view(-1, 1, height, width)).clamp(0, 1)


class Jpeg:
    """Written as a JPEG file and read again."""

    def __init__(self, settings: JpegSettings):
        self.quality = settings.quality

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Compress images (N, 3, H, W), RGB, [0, 1]."""
        return through_jpeg(images, self.quality)


class Blur:
    """Gaussian blur of `sigma` px; ImageNet-C's own, with its five severities, is `gaussian_blur`."""

    def __init__(self, settings: BlurSettings):
        self.sigma = settings.sigma

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Blur images (N, 3, H, W), RGB, [0, 1]."""
        return in_pixels(images, lambda pixels: gaussian(pixels, sigma=self.sigma, channel_axis=-1))


class Resize:
    """Shrunk to `factor` of its size and enlarged again, bicubic with antialiasing."""

    def __init__(self, settings: ResizeSettings):
        self.factor = settings.factor

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Shrink and enlarge images (N, 3, H, W), RGB, [0, 1]."""
        size = images.shape[-2:]
        small = [max(1, round(side * self.factor)) for side in size]
        for target in (small, size):
            images = F.interpolate(images, size=tuple(target), mode="bicubic", antialias=True).clamp(0, 1)
        return images
