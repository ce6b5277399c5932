"""A purifier of one's own: noise hides small attacks, a JPEG file forgets the noise (docs/how-to/adding-a-method.md)."""

import torch
from pydantic import Field

from cosalpure.io import through_jpeg
from cosalpure.schema import Model


class NoisyJpeg:
    class Settings(Model):
        sigma: float = Field(0.05, ge=0, description="standard deviation of the noise, of [0, 1]")
        quality: int = Field(60, ge=1, le=95, description="JPEG quality")

    label = "noise and JPEG"
    role = "baseline"
    bibtex = "@misc{noisyjpeg, title={Noise and JPEG}, author={Example, A.}, year={2026}}"

    @staticmethod
    def random(settings):  # without noise, another seed gives the same images
        return settings.sigma > 0

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, images, given):  # all images of a group (N, 3, H, W), RGB, [0, 1]
        draws = [torch.randn(images.shape[1:], generator=generator) for generator in given.generators]
        noisy = images + self.settings.sigma * torch.stack(draws)
        return through_jpeg(noisy.clamp(0, 1), self.settings.quality)
