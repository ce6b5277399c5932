"""What a method may return, at each of the three stages: anything else is one line, and nothing is written."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cosalpure.cli import main
from cosalpure.contract.values import checked, checked_maps
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

REGISTRIES = {"detector": DETECTORS, "degradation": DEGRADATIONS, "purifier": PURIFIERS}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_dataset("mini", MiniDataset(groups=2, images=4, size=32), folder, 0)
    return folder


def first(values, wrong):
    """The values with one of the first image changed."""
    values = values.clone()
    values[0, 0, 0, 0] = wrong
    return values


WRONG = {  # id: (what becomes of good values, what the line says, whether it names the first file)
    "logits": (lambda m: m * 10 - 5, "expected [0, 1]", True),
    "0 to 255": (lambda m: m * 255, "expected [0, 1]", True),
    "-1 to 1": (lambda m: m * 2 - 1, "expected [0, 1]", True),
    "one value above": (lambda m: first(m, 1.01), "to 1.01; expected [0, 1]", True),
    "one value below": (lambda m: first(m, -0.01), "values from -0.01 to", True),
    "NaN": (lambda m: first(m, torch.nan), "not finite numbers", True),
    "infinity": (lambda m: first(m, torch.inf), "not finite numbers", True),
    "numpy NaN": (lambda m: first(m, torch.nan).numpy(), "not finite numbers", True),
    "uint8": (lambda m: (m * 255).byte(), "of type uint8; expected floating point", False),
    "int64": (lambda m: m.long(), "of type int64; expected floating point", False),
    "booleans": (lambda m: m > 0.5, "of type bool; expected floating point", False),
    "complex": (lambda m: m + 0j, "of type complex64; expected floating point", False),
    "numpy uint8": (lambda m: (m * 255).byte().numpy(), "of type uint8; expected floating point", False),
    "numpy objects": (lambda m: m.numpy().astype(object), "of type object; expected floating point", False),
    "list of uint8": (lambda m: list((m * 255).byte()), "of type uint8; expected floating point", False),
    "one channel more": (lambda m: torch.cat([m, m[:, :1]], 1), "the shape (", False),
    "no channel": (lambda m: m[:, 0], "the shape (", False),
    "channels last": (lambda m: m.permute(0, 2, 3, 1), "the shape (", False),
    "half the size": (lambda m: F.interpolate(m, scale_factor=0.5), "the shape (", False),
    "one too few": (lambda m: m[:-1], "the shape (", False),
    "one too many": (lambda m: torch.cat([m, m[:1]]), "the shape (", False),
    "list that is too short": (lambda m: list(m)[:-1], "the shape (", False),
    "list of several sizes": (lambda m: [*m[:-1], m[-1, :, 1:]], "gave a list of the shapes (", False),
    "empty list": (lambda m: [], "gave an empty list; expected a tensor", False),
    "list of numbers": (lambda m: m.flatten().tolist(), "gave a list of float; expected a tensor", False),
    "dictionary": (lambda m: {"maps": m}, "gave a dict; expected a tensor", False),
    "None": (lambda m: None, "gave a NoneType; expected a tensor", False),
}
ACCEPTED = {
    "float64": torch.Tensor.double,
    "float16": torch.Tensor.half,
    "bfloat16": torch.Tensor.bfloat16,
    "rounding": lambda m: m + 1e-6,
    "gradients": lambda m: m.clone().requires_grad_(),
    "numpy": lambda m: m.numpy(),
    "numpy float64": lambda m: m.double().numpy(),
    "numpy, not contiguous": lambda m: np.ascontiguousarray(m.numpy().T).T,
    "list of tensors": list,
    "list of arrays": lambda m: [image.numpy() for image in m],
    "tuple": tuple,
}


def grey(images):
    """Maps between 0 and 1, from the images."""
    values = images.mean(1, keepdim=True)
    return (values - values.min()) / (values.max() - values.min())


def run(kind, data, output, span="0:2"):
    if kind == "detector":
        detect.run("mine", Model(), data, data, output, span)
    elif kind == "degradation":
        degrade.run("mine", Model(), data, output, span, 0)
    else:
        purify.run("mine", Model(), TextToImage(), data, data, None, output, span, 0)


@pytest.fixture
def register(monkeypatch):
    """A function that registers a method `mine` of a kind, whose good values are changed from a group on."""

    def add(kind, change, after=0):
        seen = []

        def call(images, given):
            seen.append(1)
            values = grey(images) if kind == "detector" else images
            return change(values) if len(seen) > after else values

        monkeypatch.setitem(REGISTRIES[kind].builtin, "mine", Method(lambda settings: call))

    return add


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", REGISTRIES)
def test_wrong_values_are_one_line_and_only_groups_before_them_are_written(kind, case, data, tmp_path, register):
    change, words, names_file = WRONG[case]
    finished, second = read_groups(data)
    register(kind, lambda values: values)
    run(kind, data, tmp_path / "whole")
    register(kind, change, after=1)
    with pytest.raises(UserError) as caught:
        run(kind, data, tmp_path / "broken")
    line = str(caught.value)
    assert words in line and f"{kind} 'mine' gave" in line and "expected" in line and "\n" not in line
    file = next(file for file, its in zip(second.files, second.attacked, strict=True) if its or kind != "degradation")
    assert line.startswith(f"{second.name}/{file}: " if names_file else f"{second.name}: ")
    expected = {path: its for path, its in contents(tmp_path / "whole").items() if finished.slug in path.parts}
    assert contents(tmp_path / "broken") == expected and len(expected) == 4


@pytest.mark.parametrize(
    ("kind", "command"), [("detector", "detect"), ("degradation", "degrade"), ("purifier", "purify")]
)
def test_the_command_ends_with_the_line(kind, command, data, tmp_path, register, capsys):
    register(kind, lambda values: values * 255)
    images = [] if command == "degrade" else ["--images", str(data)]
    assert main([command, "mine", "--data", str(data), "--output", str(tmp_path), *images]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: "))
    assert f"{kind} 'mine' gave values from" in line and not contents(tmp_path)


def test_at_least_thirty_wrong_returns_are_tried():
    assert len(WRONG) * len(REGISTRIES) >= 30


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_group_whose_writing_fails_leaves_nothing(kind, data, tmp_path, register, monkeypatch):
    stage, written = {"detector": detect, "degradation": degrade, "purifier": purify}[kind], []
    write = stage.write_image

    def full_disk(path, image):
        written.append(path)
        if len(written) > 1:
            raise OSError(28, "No space left on device", str(path))
        write(path, image)

    register(kind, lambda values: values)
    monkeypatch.setattr(stage, "write_image", full_disk)
    with pytest.raises(OSError):
        run(kind, data, tmp_path, "0:1")
    assert len(written) == 2 and not contents(tmp_path)


@pytest.mark.parametrize("change", [torch.sigmoid, lambda m: m / 2 + 0.5, torch.ones_like])
def test_maps_all_above_one_half_are_refused(change, data, tmp_path, register):
    register("detector", change)
    with pytest.raises(UserError, match="all foreground; expected the background below 0.5"):
        run("detector", data, tmp_path)


@pytest.mark.parametrize("kind", REGISTRIES)
@pytest.mark.parametrize("case", ACCEPTED)
def test_other_types_precision_and_rounding_are_accepted(kind, case, data, tmp_path, register):
    register(kind, ACCEPTED[case])
    run(kind, data, tmp_path, "0:1")
    assert len(list(tmp_path.rglob("*.png"))) == 4


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_values_become_a_float32_tensor(case):
    values = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    values[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    found = checked(ACCEPTED[case](values), (2, 1, 4, 5), "detector 'mine'")
    assert found.dtype == torch.float32 and not found.requires_grad and 0 <= found.min() and found.max() <= 1
    torch.testing.assert_close(found, values, atol=4e-3, rtol=0)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (torch.zeros(2, 1, 4, 4), "detector 'mine' gave the shape (2, 1, 4, 4); expected (2, 1, 4, 5)"),
        (torch.full((2, 1, 4, 5), 2.0), "image 0: detector 'mine' gave values from 2 to 2; expected [0, 1]"),
    ],
)
def test_without_group_and_files_the_line_names_the_image(values, line):
    with pytest.raises(UserError) as caught:
        checked_maps(values, (2, 1, 4, 5), "detector 'mine'")
    assert str(caught.value) == line
