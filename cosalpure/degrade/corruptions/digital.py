"""Digital corruptions of ImageNet-C: contrast, colour, warping, coarse pixels, JPEG."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian

from cosalpure.degrade.corruptions import Corruption, Draws, Pixels, to_bytes
from cosalpure.io import jpeg_pixels

BOX = Image.Resampling.BOX


class Contrast(Corruption):
    """Differences from each channel's mean shrink."""

    strengths = (0.4, 0.3, 0.2, 0.1, 0.05)  # what is left of them

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Shrink the differences from each channel's mean to the share `strength`."""
        means: Pixels = pixels.mean((0, 1))
        return (pixels - means) * strength + means


class Saturate(Corruption):
    """Paler, then gaudier colours; one of the four extra corruptions of ImageNet-C."""

    strengths = ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))  # factor and summand of the saturation

    def corrupt(self, pixels: Pixels, strength: tuple[float, float], draws: Draws, scale: float) -> Pixels:
        """Scale and shift the saturation."""
        factor, summand = strength
        hsv = rgb2hsv(pixels)
        hsv[..., 1] = (hsv[..., 1] * factor + summand).clip(0, 1)
        corrupted: Pixels = hsv2rgb(hsv)
        return corrupted


class ElasticTransform(Corruption):
    """A small random affine map, then a smooth random displacement of every pixel."""

    # size and smoothness of the displacement, reach of the affine map's three points; px (of 244 for 224: published so)
    strengths = tuple(
        tuple(244 * share for share in row)
        for row in ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
    )

    def corrupt(self, pixels: Pixels, strength: tuple[float, float, float], draws: Draws, scale: float) -> Pixels:
        """Warp by a random affine map, then by a smooth random displacement."""
        size, smoothness, reach = strength
        size, smoothness = size * scale**2, smoothness * scale  # a smoother noise is a smaller one: it took one scale
        matrix = random_affine(pixels.shape[:2], reach * scale, draws)
        moved = [ndimage.affine_transform(pixels[..., c], matrix, order=1, mode="mirror") for c in range(3)]
        shifts = [
            size * gaussian(draws.uniform(-1, 1, size=pixels.shape[:2]), smoothness, mode="reflect", truncate=3)
            for _ in range(2)
        ]
        x, y = np.meshgrid(*(np.arange(side) for side in pixels.shape[1::-1]))
        where = (y + shifts[1], x + shifts[0])
        return np.stack([ndimage.map_coordinates(channel, where, order=1, mode="reflect") for channel in moved], -1)


class Pixelate(Corruption):
    """Shrunk and enlarged again, by means over boxes."""

    strengths = (0.6, 0.5, 0.4, 0.3, 0.25)  # side of the small image

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Shrink to the share `strength` of the side, and enlarge again."""
        height, width = pixels.shape[:2]
        small = Image.fromarray(to_bytes(pixels)).resize((int(width * strength), int(height * strength)), BOX)
        return np.asarray(small.resize((width, height), BOX)) / 255


class JpegCompression(Corruption):
    """Written as a JPEG file and read again."""

    strengths = (25, 18, 15, 10, 7)  # quality

    def corrupt(self, pixels: Pixels, strength: int, draws: Draws, scale: float) -> Pixels:
        """Compress as a JPEG file of quality `strength`."""
        return jpeg_pixels(to_bytes(pixels), strength) / 255


def random_affine(size: Sequence[int], reach: float, draws: Draws) -> Pixels:
    """Draw the affine map (2, 3) from a new pixel (row, column, 1) to its old place: three points move by up to `reach`.

    The points are corners of a square around the middle of an image of `size` (H, W).
    """
    x, y = size[1] // 2, size[0] // 2
    third = min(size) // 3
    before = np.array([(x + third, y + third), (x + third, y - third), (x - third, y - third)], dtype=float)
    after = before + draws.uniform(-reach, reach, size=before.shape)
    after = np.column_stack([after[:, ::-1], np.ones(3)])
    return np.linalg.solve(after, before[:, ::-1]).T
