"""What every registered degradation promises, and where it keeps to more than the promise."""

import pytest
import torch

from cosalpure import seeds
from cosalpure.contract.promises import outcomes
from cosalpure.contract.subject import Subject
from cosalpure.degrade import DEGRADATIONS
from cosalpure.degrade.jadena import Jadena
from cosalpure.errors import UserError
from cosalpure.protocols import Given


def tiny_surrogate(images):
    """Features that take no time."""
    return [images[..., ::2, ::2] * images[..., 1::2, 1::2], images.square()]


OTHERS = {"pgd", "square", "poison"}  # they name others, or need a model: test_pgd.py, test_square.py, test_poison.py
NAMES = [name for name in DEGRADATIONS.names() if name not in OTHERS]


def made(name):
    """A degradation with its default settings; Jadena's surrogate takes no time."""
    settings = DEGRADATIONS.get(name).settings()
    return (
        Jadena(settings.model_copy(update={"steps": 2}), tiny_surrogate)
        if name == "jadena"
        else DEGRADATIONS.make(name, settings)
    )


@pytest.fixture(params=NAMES)
def degradation(request):
    return made(request.param)


def run(degradation, images, numbers=None, group=None):
    """Degrades images (N, 3, H, W); image i has the generator number `numbers[i]`."""
    draws = [seeds.generator(0, number) for number in numbers or range(len(images))]
    return degradation(images, Given(draws, group=images if group is None else group))


def eight_bit(*shape, seed=0):
    """Random images of 8-bit levels, smooth enough for warps."""
    low = torch.rand(shape[0], 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(low, size=shape[1:], mode="bilinear") * 255).round() / 255


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_promise_is_kept(name):
    method = DEGRADATIONS.get(name)
    subject = Subject("degradation", name, method, method.settings(), made(name))
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


def test_images_keep_shape_type_and_range(degradation):
    images = eight_bit(3, 40, 40)
    degraded = run(degradation, images)
    assert degraded.shape == images.shape and degraded.dtype == torch.float32 and degraded.device.type == "cpu"
    assert degraded.isfinite().all() and 0 <= degraded.min() and degraded.max() <= 1
    assert not degraded.requires_grad


def test_an_image_does_not_depend_on_its_neighbours_or_its_place(degradation):
    images = eight_bit(4, 32, 32)
    together = run(degradation, images, group=images)
    turned = run(degradation, images.flip(0), numbers=[3, 2, 1, 0], group=images).flip(0)
    torch.testing.assert_close(together, turned, atol=1e-6, rtol=0)
    alone = run(degradation, images[2:3], numbers=[2], group=images)
    torch.testing.assert_close(together[2:3], alone, atol=1e-6, rtol=0)


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
    if isinstance(degradation, Jadena):
        with pytest.raises(UserError, match="must be square, not 70x48"):
            run(degradation, images)
    else:
        assert run(degradation, images).shape == images.shape
