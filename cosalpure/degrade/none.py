"""No degradation: the clean reference that every attack is measured against."""


class Nothing:
    """Returns the images it is given."""

    def __call__(self, images, generators=None):
        return images
