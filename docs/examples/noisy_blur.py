"""A purifier of one's own that an attacker can differentiate through: noise, then a blur (docs/adaptive.md)."""

import torch
from pydantic import Field
from torch.nn import functional as F

from cosalpure.schema import Model


class NoisyBlur:
    class Settings(Model):
        sigma: float = Field(0.05, ge=0, description="standard deviation of the noise, of [0, 1]")
        side: int = Field(3, ge=1, description="side of the box that is averaged over, px; odd")

    label = "noise and blur"
    role = "baseline"
    bibtex = "@misc{noisyblur, title={Noise and Blur}, author={Example, A.}, year={2026}}"
    differentiable = True  # gradients reach the images that it is called with; without this line: bpda or blind

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, images, given):  # all images of a group (N, 3, H, W), RGB, [0, 1]
        draws = [torch.randn(images.shape[1:], generator=generator) for generator in given.generators]
        noisy = images + self.settings.sigma * torch.stack(draws)
        side = self.settings.side
        return F.avg_pool2d(noisy, side, stride=1, padding=side // 2, count_include_pad=False).clamp(0, 1)
