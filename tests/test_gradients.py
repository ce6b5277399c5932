"""Gradients through purifiers and detectors: equal to finite differences in float64, and no other forward pass."""

import pytest
import torch

from cosalpure import detect, networks
from cosalpure.concept import Concept
from cosalpure.detect import group_affinity
from cosalpure.detect.poolnet import PoolNet
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.gradients import as_in_files, recomputing, straight_through
from cosalpure.io import through_jpeg
from cosalpure.networks import gcagc
from cosalpure.protocols import Given
from cosalpure.purify import PURIFIERS, create
from cosalpure.purify.dda import DDA
from cosalpure.purify.settings import DDASettings
from cosalpure.seeds import generator

STEP = 1e-6  # of the finite differences
PURIFIED = {  # id: method, settings; two steps or more of each sampler
    "source_only": ("source_only", {}),
    "vae_round_trip": ("vae_round_trip", {}),
    "cosalpure": ("cosalpure", {"timestep": 100, "steps": 20, "guidance_scale": 3.0}),
    "cosalpure with CR": ("cosalpure", {"timestep": 100, "steps": 20, "continuous": "liif"}),
    "cosalpure, None": ("cosalpure", {"timestep": 100, "steps": 20, "prompt": "None"}),
    "cosalpure, DDPM": ("cosalpure", {"timestep": 3, "sampler": "ddpm"}),
    "cosalpure, no guidance": ("cosalpure", {"timestep": 100, "steps": 20, "guidance_scale": 1}),
    "continuous": ("continuous", {"resolution": 40, "weights": "liif"}),
    "diffpure": ("diffpure", {"timestep": 3, "resolution": 32, "process": "ddpm", "weights": "adm"}),
    "diffpure, resized": ("diffpure", {"timestep": 3, "resolution": 16, "process": "ddpm", "weights": "adm"}),
    "diffpure, fewer steps": (
        "diffpure",
        {"timestep": 40, "steps": 50, "resolution": 32, "process": "ddpm", "weights": "adm"},
    ),
    "diffpure, SDE": ("diffpure", {"timestep": 3, "resolution": 32, "process": "sde", "weights": "adm"}),
    "dda": ("dda", {"timestep": 30, "resolution": 32, "weights": "adm"}),
}
SLIM = {
    "gicd": dict(width=1 / 16, classes=11, classifier_width=24, pool=2, channels=8, input_size=32),
    "gcagc": dict(width=1 / 16, modules=(1, 1, 1), blocks=1, input_size=64),
    "poolnet": dict(width=1 / 16),
    "gconet_plus": dict(width=1 / 16, input_size=64),
    "mccl": dict(width=1 / 16, depths=(1, 1, 1, 1), input_size=64),
}


@pytest.fixture
def double(monkeypatch):
    """Everything that makes float32 of its input makes float64 instead."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def made(tiny_adm, tiny_liif, tiny_pipeline):
    """A function of an id of `PURIFIED`: the purifier, in float32 or float64."""

    def make(name, wide=False):
        method, settings = PURIFIED[name]
        files = {"liif": str(tiny_liif), "adm": tiny_adm}
        settings = {key: files.get(value, value) for key, value in settings.items()}
        model = TextToImage(tiny_pipeline, resolution=32)
        model.unet.conv_out.weight.mul_(0.1)  # random weights at full strength saturate the decoder
        if wide:
            model.dtype, model.alphas_cumprod = torch.float64, model.alphas_cumprod.double()
            for part in (model.vae, model.unet, model.text_encoder):
                part.double()
        found = create(method, lambda: model, **settings)
        for part in (getattr(found, "network", None), getattr(getattr(found, "represent", None), "network", None)):
            if wide and part is not None:
                part.double()
        return found

    return make


def group(count=2, side=32, seed=3):
    """Images in the middle of the range, where nothing is clamped."""
    return 0.3 + 0.4 * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def given(images):
    vector = 0.1 * torch.randn(16, generator=torch.Generator().manual_seed(1))
    return Given([generator(0, index) for index in range(len(images))], Concept("<my-goat>", vector))


def slopes(function, images, step=STEP):
    """(by the gradient, by finite differences): of a weighted sum of the results along a random direction."""
    draws = torch.Generator().manual_seed(7)
    direction = torch.randn(images.shape, generator=draws).to(images)
    with torch.no_grad():
        weights = torch.randn(function(images).shape, generator=draws).to(images)
        ends = [(weights * function(images + sign * step * direction)).sum() for sign in (1, -1)]
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((weights * function(leaf)).sum(), leaf)
    assert all(each > 0 for each in gradient.abs().sum((1, 2, 3)))
    return (gradient * direction).sum().item(), (ends[0] - ends[1]).item() / (2 * step)


@pytest.mark.slow
@pytest.mark.parametrize("name", PURIFIED)
def test_a_purifiers_gradient_equals_finite_differences(name, double, made):
    purify, images = made(name, wide=True), group().double()
    by_gradient, measured = slopes(lambda its: purify(its, given(its)), images)
    assert by_gradient == pytest.approx(measured, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", PURIFIED)
def test_a_purifiers_images_are_the_same_with_and_without_gradients(name, made):
    purify, images = made(name), group()
    plain = purify(images, given(images))
    asked = purify(images.clone().requires_grad_(), given(images))
    assert torch.equal(plain, asked) and asked.requires_grad and not plain.requires_grad


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cosalpure", "diffpure", "diffpure, SDE", "dda"])
def test_recomputing_changes_no_gradient(name, made):
    purify, images, found = made(name), group(), []
    for on in (False, True):
        leaf = images.clone().requires_grad_()
        with recomputing(on):
            found += torch.autograd.grad(purify(leaf, given(leaf)).square().sum(), leaf)
    assert torch.equal(*found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cosalpure", "diffpure", "diffpure, SDE", "dda"])
def test_recomputing_keeps_less_than_half_of_the_activations(name, made):
    purify, images = made(name), group()

    def kept(on):
        found = {}  # by address: what several operations keep is there once

        def note(values):
            found[values.untyped_storage().data_ptr()] = values
            return values

        with torch.autograd.graph.saved_tensors_hooks(note, lambda values: values), recomputing(on):
            result = purify(images.clone().requires_grad_(), given(images))
        assert result.requires_grad
        return sum(values.untyped_storage().nbytes() for values in found.values())

    assert kept(True) < 0.5 * kept(False)


def test_ddas_own_checkpoints_can_be_differentiated_through(tiny_adm):
    found = []
    for save_memory in (False, True):
        purify = DDA(DDASettings(weights=tiny_adm, timestep=30, resolution=32, save_memory=save_memory))
        leaf = group().requires_grad_()
        found += torch.autograd.grad(purify(leaf, given(leaf)).square().sum(), leaf)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


def test_every_purifier_and_detector_is_differentiated_here():
    assert set(SLIM) == set(detect.DETECTORS.builtin)
    assert {method for method, _ in PURIFIED.values()} | {"jpeg"} == set(PURIFIERS.builtin)


def test_jpeg_passes_the_gradient_straight_through():
    images = group().requires_grad_()
    kept = create("jpeg", quality=40)(images)
    weights = torch.randn_like(images)
    (gradient,) = torch.autograd.grad((kept * weights).sum(), images)
    assert torch.equal(kept, through_jpeg(images, 40)) and torch.equal(gradient, weights)


def test_rounding_to_files_passes_the_gradient_straight_through():
    images = torch.tensor([[[[0.1, 0.5, 1.0]]]]).requires_grad_()
    rounded = as_in_files(images)
    assert torch.equal(rounded * 255, torch.tensor([[[[26.0, 128.0, 255.0]]]]))
    assert torch.equal(torch.autograd.grad(rounded.sum(), images)[0], torch.ones(1, 1, 1, 3))


def test_straight_through_without_gradients_returns_the_changed_images_alone():
    assert not straight_through(torch.zeros(2), torch.ones(2)).requires_grad


@pytest.fixture(params=SLIM)
def detector(request, monkeypatch):
    """A slim detector; GCAGC's clustering, a constant by definition, is that of the first call."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = networks.build(request.param, **SLIM[request.param]).requires_grad_(False).eval()
    own, kept = gcagc.cluster, []

    def once(maps):
        kept.append(own(maps)) if not kept else None
        return kept[0]

    monkeypatch.setattr(gcagc, "cluster", once)
    method = detect.DETECTORS.get(request.param)
    return method.cls()(method.settings(), network=network)


def test_a_detectors_gradient_equals_finite_differences(double, detector, monkeypatch):
    # GCoNet+ and MCCL resize files as Pillow does, to 8 bits: their gradient is that of the same filter without rounding
    monkeypatch.setattr(group_affinity, "pillow_resized", group_affinity.smoothly_resized)
    detector.network.double()
    step = 1e-8 if isinstance(detector, PoolNet) else STEP  # it works on values up to 255, nearer to kinks
    by_gradient, measured = slopes(detector, group(3).double(), step)
    assert by_gradient == pytest.approx(measured, rel=1e-3)  # GCAGC stretches its maps, and the rounding with them


def test_a_detectors_maps_are_the_same_with_and_without_gradients(detector):
    images = group(3)
    assert torch.equal(detector(images), detector(images.clone().requires_grad_()))


@pytest.mark.parametrize("detector", ["gicd", "gcagc"], indirect=True)
def test_the_map_of_one_image_depends_on_the_others(detector):
    images = group(3).requires_grad_()
    (gradient,) = torch.autograd.grad(detector(images)[0].sum(), images)
    assert (gradient.abs().sum((1, 2, 3)) > 0).all()
