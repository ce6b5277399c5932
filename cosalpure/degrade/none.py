"""No degradation: the clean reference that every attack is measured against."""

from torch import Tensor

from cosalpure.degrade.settings import NothingSettings
from cosalpure.protocols import NOTHING, Given


class Nothing:
    """Returns the images it is given."""

    def __init__(self, settings: NothingSettings):
        pass

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Return the images as they are."""
        return images
