"""Noise of ImageNet-C: pixel by pixel, so the same at every image size."""

from skimage.util import random_noise

from cosalpure.degrade.corruptions import Corruption, Draws, Pixels


class GaussianNoise(Corruption):
    """Additive noise, as of a sensor in the dark."""

    strengths = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation, of [0, 1]

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Add normal noise of standard deviation `strength`."""
        return pixels + draws.normal(size=pixels.shape, scale=strength)


class ShotNoise(Corruption):
    """Poisson noise: light as a count of photons."""

    strengths = (60, 25, 12, 5, 3)  # photons of a white pixel

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Draw each value anew as a count of photons."""
        return draws.poisson(pixels * strength) / strength


class ImpulseNoise(Corruption):
    """Salt and pepper, each channel for itself."""

    strengths = (0.03, 0.06, 0.09, 0.17, 0.27)  # share of the values that is replaced

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Replace a share `strength` of the values by 0 or 1."""
        noisy: Pixels = random_noise(pixels, mode="s&p", amount=strength, rng=draws)
        return noisy


class SpeckleNoise(Corruption):
    """Noise in proportion to the brightness; one of the four extra corruptions of ImageNet-C."""

    strengths = (0.15, 0.2, 0.35, 0.45, 0.6)  # standard deviation, of the pixel's value

    def corrupt(self, pixels: Pixels, strength: float, draws: Draws, scale: float) -> Pixels:
        """Add normal noise in proportion to each value."""
        return pixels + pixels * draws.normal(size=pixels.shape, scale=strength)
