"""Control: written as a JPEG file and read again. What the cheapest of all filters does."""

from cosalpure.io import through_jpeg


class Jpeg:
    """`purifier(images, concept, generators) -> images`, compressed at `settings.quality`."""

    def __init__(self, settings, text_to_image):
        self.quality = settings.quality

    def __call__(self, images, concept, generators):
        return through_jpeg(images, self.quality)
