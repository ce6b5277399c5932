"""The common corruptions against the authors' own code, run with the same random draws.

tests/golden/corruptions.npz, `<name>__<severity>`: every seventh pixel of the 8-bit result (32, 32, 3) on the middle of
scikit-image's astronaut. Made by the functions of hendrycks/robustness (through imagecorruptions 1.1.2 where it left
them as they are) with numpy 1.26, scikit-image 0.20, scipy 1.11, OpenCV 4.8, after `numpy.random.seed(severity)`
(impulse noise: `random_noise(..., seed=severity)`), and motion blur and snow with ImageMagick 6.9.11 itself.
"""

import numpy as np
import pytest
import skimage.data
import torch
from golden import loader

from cosalpure import seeds
from cosalpure.degrade import DEGRADATIONS, create
from cosalpure.degrade.corruptions.blur import disc, motion_blur, zoom_in
from cosalpure.degrade.corruptions.weather import plasma
from cosalpure.degrade.settings import CORRUPTIONS
from cosalpure.errors import UserError
from cosalpure.protocols import Given

NAMES = [name for names in CORRUPTIONS.values() for name in names]
# Largest difference in levels of 255. The stored results are rounded: half a level. ImageMagick cuts instead of
# rounding, snow adds two such layers, and OpenCV warps in steps of 1/32 px.
TOLERANCE = {"motion_blur": 1.01, "snow": 3.0, "elastic_transform": 2.5}
SEVERITIES = (1, 2, 3, 4, 5)


class LegacyDraws:
    """numpy's old global generator, whose numbers never change, under the names of the new one."""

    def __init__(self, seed):
        draws = np.random.RandomState(seed)
        self.normal, self.uniform, self.poisson, self.integers = (
            draws.normal,
            draws.uniform,
            draws.poisson,
            draws.randint,
        )


@pytest.fixture(scope="module")
def golden():
    return loader.golden("corruptions")


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()[20:244, 120:344] / 255


@pytest.mark.slow
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", NAMES)
def test_corruption_equals_the_authors_own(golden, astronaut, name, severity):
    corruption = create(name, severity=severity)
    draws = np.random.default_rng(severity) if name == "impulse_noise" else LegacyDraws(severity)
    ours = corruption.corrupt(astronaut, corruption.strength, draws, scale=1.0)[3::7, 3::7].clip(0, 1) * 255
    difference = np.abs(ours - golden[f"{name}__{severity}"])
    assert difference.max() <= TOLERANCE.get(name, 0.505)
    assert difference.mean() < 0.51


# --- promises ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def photographs(astronaut):
    """Three photographs (3, 3, 64, 64) in [0, 1], 8-bit levels."""
    parts = [astronaut[i : i + 64, j : j + 64] for i, j in ((0, 0), (20, 80), (120, 90))]
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).float()


def generators(count=3, seed=0):
    return [seeds.generator(seed, i) for i in range(count)]


# Published tables that do not rise: saturation pales before it exaggerates, the elastic transform's first two rows warp
# the whole image and the others locally, glass blur has rounds of 2, 1, 3, 2, 2.
NOT_RISING = ("saturate", "elastic_transform", "glass_blur")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_RISING])
def test_higher_severity_changes_more(photographs, name):
    changes = [
        (create(name, severity=severity)(photographs, Given(generators())) - photographs).square().mean().item()
        for severity in (1, 3, 5)
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_lengths_follow_the_size_of_the_image():
    step = torch.zeros(1, 3, 64, 64)
    step[..., 32:] = 1

    def edge_width(image):
        row = image[0, 0, 32]
        return int(((row > 0.02) & (row < 0.98)).sum())

    wide = edge_width(create("defocus_blur", severity=5, scale_with_size=False)(step, Given(generators(1))))
    narrow = edge_width(create("defocus_blur", severity=5)(step, Given(generators(1))))
    assert wide > 2.5 * narrow
    published = torch.zeros(1, 3, 224, 224)
    published[..., 112:] = 1
    both = [
        create("defocus_blur", severity=5, scale_with_size=s)(published, Given(generators(1))) for s in (True, False)
    ]
    assert torch.equal(*both)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["snow", "elastic_transform", "motion_blur", "defocus_blur", "zoom_blur", "fog"])
def test_a_small_image_suffers_about_as_much_as_a_large_one(astronaut, name):
    large = torch.from_numpy(astronaut).permute(2, 0, 1)[None].float()
    small = torch.nn.functional.interpolate(large, size=(96, 96), mode="area")
    changes = []
    for image in (large, small):
        corrupted = create(name, severity=3)(image.expand(4, -1, -1, -1), Given(generators(4)))
        coarse = torch.nn.functional.interpolate(corrupted, size=(96, 96), mode="area")
        changes.append((coarse - small).square().mean().sqrt().item())
    assert changes[1] == pytest.approx(changes[0], rel=0.35)


def test_corruptions_of_one_image_at_several_severities_share_their_draws(astronaut):
    point = np.zeros((65, 65, 3))
    point[32, 32] = 1
    image = torch.from_numpy(point).permute(2, 0, 1)[None].float()
    angles = []
    for severity in (1, 5):
        blurred = create("motion_blur", severity=severity, scale_with_size=False)(image, Given(generators(1)))[0, 0]
        y, x = (blurred > 0).nonzero().double().T - 32
        angles.append(torch.atan2(y.sum(), x.sum()).item())
    assert angles[0] == pytest.approx(angles[1], abs=0.08)


def test_motion_blur_keeps_flat_areas_and_smears_along_the_ray():
    assert motion_blur(np.full((9, 9, 3), 0.3), 5, 3, 30) == pytest.approx(0.3)
    point = np.zeros((21, 21, 1))
    point[10, 10] = 1
    smeared = motion_blur(point, 3, 2, 0)[..., 0]
    assert smeared[10, 4:11].min() > 0 and smeared.sum() == pytest.approx(1)
    assert np.count_nonzero(smeared) == 7  # 2 * 3 + 1 pixels, on one row


@pytest.mark.parametrize("factor", [1, 1.01, 1.17, 1.3, 4.5])
def test_zoom_keeps_the_size_whatever_the_shape(factor):
    assert zoom_in(np.random.default_rng(0).random((33, 50, 3)), factor).shape == (33, 50, 3)


def test_disc_and_plasma_are_what_they_say():
    assert disc(6, 0.5).sum() == pytest.approx(1) and disc(10, 0.5).shape == (21, 21)
    cloud = plasma(32, 2, np.random.default_rng(0))
    assert cloud.shape == (32, 32) and cloud.min() == 0 and cloud.max() == 1


@pytest.mark.parametrize("severity", [0, 6, 2.5])
def test_severity_is_one_of_five(severity):
    with pytest.raises(UserError, match="severity: .*(1|5|integer)"):
        create("fog", severity=severity)


def test_frost_and_spatter_are_not_offered():
    assert not {"frost", "spatter"} & set(DEGRADATIONS.names())
