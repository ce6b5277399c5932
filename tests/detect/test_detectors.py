"""What every detector promises, and what only the group-wise ones do. A new entry gets this suite by its name."""

import pytest
import torch
from golden import loader

from cosalpure import detect, networks
from cosalpure.contract.promises import outcomes
from cosalpure.contract.subject import Subject
from cosalpure.errors import UserError
from cosalpure.weights import read_sources

ARCH = {
    "gicd": dict(width=1 / 16, classes=11, classifier_width=24, pool=2, channels=8, input_size=32),
    "gcagc": dict(width=1 / 16, modules=(1, 1, 1), blocks=1, input_size=64),
    "poolnet": dict(width=1 / 16),
    "gconet_plus": dict(width=1 / 16, input_size=64),
    "mccl": dict(width=1 / 16, depths=(1, 1, 1, 1), input_size=64),
}
NAMES = [name for name in detect.DETECTORS.builtin if name in ARCH]


@pytest.fixture(scope="module", params=NAMES)
def detector(request, tmp_path_factory):
    return detect.create(request.param, weights=weights(request.param, tmp_path_factory.mktemp("weights")))


def weights(name, folder):
    """A file with the weights of a random slim network."""
    path = folder / f"{name}.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = networks.build(name, **ARCH[name])
    if name == "gconet_plus":  # its head is so steep that random weights give 0 or 1 everywhere
        for part, bias in ((network.db_output_decoder.binarize, -0.004), (network.db_output_decoder.thresh, 0.0)):
            torch.nn.init.constant_(part[-2].bias, bias)
            part[-2].weight.data.mul_(0.2)
    networks.save_weights(path, network, ARCH[name], name)
    return str(path)


def test_the_weights_that_a_detector_names_are_in_the_table_of_published_files():
    files = {its.file for its in read_sources().values()}
    for name in NAMES:
        named = detect.DETECTORS.get(name).settings().weights
        assert {path.removeprefix("weights/") for path in ([named] if isinstance(named, str) else named)} <= files


def images(n, height=40, width=40, seed=0):
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_every_detector_has_a_slim_twin_in_these_tests():
    assert set(NAMES) == set(detect.DETECTORS.builtin)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_promise_is_kept(name, tmp_path):
    subject = Subject.make(detect.DETECTORS, name, detect.DETECTORS.get(name).settings(weights=weights(name, tmp_path)))
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 60])
def test_groups_of_any_length(detector, n):
    maps = detector(images(n))
    assert maps.shape == (n, 1, 40, 40) and maps.dtype == torch.float32
    assert torch.isfinite(maps).all() and maps.min() >= 0 and maps.max() <= 1


@pytest.mark.parametrize(("height", "width"), [(33, 47), (64, 64), (7, 90)])
def test_images_of_any_size(detector, height, width):
    assert detector(images(2, height, width)).shape == (2, 1, height, width)


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


def test_gradients_reach_the_images_that_ask_for_them(detector):
    group = images(3, 64, 64).requires_grad_()
    detector(group).mean().backward()
    each = group.grad.abs().sum((1, 2, 3))
    assert torch.isfinite(group.grad).all() and (each > 0).all()
    assert all(p.grad is None for p in detector.network.parameters())


def test_the_batch_bounds_the_memory_only(detector):
    whole = detector(images(5))
    detector.batch, before = 2, detector.batch
    assert torch.allclose(detector(images(5)), whole, atol=1e-4)
    detector.batch = before


@pytest.mark.slow
def test_gcagc_fills_the_last_five_with_the_images_before_them(tmp_path):
    path = weights("gcagc", tmp_path)
    whole, fives = detect.create("gcagc", weights=path), detect.create("gcagc", weights=path, group_size=5)
    group = images(7)
    expected = torch.cat([whole(group[:5]), whole(group[2:])[3:]])
    assert torch.allclose(fives(group), expected, atol=1e-5)
    assert torch.equal(fives(group[:3]), whole(group[:3]))
    assert fives(images(10)).shape == (10, 1, 40, 40)


def test_gcagcs_maps_can_be_weighed_by_plain_saliency(tmp_path):
    path, group = weights("gcagc", tmp_path), images(2, 64, 64)
    plain, weighed = (detect.create("gcagc", weights=path, times_saliency=choice)(group) for choice in (False, True))
    assert not torch.allclose(plain, weighed) and weighed.min() == 0 and weighed.max() > 0.99


def test_poolnet_looks_at_every_image_for_itself(tmp_path):
    detector = detect.create("poolnet", weights=weights("poolnet", tmp_path))
    assert torch.allclose(detector(images(3))[1:2], detector(images(3)[1:2]), atol=1e-5)


def test_unknown_channel_means_are_answered_with_the_choices(tmp_path):
    with pytest.raises(UserError, match="cosalpure"):
        detect.create("poolnet", channel_means="imagenet")


@pytest.fixture
def official(monkeypatch):
    """`detect.create` with the weights that the golden values were computed with."""

    def load(name, **settings):
        with torch.device("meta"):
            network = networks.build(name)
        network.load_state_dict(loader.state_dict(name), assign=True)
        monkeypatch.setattr(networks, "load", lambda *_: network.requires_grad_(False).eval())
        return detect.create(name, **settings)

    return load


@pytest.mark.slow
def test_gcagc_equals_cosalpures_wrapper(official):
    golden = {key: torch.from_numpy(value) for key, value in loader.golden("gcagc").items()}
    maps = official("gcagc")(golden["images_u8"].float() / 255)
    assert (maps - golden["cosal"]).abs().max() < 1.5e-3  # the clustering's kink; 2e-6 where measured


@pytest.mark.slow
@pytest.mark.parametrize(("means", "name"), [("official", "sal_official_means"), ("cosalpure", "sal")])
def test_poolnet_equals_cosalpures_wrapper(official, means, name):
    golden = {key: torch.from_numpy(value) for key, value in loader.golden("poolnet").items()}
    detector, group = official("poolnet", channel_means=means), golden["images_u8"].float() / 255
    assert (detector(group) - golden[name]).abs().max() < 1e-4
    if means == "cosalpure":  # and below the least size
        assert (detector(group[:1, :, :96, :100]) - golden["sal_crop96x100"]).abs().max() < 1e-4


def test_settings_that_a_detector_does_not_take_are_named(tmp_path):
    with pytest.raises(UserError, match="detector 'poolnet': group_size: unknown key"):
        detect.create("poolnet", weights=weights("poolnet", tmp_path), group_size=5)


def test_unknown_detector_lists_the_known_ones():
    with pytest.raises(UserError, match="gicd"):
        detect.create("gidc")
