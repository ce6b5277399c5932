"""Poisoning of concept learning, on a tiny model: direction, bound, gradient, and that each image is attacked for itself."""

import pandas as pd
import pytest
import torch

from cosalpure.concept import FILE, Concept
from cosalpure.contract.promises import outcomes
from cosalpure.contract.subject import Subject
from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import DEGRADATIONS, stage
from cosalpure.degrade.adaptive_settings import PoisonSettings
from cosalpure.degrade.poison import Poison
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError
from cosalpure.io import read_images
from cosalpure.protocols import Given
from cosalpure.schema import validated
from cosalpure.seeds import generator


def concept(seed=1):
    return Concept("<my-goat>", torch.randn(16, generator=torch.Generator().manual_seed(seed)))


def given(numbers, seed=0):
    return Given([generator(seed, number) for number in numbers], concept())


@pytest.fixture
def poison(tiny_model):
    """A function of settings: the attack on the tiny model."""
    usual = {"steps": 8, "step_size": 2 / 255, "timesteps": (0, 300)}  # where the tiny model sees the image
    return lambda **values: Poison(PoisonSettings(**usual | values), lambda: tiny_model)


def loss(method, images):
    """The denoising loss of images over draws that the attack has not seen."""
    context = method.context(given([0]))
    with torch.no_grad():
        return sum(method.loss(its[None], context, generator(9, n)).item() for n in range(8) for its in images) / 8


@pytest.mark.slow
def test_every_promise_is_kept(tiny_model):
    subject = Subject.make(DEGRADATIONS, "poison", PoisonSettings(steps=2), lambda: tiny_model)
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


@pytest.mark.slow
@pytest.mark.parametrize(("target", "sign"), [("own", 1), ("next", -1)])
def test_the_loss_rises_under_the_own_concept_and_falls_under_another(poison, images, target, sign):
    method = poison(target=target, draws=4)
    moved = loss(method, method(images[:2], given(range(2)))) - loss(method, images[:2])
    assert sign * moved > 5e-4 * loss(method, images[:2])  # a network with random weights hardly sees the noise
    assert all(sign * its < 0 for its in method.last.losses), "what is minimised"


@pytest.mark.slow
def test_a_wider_bound_is_stronger(poison, images):
    found = [poison(epsilon=epsilon, draws=4)(images[:2], given(range(2))) for epsilon in (2 / 255, 12 / 255)]
    weak, strong = (loss(poison(), its) for its in found)
    assert weak < strong


def test_the_noise_keeps_to_its_bound_and_the_images_to_theirs(poison, images):
    images = images.clone()
    images[0], images[1] = images[0].round(), 1.0
    found = poison(epsilon=4 / 255, steps=3)(images, given(range(5)))
    assert (found - images).abs().max() == pytest.approx(4 / 255, abs=1e-6)
    assert 0 <= found.min() and found.max() <= 1 and not found.requires_grad


def test_an_image_depends_on_itself_and_its_generator_alone(poison, images):
    method, images = poison(steps=2), images[:3]
    together = method(images, given(range(3)))
    turned = method(images.flip(0), given([2, 1, 0])).flip(0)
    assert torch.equal(together, turned)
    assert torch.equal(together[1:2], method(images[1:2], given([1])))
    assert not torch.equal(together, method(images, given(range(3), seed=1)))


def test_the_gradient_equals_finite_differences(tiny_pipeline, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    model = TextToImage(tiny_pipeline, resolution=32)
    model.dtype, model.alphas_cumprod = torch.float64, model.alphas_cumprod.double()
    for part in (model.vae, model.unet, model.text_encoder):
        part.double()
    method = Poison(PoisonSettings(draws=2), lambda: model)
    context = method.context(given([0]))
    image = 0.3 + 0.4 * torch.rand(1, 3, 32, 32, dtype=torch.float64, generator=generator(3))
    direction = torch.randn(image.shape, dtype=torch.float64, generator=generator(4))
    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(method.loss(leaf, context, generator(5)), leaf)
    ends = [method.loss(image + sign * 1e-6 * direction, context, generator(5)).item() for sign in (1, -1)]
    assert (gradient * direction).sum().item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_timesteps_are_drawn_from_the_range(poison, images, tiny_model, monkeypatch):
    seen = []
    own = tiny_model.add_noise
    monkeypatch.setattr(tiny_model, "add_noise", lambda latents, noise, t: seen.extend(t) or own(latents, noise, t))
    poison(timesteps=(700, 800), draws=3, steps=20)(images[:1], given([0]))
    assert len(seen) == 60 and 700 <= min(seen) < 720 and 780 < max(seen) < 800


def test_without_a_concept_it_says_so(poison, images):
    with pytest.raises(UserError, match="needs a learned concept, but none was given"):
        poison()(images, Given([generator(0)] * 5))
    plain = poison(prompt="a photo", steps=1)
    assert plain(images, Given([generator(0)] * 5)).shape == images.shape


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"timesteps": [500, 500]}, r"timesteps: \[500, 500\] is empty"),
        ({"prompt": "a photo of {tokn}"}, r"prompt: .*tokn"),
        ({"target": "none"}, "target"),
    ],
)
def test_wrong_settings_are_one_line(values, line):
    with pytest.raises(UserError, match=line):
        validated(PoisonSettings, values, "poison: ")


@pytest.fixture
def run(tmp_path, tiny_model, monkeypatch):
    """A function of (folder, span, settings): the stage on three groups, each with a concept of its own."""
    make_dataset("mini", MiniDataset(groups=3, images=4, size=32), tmp_path / "data", 0)
    monkeypatch.setattr(stage, "loader", lambda _: lambda: tiny_model)
    groups = read_groups(tmp_path / "data")
    for number, group in enumerate(groups):
        folder = tmp_path / "concepts" / "groups" / group.slug
        folder.mkdir(parents=True)
        concept(number).save(folder / FILE)

    def run(output, span, **values):
        settings = PoisonSettings(**{"steps": 2} | values)
        stage.run("poison", settings, tmp_path / "data", tmp_path / output, span, 0, None, tmp_path / "concepts")
        return {its.slug: read_images(its.paths(tmp_path / output / "images")) for its in groups if _in(its, span)}

    def _in(group, span):
        first, end = map(int, span.split(":"))
        return first <= groups.index(group) < end

    run.groups, run.data = groups, tmp_path / "data"
    return run


def test_the_stage_leaves_clean_images_and_writes_losses(run, tmp_path):
    found = run("out", "0:1")
    (group,) = run.groups[:1]
    before = read_images(group.paths(run.data / "images"))
    assert (before != found[group.slug]).flatten(1).any(1).tolist() == list(group.attacked)
    losses = pd.read_csv(tmp_path / "out" / "attack" / f"{group.slug}.csv")
    assert list(losses.passes) == [1, 2] and (losses.gradient > 0).all()


@pytest.mark.slow
def test_groups_are_poisoned_alike_in_any_job_with_their_own_concept_or_the_next(run):
    whole, next_one = run("whole", "0:3"), run("next", "0:3", target="next")
    parts = run("a", "0:1") | run("b", "1:3")
    assert all(torch.equal(whole[slug], parts[slug]) for slug in whole)
    assert all(not torch.equal(whole[slug], next_one[slug]) for slug in whole)


def test_the_next_group_s_concept_is_the_one_that_is_read(run, tmp_path):
    last, first = run.groups[-1].slug, run.groups[0].slug
    before = run("before", "2:3", target="next")
    concept(7).save(tmp_path / "concepts" / "groups" / first / FILE)
    after = run("after", "2:3", target="next")
    assert not torch.equal(before[last], after[last])
