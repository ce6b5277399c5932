"""Control: written as a JPEG file and read again. What the cheapest of all filters does."""

from cosalpure import degrade


class Jpeg:
    """`purifier(images, concept, generators) -> images`, compressed at `settings.quality`."""

    def __init__(self, settings, text_to_image):
        self.compress = degrade.load("jpeg", quality=settings.quality)

    def __call__(self, images, concept, generators):
        return self.compress(images, generators)
