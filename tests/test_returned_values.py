"""What a method may return, at each of the three stages: anything else is one line, and nothing is written."""

import pytest
import torch
from torch.nn import functional as F

from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import stage as degrade
from cosalpure.degrade.settings import NoneDegradation
from cosalpure.detect import stage as detect
from cosalpure.detect.settings import PoolnetDetector
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError
from cosalpure.purify import stage as purify
from cosalpure.purify.settings import JpegPurifier


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_dataset("mini", MiniDataset(groups=1, images=4, size=32), folder, 0)
    return folder


def nan(values):
    return torch.where(values == values.flatten()[0], float("nan"), values)


WRONG = {  # id: (what becomes of good values, what the line says)
    "logits": (lambda m: m * 10 - 5, "expected [0, 1]"),
    "0 to 255": (lambda m: m * 255, "expected [0, 1]"),
    "-1 to 1": (lambda m: m * 2 - 1, "expected [0, 1]"),
    "uint8": (lambda m: (m * 255).byte(), "of type uint8; expected floating point"),
    "booleans": (lambda m: m > 0.5, "of type bool"),
    "NaN": (nan, "not finite numbers"),
    "infinity": (lambda m: m / 0, "not finite numbers"),
    "one channel more": (lambda m: torch.cat([m, m[:, :1]], 1), "the shape ("),
    "no channel": (lambda m: m[:, 0], "the shape ("),
    "half the size": (lambda m: F.interpolate(m, scale_factor=0.5), "the shape ("),
    "one too few": (lambda m: m[:-1], "the shape ("),
    "one too many": (lambda m: torch.cat([m, m[:1]]), "the shape ("),
    "numpy": (lambda m: m.numpy(), "gave a numpy.ndarray; expected a tensor"),
    "list": (lambda m: list(m), "gave a list; expected a tensor"),
    "None": (lambda m: None, "gave a NoneType; expected a tensor"),
}


def grey(images):
    """Maps between 0 and 1, from the images."""
    values = images.mean(1, keepdim=True)
    return (values - values.min()) / (values.max() - values.min())


def run(stage, data, output, change):
    stage.load = change
    if stage is detect:
        stage.run("mine", PoolnetDetector(), data, data, output, "0:1")
    elif stage is degrade:
        stage.run("mine", NoneDegradation(), data, output, "0:1", 0)
    else:
        stage.run("mine", JpegPurifier(), TextToImage(), data, data, None, output, "0:1", 0)


STAGES = {
    "detector": (detect, lambda change: lambda *_, **__: lambda images: change(grey(images))),
    "degradation": (degrade, lambda change: lambda *_, **__: lambda images, draws: change(images)),
    "purifier": (purify, lambda change: lambda *_, **__: lambda images, concept, draws: change(images)),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", STAGES)
def test_wrong_values_are_one_line_that_names_method_and_group(kind, case, data, tmp_path, monkeypatch):
    stage, method = STAGES[kind]
    change, words = WRONG[case]
    monkeypatch.setattr(stage, "load", stage.load)
    with pytest.raises(UserError) as caught:
        run(stage, data, tmp_path, method(change))
    (group,) = read_groups(data, "0:1")
    line = str(caught.value)
    assert words in line and f"{kind} 'mine' gave" in line and line.startswith(group.name) and "\n" not in line
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("change", [torch.sigmoid, lambda m: m / 2 + 0.5, torch.ones_like])
def test_maps_all_above_one_half_are_refused(change, data, tmp_path, monkeypatch):
    monkeypatch.setattr(detect, "load", detect.load)
    with pytest.raises(UserError, match="all foreground; expected the background below 0.5"):
        run(detect, data, tmp_path, STAGES["detector"][1](change))


@pytest.mark.parametrize("kind", STAGES)
@pytest.mark.parametrize("change", [torch.Tensor.double, lambda m: m + 1e-6, lambda m: m.clone().requires_grad_()])
def test_other_precision_and_rounding_are_accepted(kind, change, data, tmp_path, monkeypatch):
    stage, method = STAGES[kind]
    monkeypatch.setattr(stage, "load", stage.load)
    run(stage, data, tmp_path, method(change))
    assert len(list(tmp_path.rglob("*.png"))) == 4
