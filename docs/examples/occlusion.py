"""A degradation of one's own: a grey square somewhere over each image (docs/how-to/adding-a-method.md)."""

import torch
from pydantic import Field

from cosalpure.schema import Model


class Occlusion:
    class Settings(Model):  # checked like the built-in ones; unknown keys are errors
        side: float = Field(0.3, ge=0, le=1, description="of the square, of the image's shorter side")

    label = "grey square"
    role = "corruption"
    bibtex = "@misc{occlusion, title={A Grey Square}, author={Example, A.}, year={2026}}"

    def __init__(self, settings):
        self.side = settings.side

    def __call__(self, images, given):  # the attacked images (N, 3, H, W), RGB, [0, 1]
        images = images.clone()  # what is handed over stays as it is
        height, width = images.shape[-2:]
        side = round(self.side * min(height, width))
        for image, generator in zip(images, given.generators, strict=True):
            top = torch.randint(height - side + 1, (), generator=generator)
            left = torch.randint(width - side + 1, (), generator=generator)
            image[:, top : top + side, left : left + side] = 0.5
        return images
