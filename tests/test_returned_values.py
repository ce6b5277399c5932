"""What a method may return, at each of the three stages: anything else is one line, and nothing is written."""

import pytest
import torch
from torch.nn import functional as F

from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import DEGRADATIONS
from cosalpure.degrade import stage as degrade
from cosalpure.detect import DETECTORS
from cosalpure.detect import stage as detect
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError
from cosalpure.purify import PURIFIERS
from cosalpure.purify import stage as purify
from cosalpure.registry import Method
from cosalpure.schema import Model


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


def run(kind, data, output):
    if kind == "detector":
        detect.run("mine", Model(), data, data, output, "0:1")
    elif kind == "degradation":
        degrade.run("mine", Model(), data, output, "0:1", 0)
    else:
        purify.run("mine", Model(), TextToImage(), data, data, None, output, "0:1", 0)


REGISTRIES = {"detector": DETECTORS, "degradation": DEGRADATIONS, "purifier": PURIFIERS}


@pytest.fixture
def register(monkeypatch):
    """A function that registers a method `mine` of a kind, whose good values are changed."""

    def add(kind, change):
        def method(settings):
            return lambda images, given: change(grey(images) if kind == "detector" else images)

        monkeypatch.setitem(REGISTRIES[kind].builtin, "mine", Method(method))

    return add


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", REGISTRIES)
def test_wrong_values_are_one_line_that_names_method_and_group(kind, case, data, tmp_path, register):
    change, words = WRONG[case]
    register(kind, change)
    with pytest.raises(UserError) as caught:
        run(kind, data, tmp_path)
    (group,) = read_groups(data, "0:1")
    line = str(caught.value)
    assert words in line and f"{kind} 'mine' gave" in line and line.startswith(group.name) and "\n" not in line
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("change", [torch.sigmoid, lambda m: m / 2 + 0.5, torch.ones_like])
def test_maps_all_above_one_half_are_refused(change, data, tmp_path, register):
    register("detector", change)
    with pytest.raises(UserError, match="all foreground; expected the background below 0.5"):
        run("detector", data, tmp_path)


@pytest.mark.parametrize("kind", REGISTRIES)
@pytest.mark.parametrize("change", [torch.Tensor.double, lambda m: m + 1e-6, lambda m: m.clone().requires_grad_()])
def test_other_precision_and_rounding_are_accepted(kind, change, data, tmp_path, register):
    register(kind, change)
    run(kind, data, tmp_path)
    assert len(list(tmp_path.rglob("*.png"))) == 4
