"""No purification: the images as they came, the paper's Source-Only."""

from torch import Tensor

from cosalpure.protocols import NOTHING, Given
from cosalpure.purify.settings import SourceOnlySettings


class SourceOnly:
    """Return the images unchanged."""

    def __init__(self, settings: SourceOnlySettings):
        pass

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Return the images as they are."""
        return images
