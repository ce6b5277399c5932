"""Control: the autoencoder of the text-to-image model alone. What smoothing does, without any diffusion."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from cosalpure.protocols import NOTHING, Given
from cosalpure.purify.settings import VaeRoundTripSettings

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage


class VaeRoundTrip:
    """Decode the mean of the encoded images."""

    def __init__(self, settings: VaeRoundTripSettings, text_to_image: "Callable[[], TextToImage]"):
        self.model = text_to_image().at(settings.resolution)

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Encode and decode images (N, 3, H, W), RGB, [0, 1]."""
        mean, _ = self.model.encode(images)
        return self.model.decode(mean, images.shape[-2:])
