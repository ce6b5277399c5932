"""Weather of ImageNet-C: fog and snow over the scene, and its brightness.

`docs/explanation/degradations.md` says why there is no frost.
"""

from collections.abc import Sequence

import numpy as np
from skimage.color import hsv2rgb, rgb2hsv
from skimage.transform import resize

from cosalpure.degrade.corruptions import Corruption, Draws, Pixels
from cosalpure.degrade.corruptions.blur import motion_blur, zoom_in

GREY = (0.299, 0.587, 0.114)  # weights of red, green, blue (ITU-R BT.601)


class Fog(Corruption):
    """White plasma over the image, which then fades to the range that it had."""

    strengths = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))  # thickness; how fast fine structure fades

    def corrupt(self, pixels: Pixels, strength: tuple[float, float], draws: Draws, scale: float) -> Pixels:
        """Add plasma, then scale the values to the maximum that they had."""
        thickness, decay = strength
        height, width = pixels.shape[:2]
        fog = plasma(1 << (max(height, width) - 1).bit_length(), decay, draws)[:height, :width, None]
        brightest = pixels.max()
        foggy: Pixels = (pixels + thickness * fog) * brightest / (brightest + thickness)
        return foggy


class Snow(Corruption):
    """A pale image behind two layers of falling flakes, the second one the first turned by 180 degrees."""

    strengths = (  # flakes: mean, spread, size in px, threshold; their fall: radius, sigma in px; share of the image
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )

    def corrupt(self, pixels: Pixels, strength: tuple[float, ...], draws: Draws, scale: float) -> Pixels:
        """Whiten the image and add blurred flakes that fall."""
        mean, spread, zoom, threshold, radius, sigma, share = strength
        size = [round(side / scale) for side in pixels.shape[:2]]
        flakes = falling_flakes(size, mean, spread, zoom, threshold, radius, sigma, draws)
        if scale != 1:  # flakes of less than a pixel: made as published, then shrunk
            flakes = resize(flakes, pixels.shape[:2], anti_aliasing=True)
        pale = np.maximum(pixels, (pixels @ GREY)[..., None] * 1.5 + 0.5)
        return share * pixels + (1 - share) * pale + flakes + np.rot90(flakes, k=2)


class Brightness(Corruption):
    """Added to the value of hue, saturation, value."""

    strengths = (0.1, 0.2, 0.3, 0.4, 0.5)

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Add `strength` to the value of hue, saturation, value."""
        hsv = rgb2hsv(pixels)
        hsv[..., 2] = (hsv[..., 2] + strength).clip(0, 1)
        corrupted: Pixels = hsv2rgb(hsv)
        return corrupted


def falling_flakes(
    size: Sequence[int],
    mean: float,
    spread: float,
    zoom: float,
    threshold: float,
    radius: float,
    sigma: float,
    draws: Draws,
) -> Pixels:
    """Draw a layer of snow (H, W, 1) in [0, 1]: enlarged noise, cut off below the threshold, smeared downwards."""
    flakes = zoom_in(draws.normal(size=size, loc=mean, scale=spread)[..., None], zoom)
    flakes = np.where(flakes < threshold, 0, flakes).clip(0, 1)
    return motion_blur(flakes, radius, sigma, draws.uniform(-135, -45))


def plasma(side: int, decay: float, draws: Draws) -> Pixels:
    """Draw a random cloud (side, side) in [0, 1], `side` a power of two, by the diamond-square algorithm on a torus.

    Every round halves the distance of known points; the new ones are means of four plus noise, whose amplitude shrinks
    by `decay` a round. (It enters squared, as published.)
    """
    cloud = np.zeros((side, side))
    amplitude, step = 100.0, side

    def disturbed(total: Pixels) -> Pixels:
        return total / 4 + amplitude * draws.uniform(-amplitude, amplitude, total.shape)

    while step >= 2:
        half = step // 2
        corners = cloud[::step, ::step]
        pairs = corners + np.roll(corners, -1, 0)
        middles = disturbed(pairs + np.roll(pairs, -1, 1))
        across = disturbed(middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1))
        along = disturbed(middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0))
        cloud[half::step, half::step], cloud[::step, half::step], cloud[half::step, ::step] = middles, across, along
        amplitude, step = amplitude / decay, half
    cloud -= cloud.min()
    scaled: Pixels = cloud / cloud.max()
    return scaled
