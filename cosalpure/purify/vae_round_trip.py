"""Control: the autoencoder of the text-to-image model alone. What smoothing does, without any diffusion."""


class VaeRoundTrip:
    """`purifier(images, concept, generators) -> images`: the decoded mean of the encoded images."""

    def __init__(self, settings, text_to_image):
        self.model = text_to_image().at(settings.resolution)

    def __call__(self, images, concept, generators):
        mean, _ = self.model.encode(images)
        return self.model.decode(mean, images.shape[-2:])
