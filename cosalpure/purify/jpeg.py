"""Control: written as a JPEG file and read again. What the cheapest of all filters does."""

from torch import Tensor

from cosalpure.gradients import straight_through
from cosalpure.io import through_jpeg
from cosalpure.protocols import NOTHING, Given
from cosalpure.purify.settings import JpegPurifierSettings


class Jpeg:
    """Compress images at `settings.quality`; the gradient is the identity, as a file has none."""

    def __init__(self, settings: JpegPurifierSettings):
        self.quality = settings.quality

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Compress images (N, 3, H, W), RGB, [0, 1]."""
        return straight_through(images, through_jpeg(images, self.quality))
