"""No purification: the images as they came, the paper's Source-Only."""


class SourceOnly:
    """`purifier(images, concept, generators) -> images`, unchanged."""

    def __init__(self, settings, text_to_image):
        pass

    def __call__(self, images, concept, generators):
        return images
