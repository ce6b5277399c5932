"""A detector of one's own: what differs in colour from the border of its image (docs/how-to/adding-a-method.md)."""

from pydantic import Field

from cosalpure.schema import Model


class BorderContrast:
    class Settings(Model):
        border: int = Field(2, ge=1, description="width of the border in px")

    label = "border contrast"
    needs = ()  # nothing but the images
    bibtex = "@misc{border, title={Contrast to the Border}, author={Example, A.}, year={2026}}"

    def __init__(self, settings):
        self.border = settings.border

    def __call__(self, images, given):  # all images of a group (N, 3, H, W), RGB, [0, 1]
        b = self.border
        sides = (images[..., :b, :], images[..., -b:, :], images[..., :, :b], images[..., :, -b:])
        mean = sum(side.mean((2, 3), keepdim=True) for side in sides) / 4  # (N, 3, 1, 1)
        distance = (images - mean).square().sum(1, keepdim=True).sqrt()  # (N, 1, H, W)
        return distance / distance.amax((2, 3), keepdim=True).clamp(min=1e-6)
