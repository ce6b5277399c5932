"""Attacks that know the detector and the purifier, on methods that take no time; the sanity checks of docs/explanation/adaptive.md."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from cosalpure.contract.promises import outcomes
from cosalpure.contract.sample import draw
from cosalpure.contract.subject import Subject
from cosalpure.data import read_groups
from cosalpure.data.settings import dataset_settings
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import DEGRADATIONS, stage
from cosalpure.degrade.pgd import PGD, Scene, fewer_steps, segpgd, soft_iou
from cosalpure.degrade.settings import PGDSettings
from cosalpure.errors import UserError
from cosalpure.io import read_images
from cosalpure.protocols import Given
from cosalpure.schema import validated
from cosalpure.seeds import generator

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]
BLUR = f"{ROOT}/docs/examples/noisy_blur.py:NoisyBlur"
JPEG = f"{ROOT}/docs/examples/noisy_jpeg.py:NoisyJpeg"
COUNT = 3  # attacked images, of twice as many


def detector(name="Orange"):
    return {"family": "detectors", "method": f"{HERE}/own_methods.py:{name}"}


def purifier(method=BLUR, **settings):
    return {"family": "purifiers", "method": method, "settings": settings}


def settings(**values):
    chosen = {"detector": detector(), "purifier": purifier(), "steps": 20} | values
    return validated(PGDSettings, chosen, "pgd: ")


@pytest.fixture
def subject():
    return Subject("degradation", "pgd", DEGRADATIONS.get("pgd"), settings(), lambda *_: None)


@pytest.fixture
def attack(subject):
    """A function of settings: the result of the attack, and the attack."""
    sample = draw(COUNT)

    def run(**values):
        method = PGD(settings(**values))
        return method.attack(sample.images, subject.given(sample)), method

    return run


def strength(method, images, subject, draws=8):
    """The attacker's loss of attacked images under fresh draws of the purifier's noise."""
    scene = Scene.of(images, subject.given(draw(COUNT)))
    with torch.no_grad():
        return (
            sum(method.loss(*method.judged(images, scene, (99, number)), 0.0).item() for number in range(draws)) / draws
        )


def success(images, subject, method, seed=5):
    """The share of attacked images whose map overlaps the ground truth by more than a half, after the real purifier."""
    scene = Scene.of(images, subject.given(draw(COUNT)))
    group = scene.with_attacked((images * 255).round() / 255)
    noise = Given([generator(seed, index) for index in range(len(group))])
    maps = method.detector(method.purifier(group, noise)) >= 0.5
    truth = scene.evaluation.ground_truth >= 0.5
    overlap = (maps & truth).sum((1, 2, 3)) / (maps | truth).sum((1, 2, 3))
    return (overlap > 0.5)[scene.attacked].float().mean().item()


def test_images_that_are_not_attacked_are_purified_once_an_attack(attack):
    _, method = attack(steps=3, purifier=purifier(f"{HERE}/own_methods.py:Learned"))
    assert method.purifier.calls == [COUNT] * 4  # three steps of the attacked images, and the others


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["blind", "bpda", "full"])
def test_every_promise_is_kept(gradient):
    chosen = settings(gradient=gradient, steps=2)
    subject = Subject.make(DEGRADATIONS, "pgd", chosen)
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


def test_the_noise_keeps_to_its_bound_and_the_images_to_theirs(attack):
    found, _ = attack(epsilon=8 / 255)
    assert (found.images - draw(COUNT).images).abs().max() <= 8 / 255 + 1e-6
    assert 0 <= found.images.min() and found.images.max() <= 1 and not found.images.requires_grad


def test_more_steps_are_never_weaker(attack, subject):
    found = [attack(steps=steps, step_size=1 / 255) for steps in (1, 4, 16, 40)]
    losses = [strength(method, its.images, subject) for its, method in found]
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1] + 0.1


def test_an_attack_without_a_bound_leaves_no_success(attack, subject):
    clean, method = attack(steps=0)
    assert success(clean.images, subject, method) == 1
    found, method = attack(epsilon=1, steps=40)
    assert success(found.images, subject, method) == 0


def test_who_knows_more_is_stronger(attack, subject):
    sigma, epsilon = purifier(sigma=0.02, side=9), 16 / 255
    clean, judge = attack(steps=0, purifier=sigma)
    noise = torch.randn(clean.images.shape, generator=torch.Generator().manual_seed(0)).sign()
    ranked = [attack(steps=40, purifier=sigma, gradient=gradient)[0].images for gradient in ("full", "blind")]
    ranked += [(clean.images + epsilon * noise).clamp(0, 1), clean.images]
    losses = [strength(judge, images, subject) for images in ranked]
    assert losses[0] < losses[1] < losses[2] and losses[2] == pytest.approx(losses[3], rel=0.05)


def test_gradients_are_not_zero_and_are_told(attack):
    found, _ = attack(steps=3, eot=2)
    assert len(found.losses) == len(found.gradients) == 3 and found.passes == 6 and min(found.gradients) > 0


def test_who_knows_the_noise_is_at_least_as_strong(attack, subject):
    noisy = purifier(sigma=0.3, side=1)
    known, judge = attack(purifier=noisy, fixed_noise=True)
    expected, _ = attack(purifier=noisy, eot=4)
    scene = Scene.of(known.images, subject.given(draw(COUNT)))
    judge.settings = judge.settings.model_copy(update={"fixed_noise": True})
    with torch.no_grad():
        losses = [judge.loss(*judge.judged(its.images, scene, (0,)), 0.0).item() for its in (known, expected)]
    assert losses[0] <= losses[1]


def test_with_fixed_noise_the_attacker_sees_what_the_stages_will_make(attack, subject):
    _, method = attack(steps=0, fixed_noise=True)
    sample = draw(COUNT)
    scene = Scene.of(sample.images, subject.given(sample))
    purified = method.purifier(scene.evaluation.images, scene.evaluation.given())
    in_files = (purified * 255).round() / 255
    assert torch.equal(method.maps(sample.images, scene, (0, 0)), method.detector(in_files))


def test_fresh_draws_differ_from_step_to_step_and_from_the_evaluations(attack, subject):
    _, method = attack(steps=0)
    scene = Scene.of(draw(COUNT).images, subject.given(draw(COUNT)))
    found = [scene.given(number, False).generators[0].initial_seed() for number in ((0, 0), (0, 1), (1, 0))]
    assert len({*found, scene.given((0, 0), True).generators[0].initial_seed()}) == 4


def test_an_attack_repeats_and_another_seed_changes_it(attack, subject):
    once, method = attack()
    again, _ = attack()
    other = method.attack(draw(COUNT).images, subject.given(draw(COUNT), seed=1))
    assert torch.equal(once.images, again.images) and not torch.equal(once.images, other.images)


def test_bpda_takes_what_has_no_gradient_and_is_stronger_than_nothing(attack, subject):
    found, method = attack(purifier=purifier(JPEG, sigma=0.02), gradient="bpda")
    clean, _ = attack(steps=0, purifier=purifier(JPEG, sigma=0.02), gradient="bpda")
    assert strength(method, found.images, subject) < strength(method, clean.images, subject)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"purifier": purifier(JPEG)}, r"gradient: 'full' needs a differentiable purifier.*take bpda or blind"),
        ({"detector": detector("Undeclared")}, r"detector: '.*Undeclared' is not declared as differentiable"),
        (
            {"purifier": purifier("cosalpure")},
            r"purifier: its concept is learned from the images that this attack makes",
        ),
        (
            {"purifier": purifier("cosalpure", concept="next") | {"concepts_from": "none"}},
            "it takes another group's concept",
        ),
        ({"attack_steps": 2}, r"attack_steps: '.*NoisyBlur' has no setting `steps`"),
        (
            {"attack_steps": 2, "purifier": purifier("cosalpure", sampler="ddpm") | {"concepts_from": "none"}},
            "attack_steps: the purifier's sampler 'ddpm' takes every step",
        ),
        ({"detector": {"family": "detectors", "method": "gidc"}}, r"unknown detector 'gidc'"),
    ],
)
def test_what_cannot_be_attacked_is_said_in_one_line(values, line):
    with pytest.raises(UserError, match=line) as caught:
        settings(**values)
    assert "\n" not in str(caught.value)


def test_the_stage_writes_images_and_the_losses_of_the_attack(tmp_path):
    made = {"source": "mini", "groups": 1, "images": 4, "size": 32}
    make_dataset("mini", dataset_settings("mini", made, "data"), tmp_path / "data", 0)
    stage.run("pgd", settings(steps=3, eot=2), tmp_path / "data", tmp_path / "out", "0:1", 0)
    (group,) = read_groups(tmp_path / "data")
    before, after = (read_images(group.paths(tmp_path / name / "images")) for name in ("data", "out"))
    assert (before != after).flatten(1).any(1).tolist() == list(group.attacked)
    losses = pd.read_csv(tmp_path / "out" / "attack" / f"{group.slug}.csv")
    assert list(losses.passes) == [2, 4, 6] and losses.loss.is_monotonic_decreasing and (losses.gradient > 0).all()


def test_an_attack_that_may_change_nothing_has_one_loss(attack):
    found, _ = attack(epsilon=0, step_size=0.01, gradient="blind", steps=4)
    assert len(set(found.losses)) == 1, "the weights of SegPGD change from step to step; what is recorded must not"


def test_without_a_detector_there_is_nothing_to_attack():
    with pytest.raises(UserError, match="name the detector"):
        PGD(PGDSettings(gradient="blind"))


@pytest.mark.parametrize(("timestep", "count"), [(40, 2), (250, 3), (7, 1)])
def test_fewer_denoising_steps_for_the_attack(timestep, count):
    its = purifier(f"{HERE}/own_methods.py:Steps", steps=500, timestep=timestep)
    chosen = settings(purifier=its, attack_steps=count)
    assert PGD(chosen).purifier.count == count and fewer_steps(settings()) == {}


def test_the_best_iterate_is_that_of_the_lowest_mean_over_draws(attack, subject):
    last, method = attack(steps=8, step_size=0.06, epsilon=0.06)
    best, _ = attack(steps=8, step_size=0.06, epsilon=0.06, keep="best", check_draws=6)
    scene = Scene.of(last.images, subject.given(draw(COUNT)))
    draws = [(8, number) for number in range(6)]
    with torch.no_grad():
        means = [
            sum(method.loss(*method.judged(its.images, scene, at), 0.0).item() for at in draws) for its in (best, last)
        ]
    assert means[0] <= means[1]


def test_the_loss_may_be_that_of_all_images(attack, subject):
    found, method = attack(over="all")
    assert strength(method, found.images, subject) < strength(method, draw(COUNT).images, subject)


def test_exposure_changes_the_brightness_beyond_the_noise(attack):
    found, _ = attack(exposure=0.5, epsilon=2 / 255)
    change = (found.images - draw(COUNT).images).abs().max().item()
    assert 2 / 255 < change < 0.7


def test_segpgd_weighs_what_is_wrong_already():
    maps, truth = torch.tensor([[[[0.9, 0.9]]]]), torch.tensor([[[[1.0, 0.0]]]])
    right, wrong = -torch.tensor(0.1).log() / 2, -torch.tensor(0.9).log() / 2
    assert segpgd(maps, truth, 0.0) == pytest.approx(right.item(), rel=1e-4)
    assert segpgd(maps, truth, 0.5) == pytest.approx(((right + wrong) / 2).item(), rel=1e-4)


def test_the_soft_overlap_is_the_overlap_of_hard_maps_minus_a_half():
    maps, truth = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]]), torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
    assert soft_iou(maps, truth) == 0


def test_averaged_maps_are_attacked_as_averages(attack, subject):
    _, method = attack(steps=0)
    method.known = method.known.model_copy(update={"average_maps": True})
    sample = draw(COUNT)
    scene = Scene.of(sample.images, subject.given(sample))
    plain = method.detector(scene.evaluation.images)
    averaged = method.maps(sample.images, scene, (0, 0))
    method.known = method.known.model_copy(update={"average_maps": False})
    assert torch.allclose(averaged, (method.maps(sample.images, scene, (0, 0)) + plain) / 2)
