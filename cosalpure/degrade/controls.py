"""Controls: what an attack must beat before its effect may be called the attack's.

Noise and exposure as strong as Jadena's but drawn at random, and three everyday changes of an image.
"""

import torch
from skimage.filters import gaussian
from torch.nn import functional as F

from cosalpure.degrade.corruptions import in_pixels
from cosalpure.degrade.jadena import polynomial_basis
from cosalpure.errors import choose
from cosalpure.io import through_jpeg


class RandomNoise:
    """Additive noise of at most `epsilon`, drawn at random.

    "sign" is +-epsilon at every value: no noise within the bound is larger, so that an attack which hurts more does so
    by its direction. "uniform" is spread over [-epsilon, epsilon].
    """

    def __init__(self, epsilon=16 / 255, distribution="sign"):
        self.epsilon = epsilon
        self.distribution = choose("distribution", distribution, ["sign", "uniform"])

    def __call__(self, images, generators):
        draws = torch.stack([torch.rand(images.shape[1:], generator=generator) for generator in generators]) * 2 - 1
        noise = draws.sign() if self.distribution == "sign" else draws
        return (images + self.epsilon * noise).clamp(0, 1)


class RandomExposure:
    """A smooth random exposure: Jadena's polynomial, coefficients drawn from a normal distribution.

    strength   root mean square over the image of the field, the log of the factor on the brightness; every image's
               field is scaled to it
    degree     of the polynomial, as Jadena's
    """

    def __init__(self, strength=0.5, degree=10):
        self.strength = strength
        self.degree = degree

    def __call__(self, images, generators):
        height, width = images.shape[-2:]
        basis = polynomial_basis(height, width, self.degree)  # (K, H * W)
        coefficients = torch.stack([torch.randn(len(basis), generator=generator) for generator in generators])
        fields = coefficients @ basis  # (N, H * W)
        fields = fields * self.strength / fields.square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)
        return (images * fields.exp().view(-1, 1, height, width)).clamp(0, 1)


class Jpeg:
    """Written as a JPEG file and read again."""

    def __init__(self, quality=75):
        self.quality = quality

    def __call__(self, images, generators=None):
        return through_jpeg(images, self.quality)


class Blur:
    """Gaussian blur of `sigma` px. (ImageNet-C's own, with its five severities, is `gaussian_blur`.)"""

    def __init__(self, sigma=1.0):
        self.sigma = sigma

    def __call__(self, images, generators=None):
        return in_pixels(images, lambda pixels: gaussian(pixels, sigma=self.sigma, channel_axis=-1))


class Resize:
    """Shrunk to `factor` of its size and enlarged again, bicubic with antialiasing."""

    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, images, generators=None):
        size = images.shape[-2:]
        small = [max(1, round(side * self.factor)) for side in size]
        for target in (small, size):
            images = F.interpolate(images, size=tuple(target), mode="bicubic", antialias=True).clamp(0, 1)
        return images
