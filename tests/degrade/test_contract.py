"""What every registered degradation keeps to, a plug-in's too once its package is installed."""

import pytest
import torch

from cosalpure import seeds
from cosalpure.degrade import DEGRADATIONS, load
from cosalpure.errors import UserError
from cosalpure.experiment.methods import settings_class


def tiny_surrogate(images):
    """Features that take no time."""
    return [images[..., ::2, ::2] * images[..., 1::2, 1::2], images.square()]


OVERRIDES = {"jadena": {"surrogate": tiny_surrogate, "steps": 2}}


@pytest.fixture(params=DEGRADATIONS.names())
def degradation(request):
    """Every degradation, with its default settings."""
    defaults = settings_class("degradations", request.param)().model_dump()
    return load(request.param, **defaults | OVERRIDES.get(request.param, {}))


def run(degradation, images, numbers=None, group=None):
    """Degrades images (N, 3, H, W); image i has the generator number `numbers[i]`."""
    draws = [seeds.generator(0, number) for number in numbers or range(len(images))]
    whole = {"group": images if group is None else group} if getattr(degradation, "sees_group", False) else {}
    return degradation(images, draws, **whole)


def eight_bit(*shape, seed=0):
    """Random images of 8-bit levels, smooth enough for warps."""
    low = torch.rand(shape[0], 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(low, size=shape[1:], mode="bilinear") * 255).round() / 255


def test_images_keep_shape_type_and_range(degradation):
    images = eight_bit(3, 40, 40)
    degraded = run(degradation, images)
    assert degraded.shape == images.shape and degraded.dtype == torch.float32 and degraded.device.type == "cpu"
    assert degraded.isfinite().all() and 0 <= degraded.min() and degraded.max() <= 1
    assert not degraded.requires_grad


def test_given_images_are_not_changed(degradation):
    images = eight_bit(2, 32, 32)
    before = images.clone()
    run(degradation, images)
    assert torch.equal(images, before)


def test_equal_generators_give_equal_images(degradation):
    images = eight_bit(2, 32, 32)
    assert torch.equal(run(degradation, images), run(degradation, images))


@pytest.mark.parametrize("name", DEGRADATIONS.names())
def test_other_generators_give_other_images_exactly_where_the_settings_say_random(name):
    settings = settings_class("degradations", name)()
    degradation, images = load(name, **settings.model_dump() | OVERRIDES.get(name, {})), eight_bit(4, 32, 32)
    found = [run(degradation, images, numbers) for numbers in ([0, 1, 2, 3], [4, 5, 6, 7])]
    assert torch.equal(*found) is not settings.random


def test_an_image_does_not_depend_on_its_neighbours_or_its_place(degradation):
    images = eight_bit(4, 32, 32)
    together = run(degradation, images, group=images)
    turned = run(degradation, images.flip(0), numbers=[3, 2, 1, 0], group=images).flip(0)
    torch.testing.assert_close(together, turned, atol=1e-6, rtol=0)
    alone = run(degradation, images[2:3], numbers=[2], group=images)
    torch.testing.assert_close(together[2:3], alone, atol=1e-6, rtol=0)


def test_black_and_white_images_stay_finite(degradation):
    images = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    degraded = run(degradation, images)
    assert degraded.isfinite().all() and 0 <= degraded.min() and degraded.max() <= 1


@pytest.mark.parametrize("size", [(24, 40), (40, 25), (5, 5), (1, 1)], ids=str)
def test_any_size_works_or_is_refused_in_one_line(degradation, size):
    images = eight_bit(2, *size)
    try:
        degraded = run(degradation, images)
    except UserError as error:
        height, width = size
        assert f"not {width}x{height}" in str(error) and "\n" not in str(error)
    else:
        assert degraded.shape == images.shape and degraded.isfinite().all()


def test_large_sizes_are_never_refused_but_for_jadenas_quarter_turns(degradation):
    images = eight_bit(1, 48, 70)
    if getattr(degradation, "variant", None) == "augment":
        with pytest.raises(UserError, match="must be square, not 70x48"):
            run(degradation, images)
    else:
        assert run(degradation, images).shape == images.shape
