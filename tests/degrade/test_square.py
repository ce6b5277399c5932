"""The Square attack on methods that take no time: bound, squares, what is kept, and that it counts its queries."""

from math import isnan

import pandas as pd
import pytest
import torch
from degrade.test_pgd import BLUR, COUNT, JPEG, detector, purifier

from cosalpure.contract.promises import outcomes
from cosalpure.contract.sample import draw
from cosalpure.contract.subject import Subject
from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import DEGRADATIONS, stage
from cosalpure.degrade.adaptive_settings import SquareSettings
from cosalpure.degrade.cost import steps_of
from cosalpure.degrade.pgd import PGD, Scene
from cosalpure.degrade.settings import PGDSettings
from cosalpure.degrade.square import Square, side_of, with_square
from cosalpure.errors import UserError
from cosalpure.io import read_images
from cosalpure.schema import validated
from cosalpure.seeds import generator


def settings(**values):
    return validated(SquareSettings, {"detector": detector(), "queries": 60} | values, "square: ")


def attacked(count=COUNT, seed=0, **values):
    """The attacked images, the attack, and the group as it sees it."""
    sample, method = draw(count), Square(settings(**values))
    given = Subject("degradation", "square", DEGRADATIONS.get("square"), method.settings, method).given(sample, seed)
    return method(sample.images, given), method, Scene.of(sample.images, given)


@pytest.mark.slow
@pytest.mark.parametrize("known", [None, purifier(BLUR)])
def test_every_promise_is_kept(known):
    subject = Subject.make(DEGRADATIONS, "square", settings(purifier=known, queries=3))
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


def test_the_noise_keeps_to_its_bound_and_the_images_to_theirs():
    found, _, _ = attacked(epsilon=8 / 255)
    assert (found - draw(COUNT).images).abs().max() == pytest.approx(8 / 255, abs=1e-6)
    assert 0 <= found.min() and found.max() <= 1


@pytest.mark.parametrize("loss", ["bce", "soft_iou"])
def test_more_queries_never_raise_the_loss_that_was_found(loss):
    _, method, _ = attacked(loss=loss)
    losses = method.last.losses
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] and method.last.passes == 60


def test_what_is_returned_has_the_loss_that_was_found():
    class OfItself:  # no image influences another
        def __call__(self, images, given=None):
            return (10 * (images[:, :1] - images[:, 2:]) - 2).sigmoid()

    _, method, scene = attacked(queries=1)
    method.detector = OfItself()
    method.settings = method.settings.model_copy(update={"queries": 40})
    sample = draw(COUNT)
    subject = Subject("degradation", "square", DEGRADATIONS.get("square"), method.settings, method)
    found = method(sample.images, subject.given(sample))
    assert method.losses(found, scene, 0).mean().item() == pytest.approx(method.last.losses[-1], abs=1e-6)


def test_an_attack_with_gradients_is_stronger():
    found, method, scene = attacked(queries=200)
    pgd = PGD(validated(PGDSettings, {"detector": detector(), "gradient": "blind", "steps": 20}, ""))
    sample = draw(COUNT)
    with_gradients = pgd(
        sample.images, Subject("degradation", "pgd", DEGRADATIONS.get("pgd"), pgd.settings, pgd).given(sample)
    )
    losses = [method.losses(its, scene, 0).mean() for its in (with_gradients, found, sample.images)]
    assert losses[0] < losses[1] < losses[2]


def test_it_repeats_and_another_seed_changes_it():
    once, again, other = attacked()[0], attacked()[0], attacked(seed=1)[0]
    assert torch.equal(once, again) and not torch.equal(once, other)


def test_no_gradient_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.autograd, "grad", None)
    assert not attacked(queries=3)[0].requires_grad


def test_it_asks_what_has_no_gradient():
    found, _, _ = attacked(detector=detector("Undeclared"), purifier=purifier(JPEG), queries=5)
    assert not torch.equal(found, draw(COUNT).images)


def test_a_square_is_of_one_colour_and_leaves_the_rest():
    changed = with_square(torch.zeros(3, 20, 30), 7, generator(0)) != 0
    assert changed.sum((1, 2)).tolist() == [49] * 3 and changed.any(0).any(1).sum() == 7


@pytest.mark.parametrize(("query", "side"), [(1, 14), (11, 10), (51, 7), (9999, 1)])
def test_squares_shrink_as_published(query, side):
    assert side_of(0.05, query, 10_000, (64, 64)) == side
    assert side_of(0.05, query * 10, 100_000, (64, 64)) == side


def test_a_pixel_has_room_for_a_square():
    assert side_of(1.0, 1, 10, (1, 1)) == 1 and side_of(1.0, 0, 10, (9, 5)) == 4


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"purifier": purifier("cosalpure")}, r"purifier: its concept is learned from the images that this attack"),
        (
            {"purifier": purifier("cosalpure", concept="next") | {"concepts_from": "none"}},
            r"purifier: it takes another group's concept",
        ),
        ({"queries": -1}, "queries"),
    ],
)
def test_wrong_settings_are_one_line(values, line):
    with pytest.raises(UserError, match=line) as caught:
        settings(**values)
    assert "\n" not in str(caught.value)


def test_without_a_detector_there_is_nobody_to_ask():
    with pytest.raises(UserError, match="name the detector"):
        Square(SquareSettings())


def test_the_stage_leaves_clean_images_and_writes_queries(tmp_path):
    make_dataset("mini", MiniDataset(groups=1, images=4, size=32), tmp_path / "data", 0)
    stage.run("square", settings(queries=4), tmp_path / "data", tmp_path / "out", "0:1", 0)
    (group,) = read_groups(tmp_path / "data")
    before, after = (read_images(group.paths(tmp_path / name / "images")) for name in ("data", "out"))
    assert (before != after).flatten(1).any(1).tolist() == list(group.attacked)
    losses = pd.read_csv(tmp_path / "out" / "attack" / f"{group.slug}.csv")
    assert list(losses.passes) == [1, 2, 3, 4] and losses.gradient.isna().all()
    (steps,) = steps_of(tmp_path / "out").values()
    assert isnan(steps[-1].gradient) and steps[-1].passes == 4
