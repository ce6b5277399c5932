"""A method is given what its registry entry says that it needs, and nothing else."""

import dataclasses

import pytest
import torch

from cosalpure.concept import FILE, Concept
from cosalpure.data import read_groups
from cosalpure.data.given import given_to
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import DEGRADATIONS
from cosalpure.degrade import stage as degrade
from cosalpure.detect import DETECTORS
from cosalpure.detect import stage as detect
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError
from cosalpure.io import read_pixels
from cosalpure.protocols import NEEDS
from cosalpure.purify import PURIFIERS
from cosalpure.purify import stage as purify
from cosalpure.registry import Method
from cosalpure.schema import Model

REGISTRIES = {"degradation": DEGRADATIONS, "purifier": PURIFIERS, "detector": DETECTORS}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_dataset("mini", MiniDataset(groups=1, images=4, size=32), folder, 0)
    (group,) = read_groups(folder)
    path = folder / "groups" / group.slug / FILE
    path.parent.mkdir(parents=True)
    Concept("<my-x>", torch.zeros(4)).save(path)
    return folder


def given_by(kind, needs, data, output, monkeypatch):
    """What the stage of a kind gives to a method with these needs, beside the number of images."""
    seen = []

    def method(settings, *model):
        def run(images, given):
            seen.append((len(images), given))
            return images.mean(1, keepdim=True) / 2 if kind == "detector" else images

        return run

    monkeypatch.setitem(REGISTRIES[kind].builtin, "spy", Method(method, needs=frozenset(needs)))
    if kind == "degradation":
        degrade.run("spy", Model(), data, output, "0:1", 0)
    elif kind == "purifier":
        purify.run("spy", Model(), TextToImage(), data, data, data, output, "0:1", 0)
    else:
        detect.run("spy", Model(), data, data, output, "0:1")
    ((count, given),) = seen
    return count, given


def filled(given):
    return {field.name for field in dataclasses.fields(given) if getattr(given, field.name) not in (None, ())}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_nothing_is_given_that_is_not_declared(kind, data, tmp_path, monkeypatch):
    count, given = given_by(kind, [], data, tmp_path, monkeypatch)
    assert filled(given) == (set() if kind == "detector" else {"generators"})
    assert len(given.generators) == (0 if kind == "detector" else count)


@pytest.mark.parametrize(
    ("kind", "need"),
    [
        *((kind, need) for kind in REGISTRIES for need in ("label", "ground_truth")),
        ("degradation", "group"),
        ("purifier", "concept"),
    ],
)
def test_what_is_declared_is_given(kind, need, data, tmp_path, monkeypatch):
    _, given = given_by(kind, [need], data, tmp_path, monkeypatch)
    assert filled(given) - {"generators"} == {need}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_ground_truth_is_that_of_the_images(kind, data, tmp_path, monkeypatch):
    (group,) = read_groups(data)
    count, given = given_by(kind, ["ground_truth"], data, tmp_path, monkeypatch)
    files = [
        file for file, attacked in zip(group.files, group.attacked, strict=True) if attacked or kind != "degradation"
    ]
    expected = [torch.from_numpy(read_pixels(data / "masks" / group.slug / file, "L") > 127) for file in files]
    assert count == len(files) and torch.equal(given.ground_truth.bool(), torch.stack(expected)[:, None])


def test_ground_truth_that_is_not_there_is_one_line(data, tmp_path):
    (group,) = read_groups(data)
    with pytest.raises(UserError, match=rf"{group.files[0]}: no such file; .*needs ground truth"):
        given_to({"ground_truth"}, group, tmp_path, group.files)


def test_an_unknown_need_is_refused():
    with pytest.raises(UserError, match="Wrong.needs: unknown need 'depth'; choose from: " + ", ".join(NEEDS)):
        Method.of(type("Wrong", (), {"needs": ["depth"]}))


def test_a_plug_in_may_declare_itself_like_a_built_in_method():
    method = Method.of(type("Own", (), {"needs": ["label"], "label": "Own", "files": ("weights",), "random": False}))
    assert method.needs_of(Model()) == {"label"} and method.label_of() == "Own" and not method.random_of(Model())


def test_prompt_decides_what_cosalpure_is_given():
    method = PURIFIERS.get("cosalpure")
    found = {
        prompt: method.needs_of(method.settings(prompt=prompt)) for prompt in ("{token}", "a {class_name}", "None")
    }
    assert found == {"{token}": {"model", "concept"}, "a {class_name}": {"model", "label"}, "None": {"model"}}
