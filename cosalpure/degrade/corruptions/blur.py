"""Blurs of ImageNet-C. Their lengths are px of an image of 224 px; `scale` fits them to other sizes."""

import math

import numpy as np
from scipy import ndimage
from skimage.filters import gaussian

from cosalpure.degrade.corruptions import Corruption, Draws, Pixels


class GaussianBlur(Corruption):
    """Gaussian blur; one of the four extra corruptions of ImageNet-C."""

    strengths = (1, 2, 3, 4, 6)  # sigma, px

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Blur by a Gaussian of `strength` px."""
        blurred: Pixels = gaussian(pixels, sigma=strength * scale, channel_axis=-1)
        return blurred


class DefocusBlur(Corruption):
    """A lens out of focus: every point becomes a disc."""

    strengths = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))  # radius, px; sigma that softens the disc's edge

    def corrupt(self, pixels: Pixels, strength: tuple[float, float], draws: Draws, scale: float) -> Pixels:
        """Blur by a disc with a soft edge."""
        radius, softness = strength
        kernel = disc(max(1, radius * scale), softness)[..., None]
        blurred: Pixels = ndimage.correlate(pixels, kernel, mode="mirror")
        return blurred


class GlassBlur(Corruption):
    """Frosted glass: pixels change places with near ones, between two light blurs.

    The published loop means to swap two pixels, but only copies (both sides of the assignment look into one array);
    copying is what the published images show, so it is kept.
    """

    strengths = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))  # sigma and reach, px; rounds

    def corrupt(self, pixels: Pixels, strength: tuple[float, int, int], draws: Draws, scale: float) -> Pixels:
        """Blur, copy pixels from nearby, and blur again."""
        sigma, reach, rounds = strength
        sigma, reach = sigma * scale, max(1, round(reach * scale))
        blurred = np.floor(gaussian(pixels, sigma=sigma, channel_axis=-1) * 255) / 255
        height, width = pixels.shape[:2]
        sources = np.arange(height * width).tolist()  # of each pixel: where its value comes from
        rows = np.arange(height - reach, reach, -1)
        columns = np.arange(width - reach, reach, -1)
        targets = (rows[:, None] * width + columns).ravel()
        for _ in range(rounds):
            right, down = draws.integers(-reach, reach, size=(len(targets), 2)).T
            for target, source in zip(targets.tolist(), (targets + down * width + right).tolist(), strict=True):
                sources[target] = sources[source]  # in this order: a copied pixel may be copied on
        shuffled = blurred.reshape(-1, 3)[sources].reshape(pixels.shape)
        twice: Pixels = gaussian(shuffled, sigma=sigma, channel_axis=-1)
        return twice


class MotionBlur(Corruption):
    """The camera moves: ImageMagick's motion blur at an angle within 45 degrees of the horizontal. The paper's Table 4."""

    strengths = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # radius and sigma, px

    def corrupt(self, pixels: Pixels, strength: tuple[float, float], draws: Draws, scale: float) -> Pixels:
        """Blur along a line of random direction."""
        radius, sigma = strength
        return motion_blur(pixels, radius * scale, sigma * scale, draws.uniform(-45, 45))


class ZoomBlur(Corruption):
    """The camera moves towards the scene: the mean of ever larger views, the image itself counted twice."""

    strengths = (  # factors of the views; the ends come with rounding, as published
        np.arange(1, 1.11, 0.01),
        np.arange(1, 1.16, 0.01),
        np.arange(1, 1.21, 0.02),
        np.arange(1, 1.26, 0.02),
        np.arange(1, 1.31, 0.03),
    )

    def corrupt(self, pixels: Pixels, strength: np.ndarray, draws: Draws, scale: float) -> Pixels:
        """Average the image with enlarged views of its middle."""
        views = [zoom_in(pixels, factor) for factor in strength]
        return (pixels + sum(views)) / (len(views) + 1)


def disc(radius: float, softness: float) -> Pixels:
    """Make a kernel of sum 1: all positions within `radius`, softened by a Gaussian of `softness` over 3 or 5 px."""
    reach = max(8, math.ceil(radius))
    x = np.arange(-reach, reach + 1)
    inside = (x**2 + x[:, None] ** 2 <= radius**2).astype(float)
    taps = np.arange(-1, 2) if radius <= 8 else np.arange(-2, 3)
    soft = np.exp(-(taps**2) / (2 * softness**2))
    soft /= soft.sum()
    softened: Pixels = ndimage.correlate1d(
        ndimage.correlate1d(inside, soft, axis=0, mode="mirror"), soft, axis=1, mode="mirror"
    )
    kernel: Pixels = softened / inside.sum()
    return kernel


def motion_blur(pixels: Pixels, radius: float, sigma: float, angle: float) -> Pixels:
    """Smear pixels (H, W, C) along a ray at `angle` degrees by one half of a Gaussian, as ImageMagick does.

    A pixel is the weighted mean of the 2 ceil(radius) + 1 pixels that follow it on the ray; the edge goes on outside.
    """
    count = 2 * math.ceil(radius) + 1
    steps = np.arange(count)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    down, right = (np.ceil(steps * turn(math.radians(angle)) - 0.5).astype(int) for turn in (math.sin, math.cos))
    padded = np.pad(pixels, ((count, count), (count, count), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    smeared: Pixels = sum(
        weight * padded[count + dy : count + dy + height, count + dx : count + dx + width]
        for weight, dy, dx in zip(weights, down, right, strict=True)
    )
    return smeared


def zoom_in(pixels: Pixels, factor: float) -> Pixels:
    """Enlarge the middle of pixels (H, W, C) by `factor` >= 1, bilinear, to the same size."""
    size = pixels.shape[:2]
    part = [math.ceil(side / factor) for side in size]
    middle = tuple(slice((side - cut) // 2, (side - cut) // 2 + cut) for side, cut in zip(size, part, strict=True))
    larger: Pixels = ndimage.zoom(pixels[middle], (factor, factor, 1), order=1)
    starts = [(now - side) // 2 for now, side in zip(larger.shape[:2], size, strict=True)]
    return larger[starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]]
