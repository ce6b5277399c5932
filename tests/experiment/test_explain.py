"""The paper experiment's values are those of constants.csv: each has a row, and a change of any of them is seen."""

import copy
from pathlib import Path

import pytest
import yaml

from cosalpure.errors import UserError
from cosalpure.experiment.explain import explain, read_constants, run

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "config/paper.yaml"
NOT_SETTINGS = ("experiment", "conditions", "label", "role", "reported", "like", "method", "source")


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)  # where config/train lies


def leaves(values, path=()):
    """(path, value) of every setting in nested dicts."""
    for key, value in values.items():
        if key in NOT_SETTINGS:
            continue
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


LEAVES = list(leaves(yaml.safe_load(PAPER.read_text())))


def test_every_value_of_the_paper_experiment_has_a_row_and_no_deviation_is_unexplained():
    values = explain([PAPER])
    assert [its.key for its in values if its.constant is None] == []
    assert [its.key for its in values if its.mark == "DEVIATES"] == []
    assert run([PAPER]).endswith(f"{len(values)} values, 0 unexplained deviations")


def test_every_row_is_about_a_value_and_names_its_source():
    used = {id(its.constant) for its in explain([PAPER])}
    keys = {its.constant.key for its in explain([PAPER])}
    for constant in read_constants():
        assert constant.key in keys, f"{constant.key}: no setting of the paper experiment"
        assert constant.source or constant.reason, f"{constant.key}: neither source nor reason"
    assert len(used) > 80


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if isinstance(value, int) else value * 0.75
    if isinstance(value, list):
        return [*map(changed, value[:-1]), value[-1]] if not isinstance(value[0], str) else value[::-1]
    return 3 if value is None else f"{value}x"


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=".".join)
def test_a_changed_constant_is_seen(path, tmp_path):
    values = yaml.safe_load(PAPER.read_text())
    *parents, last = path
    node = values
    for key in parents:
        node = node[key]
    before, node[last] = copy.deepcopy(node[last]), changed(node[last])
    assert node[last] != before
    file = tmp_path / "paper.yaml"
    file.write_text(yaml.safe_dump(values))
    try:
        marks = {its.key: its.mark for its in explain([file])}
    except UserError:
        return  # not even valid
    assert marks[".".join(path)] == "DEVIATES"


def test_a_left_out_constant_falls_back_to_the_official_one(tmp_path):
    values = yaml.safe_load(PAPER.read_text())
    del values["concept"]
    for name in ("jadena", "motion_blur"):
        values["degradations"][name] = {"label": name}
    values["degradations"]["jadena"]["lambda_exposure"] = 0.01  # left out, it is the variant's own, which is the same
    values["text_to_image"] = {"gradient_checkpointing": True}  # chosen for speed
    kept = ("label", "role", "reported", "like", "method", "resolution", "continuous", "prompt")
    for name, entry in values["purifiers"].items():
        if not name.endswith(("_motion_blur", "_no_inversion")):  # a T and weights of their own
            values["purifiers"][name] = {key: entry[key] for key in entry if key in kept}
    del values["purifiers"]["cosalpure"]["prompt"]
    file = tmp_path / "paper.yaml"
    file.write_text(yaml.safe_dump(values))
    assert [its.key for its in explain([file]) if its.mark == "DEVIATES"] == []


def test_the_origin_of_a_value_is_its_file_the_entry_it_is_like_or_the_default():
    variant = ROOT / "config/variants/liif-edsr.yaml"
    found = {its.key: its for its in explain([PAPER, variant])}
    assert found["purifiers.cosalpure.timestep"].origin == str(PAPER)
    assert found["purifiers.cosalpure.continuous"].origin == str(variant)
    assert found["purifiers.cosalpure_none_concept.continuous"].origin == f"cosalpure: {variant}"
    assert found["purifiers.cosalpure_motion_blur.steps"].origin == f"cosalpure: {PAPER}"
    assert found["score.threshold"].origin == "default"
    assert found["purifiers.cosalpure.continuous"].mark == "DEVIATES", "other weights than the paper experiment's"
    assert "config/train" not in "".join(its.origin for its in found.values()), "nothing is trained"


def test_mini_s_tuned_values_are_marked(capsys):
    marks = {its.key: its.mark for its in explain([ROOT / "config.yaml"])}
    for key in ("concept.steps", "text_to_image.resolution", "purifiers.cosalpure.timestep"):
        assert marks[key] == "DEVIATES"
    assert marks["degradations.jadena.steps"] == "=" and marks["purifiers.cosalpure.sampler"] == "="
