"""Image quality: known values, and what cannot be computed."""

import numpy as np
import pytest

from cosalpure.score import QUALITY, image_quality

GREY = np.full((16, 16, 3), 100, np.uint8)


def test_every_metric_is_documented_and_given():
    assert list(image_quality(GREY, GREY)) == list(QUALITY)
    assert all(metric.name == name and metric.formula for name, metric in QUALITY.items())


def test_equal_images():
    assert image_quality(GREY, GREY) == {"psnr": np.inf, "ssim": 1.0, "linf": 0.0, "exposure_change": 0.0}


def test_known_values():
    quality = image_quality(GREY + np.uint8(51), GREY)
    assert quality["psnr"] == pytest.approx(20 * np.log10(5))
    assert quality["linf"] == pytest.approx(0.2)
    assert quality["exposure_change"] == pytest.approx(np.log2(152 / 101))
    assert image_quality(GREY, GREY + np.uint8(51))["exposure_change"] == pytest.approx(-np.log2(152 / 101))


def test_black_images_have_an_exposure():
    black = np.zeros_like(GREY)
    assert image_quality(black, GREY)["exposure_change"] == pytest.approx(-np.log2(101))
    assert image_quality(black, black)["exposure_change"] == 0


@pytest.mark.parametrize("side", [1, 6])
def test_ssim_is_undefined_for_tiny_images(side):
    quality = image_quality(GREY[:side, :side], GREY[:side, :side])
    assert np.isnan(quality["ssim"]) and quality["linf"] == 0
