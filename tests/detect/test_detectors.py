"""What every detector promises, and what only the group-wise ones do. A new entry gets this suite by its name."""

import pytest
import torch

from cosalpure import detect, networks
from cosalpure.errors import UserError

ARCH = {"gicd": dict(width=1 / 16, classes=11, classifier_width=24, pool=2, channels=8, input_size=32)}
NAMES = [name for name in detect.DETECTORS.builtin if name in ARCH]


@pytest.fixture(scope="module", params=NAMES)
def detector(request, tmp_path_factory):
    name = request.param
    path = tmp_path_factory.mktemp("weights") / f"{name}.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        networks.save_weights(path, networks.build(name, **ARCH[name]), ARCH[name], name)
    return detect.load(name, path)


def images(n, height=40, width=40, seed=0):
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_every_detector_has_a_slim_twin_in_these_tests():
    assert set(NAMES) == set(detect.DETECTORS.builtin)


@pytest.mark.parametrize("n", [1, 2, 60])
def test_groups_of_any_length(detector, n):
    maps = detector(images(n))
    assert maps.shape == (n, 1, 40, 40) and maps.dtype == torch.float32
    assert torch.isfinite(maps).all() and maps.min() >= 0 and maps.max() <= 1


@pytest.mark.parametrize(("height", "width"), [(33, 47), (64, 64), (7, 90)])
def test_images_of_any_size(detector, height, width):
    assert detector(images(2, height, width)).shape == (2, 1, height, width)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_featureless_images_give_finite_maps(detector, value):
    assert torch.isfinite(detector(torch.full((2, 3, 40, 40), value))).all()


def test_same_group_same_maps(detector):
    group = images(3)
    before = group.clone()
    assert torch.equal(detector(group), detector(group))
    assert torch.equal(group, before)  # inputs are left alone


def test_order_of_the_images_does_not_matter(detector):
    group, order = images(5), torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(detector(group[order]), detector(group)[order], atol=1e-4)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_works_whatever_the_callers_gradient_mode_and_leaves_no_gradients(detector, mode):
    expected = detector(images(2))
    with mode():
        maps = detector(images(2))
    assert torch.allclose(maps, expected, atol=1e-6) and not maps.requires_grad
    assert all(p.grad is None for p in detector.network.parameters())


def test_gicd_looks_at_the_whole_group_whatever_the_batch(tmp_path):
    path = tmp_path / "gicd.safetensors"
    network = networks.build("gicd", **ARCH["gicd"])
    networks.save_weights(path, network, ARCH["gicd"], "gicd")
    whole, small = detect.load("gicd", path), detect.load("gicd", path, batch=2)
    assert torch.allclose(whole(images(5)), small(images(5)), atol=1e-5)


def test_unknown_detector_lists_the_known_ones():
    with pytest.raises(UserError, match="gicd"):
        detect.load("gidc", "weights")
