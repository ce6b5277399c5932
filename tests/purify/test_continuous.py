"""The continuous representation as a purifier and in front of CosalPure, with slim and official architecture."""

import pytest
import torch

from cosalpure import networks
from cosalpure.concept import Concept
from cosalpure.errors import UserError
from cosalpure.networks.representation import ContinuousRepresentation
from cosalpure.protocols import Given
from cosalpure.purify import create
from cosalpure.purify.cosalpure import CosalPure
from cosalpure.purify.settings import CosalPureSettings
from cosalpure.seeds import generator
from cosalpure.train import liif


def generators(images):
    return [generator(0, index) for index in range(len(images))]


def purifier(weights, resolution=32):
    return create("continuous", weights=str(weights), resolution=resolution)


def test_it_is_the_identity_where_the_network_is(tiny_liif, images):
    # a bilinear start, at the image's own size; LIIF's last row and column are means of two pixels
    purified = purifier(tiny_liif)(images)
    assert (purified - images)[..., :-1, :-1].abs().max() < 2e-3  # weights in half precision


def test_it_answers_at_any_size_within_the_range(tiny_liif, images):
    represent = ContinuousRepresentation(tiny_liif)
    for size in [(32, 32), (48, 48), (20, 33)]:
        answers = represent(images, size)
        assert answers.shape == (5, 3, *size) and 0 <= answers.min() and answers.max() <= 1
        assert answers.device.type == "cpu" and not answers.requires_grad


def test_larger_answers_come_back_to_the_images_size(tiny_liif, images):
    purified = purifier(tiny_liif, resolution=64)(images)
    assert purified.shape == images.shape and 0 <= purified.min() and purified.max() <= 1
    assert 0.001 < (purified - images).abs().mean() < 0.2  # through 64 px, bilinear: smoother, the same scene


@pytest.mark.slow
def test_official_checkpoint_is_a_purifier_too(images, tmp_path):
    # the published form and architecture, random weights
    path = tmp_path / "edsr-baseline-liif.pth"
    network = networks.build("liif")
    liif.start_as_bilinear(network)
    torch.save({"model": {"name": "liif", "args": {}, "sd": network.state_dict()}, "epoch": 1000}, path)
    purified = purifier(path)(images[:1, :, :16, :16])
    assert purified.shape == (1, 3, 16, 16) and 0 <= purified.min() and purified.max() <= 1
    own = ContinuousRepresentation(path)(images[:1, :, :16, :16], (16, 16))
    assert (own - images[:1, :, :16, :16])[..., :-1, :-1].abs().max() < 1e-5


@pytest.mark.parametrize("name", ["absent.safetensors", "absent.pth"])
def test_missing_weights_are_one_line(name, tmp_path):
    with pytest.raises(UserError, match=f"{name}: no such weights file") as caught:
        purifier(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused():
    with pytest.raises(UserError, match="holds weights of 'poolnet', not of 'liif'"):
        purifier("bundled:mini/weights/poolnet.safetensors")


@pytest.mark.slow
def test_cosalpure_sees_what_the_representation_answers(tiny_model, tiny_liif, images):
    concept, small = Concept("<my-goat>", tiny_model.word_vector("goat")), images[..., :24, :20]
    settings = CosalPureSettings(timestep=100, continuous=str(tiny_liif))
    ours = CosalPure(settings, lambda: tiny_model)(small, Given(generators(small), concept=concept))
    assert ours.shape == small.shape

    plain = CosalPure(CosalPureSettings(timestep=100), lambda: tiny_model)
    before = ContinuousRepresentation(tiny_liif)(small, (32, 32))  # the tiny model's resolution
    purified = plain(before, Given(generators(before), concept=concept))
    expected = torch.nn.functional.interpolate(purified, (24, 20), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(ours, expected, atol=1e-3, rtol=0)
    assert not torch.allclose(ours, plain(small, Given(generators(small), concept=concept)), atol=1e-3)


def test_jpeg_costs_more_at_lower_quality(images):
    smooth = torch.nn.functional.interpolate(images, (64, 64), mode="bicubic").clamp(0, 1)
    low, high = (create("jpeg", quality=q)(smooth) for q in (10, 90))
    assert (low - smooth).abs().mean() > 2 * (high - smooth).abs().mean() > 0
