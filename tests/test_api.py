"""The public functions give what the workflow's stages give, and say in one line what they cannot do."""

import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import cosalpure as cp
from cosalpure import tags
from cosalpure.api import _chosen
from cosalpure.concept import FILE
from cosalpure.concept import stage as concept_stage
from cosalpure.data import read_groups, read_manifest
from cosalpure.data.stage import run as make_dataset
from cosalpure.degrade import stage as degrade
from cosalpure.detect import stage as detect
from cosalpure.errors import UserError
from cosalpure.io import read_images
from cosalpure.purify import stage as purify
from cosalpure.score.condition import score_group

SPAN = "0:1"
MINI = tags.experiment_of("mini")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The mini dataset as the workflow makes it."""
    folder = tmp_path_factory.mktemp("mini") / "mini"
    make_dataset("mini", MINI.datasets["mini"].settings, folder, cp.load_group("mini").seed)
    return folder


@pytest.fixture(scope="module")
def group():
    return cp.load_group("mini", 0)


def of_stage(folder, data):
    """The images that a stage wrote of the first group."""
    return read_images(read_groups(data)[0].paths(folder / "images"))


@pytest.mark.slow
def test_a_group_of_mini_is_that_of_the_workflow(group, data):
    first = read_groups(data)[0]
    assert (group.name, group.files, group.attacked) == (first.name, first.files, first.attacked)
    assert torch.equal(group.images, of_stage(data, data)) and group.ground_truth.mean() > 0
    named, again = cp.load_group("mini", first.name), cp.load_group(data, 0)
    assert torch.equal(named.images, group.images) and torch.equal(again.images, group.images)
    assert again.dataset == "mini"


@pytest.mark.slow
def test_every_step_equals_the_stage_of_the_workflow(group, data, tmp_path):
    attack = MINI.degradations["jadena"]
    settings = tags.with_files(attack.settings, ("surrogate",)).model_copy(update={"steps": 2})
    degrade.run("jadena", settings, data, tmp_path / "jadena", SPAN, MINI.seed)
    attacked = cp.create_attack("jadena.mini", steps=2)(group)
    assert torch.equal(attacked.images, of_stage(tmp_path / "jadena", data))

    learning = MINI.concept.model_copy(update={"steps": 2})
    model = MINI.text_to_image.model_copy(update={"path": tags.local(MINI.text_to_image.path)})
    concept_stage.run(learning, model, data, tmp_path / "jadena", tmp_path / "concept", SPAN, MINI.seed)
    concept = cp.learn_concept(attacked, steps=2)
    stored = cp.Concept.load(tmp_path / "concept" / "groups" / read_groups(data)[0].slug / FILE)
    assert concept.token == stored.token and torch.equal(concept.vector, stored.vector)

    ours = tags.with_files(MINI.purifiers["cosalpure"].settings, ("continuous",))
    args = (model, data, tmp_path / "jadena", tmp_path / "concept", tmp_path / "ours", SPAN, MINI.seed)
    purify.run("cosalpure", ours, *args)
    purified = cp.create_purifier("cosalpure.mini")(attacked, concept)
    assert torch.equal(purified.images, of_stage(tmp_path / "ours", data))

    detector = tags.with_files(MINI.detectors["gicd"].settings, ("weights",))
    detect.run("gicd", detector, data, tmp_path / "ours", tmp_path / "maps", SPAN)
    maps = cp.create_detector("gicd.mini")(purified)
    found = cp.evaluate(maps, group, per_image=True)
    names = {"dataset": "mini", "degradation": "jadena", "purifier": "cosalpure", "detector": "gicd"}
    first = read_manifest(data).query("group == @group.name")
    folders = (tmp_path / "maps" / "maps", tmp_path / "ours" / "images", data)
    stored = score_group(*folders, first, names)
    columns = ["success", "ap", "f_beta", "mae", "iou"]
    assert (found[columns].to_numpy() == stored[columns].to_numpy()).all()


def test_scores_of_perfect_maps(group):
    table = cp.evaluate(group.ground_truth, group)
    assert list(table.index) == ["all", "attacked", "clean"] and (table["iou"] == 1).all() and (table["mae"] == 0).all()
    assert len(cp.evaluate(1 - group.ground_truth, group, per_image=True)) == len(group)


def test_an_attack_leaves_clean_images_and_what_it_was_given_alone(group):
    before = group.images.clone()
    attacked = cp.create_attack("random_noise", epsilon=0.1)(group)
    changed = (attacked.images != group.images).flatten(1).any(1)
    assert changed.tolist() == list(group.attacked) and torch.equal(group.images, before)
    levels = attacked.images * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4), "rounded to 8 bits"


@pytest.mark.parametrize("kind", ["tensor", "arrays", "floats", "PIL"])
def test_images_of_any_kind_are_taken(kind, group):
    arrays = [(image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for image in group.images[:3]]
    given = {
        "tensor": group.images[:3],
        "arrays": arrays,
        "floats": [array / 255 for array in arrays],
        "PIL": [Image.fromarray(array) for array in arrays],
    }[kind]
    result = cp.create_purifier("jpeg", quality=50)(given)
    assert isinstance(result, torch.Tensor) and result.shape == (3, 3, 64, 64)
    expected = cp.create_purifier("jpeg", quality=50)(group).images[:3]
    assert torch.allclose(result, expected, atol=1e-6)


def photograph(path):
    Image.effect_noise((50, 40), 60).convert("RGB").save(path)


def test_a_dataset_is_made_once_for_all_of_its_groups_until_its_files_change(tmp_path, monkeypatch):
    from cosalpure.data import stage

    run, made = stage.run, []
    monkeypatch.setattr(stage, "run", lambda *arguments: made.append(arguments) or run(*arguments))
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(2):
            photograph(tmp_path / "pets" / name / f"{index}.png")
    names = [cp.load_group(tmp_path / "pets", which, size=64).name for which in (0, "dogs", 0)]
    assert (names, len(made)) == (["cats", "dogs", "cats"], 1)
    photograph(tmp_path / "pets" / "cats" / "2.png")
    assert len(cp.load_group(tmp_path / "pets", 0, size=64)) == 3
    assert len(made) == 2


def test_a_missing_folder_called_mini_is_not_the_mini_benchmark(tmp_path):
    with pytest.raises(UserError, match="mini: no such folder or archive"):
        cp.load_group(tmp_path / "mini")


def test_a_folder_of_photos_is_a_group(tmp_path):
    (tmp_path / "cats").mkdir()
    for index in range(3):
        photograph(tmp_path / "cats" / f"{index}.png")
    group = cp.load_group(tmp_path / "cats", size=64)
    assert group.images.shape == (3, 3, 64, 64) and group.ground_truth is None and group.name == "cats"
    with pytest.raises(UserError, match="cats: the group has no ground truth"):
        cp.evaluate(group.images[:, :1], group)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cp.create_detector("gidc.mini"), "unknown detector 'gidc.mini'.*did you mean 'gicd.mini'"),
        (lambda: cp.create_detector("gicd.mini", batch=3), "detector 'gicd.mini': batch: unknown key"),
        (lambda: cp.create_attack("jadenna"), "unknown degradation 'jadenna'.*did you mean 'jadena'"),
        (lambda: cp.create_purifier("cosalpure.mini", timestep=0), "purifier 'cosalpure.mini': timestep: "),
        (lambda: cp.load_group("mini", 99), "mini: no group 99; there are groups 0 to 23"),
        (lambda: cp.load_group("mini", "ants"), "unknown group 'ants'"),
        (lambda: cp.create_purifier("jpeg")(torch.zeros(2, 1, 8, 8)), r"expected \(N, 3, H, W\), found \(2, 1, 8, 8\)"),
        (lambda: cp.create_purifier("jpeg")(torch.full((1, 3, 8, 8), 255.0)), "values from 255 to 255; expected"),
        (lambda: cp.create_purifier("jpeg")(torch.full((1, 3, 8, 8), -1.0)), "values from -1 to -1; expected"),
        (lambda: cp.create_purifier("jpeg")(torch.full((1, 3, 8, 8), torch.nan)), "values from nan to nan; expected"),
        (lambda: cp.create_purifier("jpeg")(torch.ones(1, 3, 8, 8).long()), "8 bits or floating point, found int64"),
        (lambda: cp.create_purifier("jpeg")([np.ones((8, 8, 3), np.uint16)]), "8 bits or floating point, found uint16"),
        (lambda: cp.create_purifier("jpeg")([]), "images: expected a group, a tensor .* found none"),
        (lambda: cp.create_purifier("jpeg")(None), "images: expected a group, a tensor .* found a NoneType"),
        (lambda: cp.create_purifier("jpeg")([torch.ones(3, 8, 8), torch.ones(3, 9, 8)]), "expected one size"),
        (lambda: cp.create_purifier(3), "expected the name of a purifier, found 3"),
        (lambda: cp.create_purifier("jpeg")(torch.ones(1, 3, 8, 8), "cat"), "expected a concept of learn_concept"),
        (lambda: cp.load_group(3), "expected the name or folder of a dataset, found 3"),
        (lambda: cp.load_group("mini", 1.5), "expected the number or name of a group, found 1.5"),
        (lambda: cp.text_to_image(3), "model: expected mini, paper, a folder or its settings, found 3"),
    ],
)
def test_mistakes_are_one_line(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_names_are_listed_by_pattern():
    assert cp.list_detectors("*.mini") == ["gicd.mini", "gcagc.mini", "poolnet.mini", "gconet_plus.mini", "mccl.mini"]
    assert {"diffpure.mini", "dda.mini"} < set(cp.list_purifiers("*.mini")) and "mccl.paper" in cp.list_detectors()
    assert "cosalpure.paper" in cp.list_purifiers() and "jadena.official" in cp.list_attacks("jadena*")


def test_official_weights_come_from_the_published_files(tmp_path, monkeypatch):
    asked = []

    def fetch(source, folder):
        asked.append((source.name, folder))
        return tmp_path / source.file

    monkeypatch.setattr(tags, "fetch", fetch)
    monkeypatch.setenv("COSALPURE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="gicd_ginet.pth"):  # nothing was downloaded
        cp.create_detector("gicd.official")
    assert asked == [("gicd-ginet", str(tmp_path)), ("vgg16", str(tmp_path))]


def test_importing_the_package_loads_nothing_heavy():
    code = "import cosalpure, sys; print('torch' in sys.modules, 'load_group' in dir(cosalpure))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("name", [name for name in cp.__all__ if name not in ("Concept", "ImageGroup")])
def test_every_public_function_is_typed_and_documented(name):
    function = getattr(cp, name)
    hints = inspect.signature(function)
    assert inspect.getdoc(function) and hints.return_annotation is not inspect.Signature.empty
    assert all(its.annotation is not inspect.Parameter.empty for its in hints.parameters.values())


def test_a_table_has_the_mean_of_its_images(group):
    maps = group.ground_truth.clone()
    maps[0] = 0
    table, images = cp.evaluate(maps, group), cp.evaluate(maps, group, per_image=True)
    assert table.loc["all", "iou"] == pytest.approx(images["iou"].mean())
    assert isinstance(table, pd.DataFrame) and table.loc["clean", "success"] == 1


@pytest.mark.slow
def test_an_attack_on_concept_learning_takes_the_concept(group):
    attack = cp.create_attack("poison", model="mini", steps=1)
    concept = cp.Concept("<my-word>", cp.text_to_image("mini").word_vector("object"))
    changed = (attack(group, concept).images != group.images).flatten(1).any(1)
    assert tuple(changed.tolist()) == group.attacked
    with pytest.raises(UserError, match="needs a learned concept"):
        attack(group)


@pytest.mark.slow
def test_an_attack_through_a_purifier_takes_the_purifier_s_concept(group):
    attack = cp.create_attack("pgd", detector="gicd.mini", purifier="cosalpure.mini", steps=1)
    concept = cp.Concept("<my-word>", cp.text_to_image("mini").word_vector("object"))
    changed = (attack(group, concept).images != group.images).flatten(1).any(1)
    assert tuple(changed.tolist()) == group.attacked
    with pytest.raises(UserError, match="needs a learned concept"):
        attack(group)


def test_an_attack_knows_whether_the_purifier_s_maps_are_averaged():
    known = [_chosen("purifiers", name)["average_maps"] for name in ("dda_average.mini", "dda.mini")]
    assert known == [True, False]


def test_an_attack_takes_the_names_of_what_it_knows(group):
    attack = cp.create_attack("pgd", detector="gicd.mini", purifier="jpeg", gradient="bpda", steps=1)
    attacked = attack(group)
    changed = (attacked.images != group.images).flatten(1).any(1)
    assert tuple(changed.tolist()) == group.attacked
    with pytest.raises(UserError, match="unknown detector 'gidc'"):
        cp.create_attack("pgd", detector="gidc", gradient="blind")


def test_8_bit_images_are_the_same_in_every_form(group):
    purify, whole = cp.create_purifier("jpeg"), (group.images * 255).byte()
    arrays = [image.permute(1, 2, 0).numpy() for image in whole]
    expected = purify(group.images)
    for images in (whole, list(whole), arrays, np.stack(arrays), [Image.fromarray(array) for array in arrays]):
        assert torch.equal(purify(images), expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda maps: maps * 255, "values from 0 to 255; expected"),
        (lambda maps: (maps * 255).byte(), "type uint8"),
        (lambda maps: maps[:3], r"shape \(3, 1, 64, 64\); expected \(8, 1, 64, 64\)"),
        (lambda maps: maps - 1, "values from -1 to 0"),
    ],
)
def test_maps_that_cannot_be_scored_are_refused(group, change, said):
    with pytest.raises(UserError, match=f"what made the maps gave .*{said}"):
        cp.evaluate(change(group.ground_truth), group)
    assert cp.evaluate(group.ground_truth.numpy(), group).loc["all", "success"] == 1
    with pytest.raises(UserError, match="expected maps and their group, found a Tensor"):
        cp.evaluate(group, group.ground_truth)
