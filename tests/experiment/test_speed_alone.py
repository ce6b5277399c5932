"""Settings of speed alone: which there are, and that what decides a rerun leaves them out."""

import json
from pathlib import Path

import yaml

from cosalpure.concept.settings import ConceptLearning
from cosalpure.diffusion.settings import TextToImage
from cosalpure.experiment.explain import explain
from cosalpure.experiment.file_format import GroupsPerJob
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load
from cosalpure.experiment.reference import BLOCKS, docs_text
from cosalpure.purify.settings import DDASettings

ROOT = Path(__file__).resolve().parents[2]


def experiment(**changes):
    return load(yaml.safe_load((ROOT / "config.yaml").read_text()) | changes)


def test_only_settings_whose_results_are_equal_to_the_byte_are_of_speed_alone():
    # Each by a test: test_gradient_checkpointing_computes_twice_and_learns_the_same, test_saving_memory_changes_no_result,
    # test_concepts_are_the_same_bytes_however_often_they_are_saved, test_concepts_are_the_same_bytes_in_any_job,
    # test_recomputing_changes_no_gradient. Batches and slices of the text-to-image model are none: they change rounding.
    methods = {cls for _, classes in BLOCKS for cls in classes.values()}
    assert {cls.__name__: cls.speed_keys() for cls in methods if cls.speed_keys()} == {
        "DDASettings": ("save_memory",),
        "PGDSettings": ("recompute",),
    }
    assert TextToImage.speed_keys() == ("gradient_checkpointing",)
    assert ConceptLearning.speed_keys() == ("checkpoint_every",)
    assert GroupsPerJob.speed_keys() == tuple(GroupsPerJob.model_fields)


def test_what_is_compared_leaves_them_out_and_what_commands_get_does_not():
    its = DDASettings(save_memory=True)
    assert json.loads(its.as_json())["save_memory"] is True
    assert its.as_json(speed=False) == DDASettings().as_json(speed=False) != DDASettings(steps=50).as_json(speed=False)
    jobs = Jobs(experiment(text_to_image={"gradient_checkpointing": True}))
    assert "gradient_checkpointing" in jobs.model_text("cosalpure")
    assert "gradient_checkpointing" not in jobs.model_text("cosalpure", speed=False)
    assert jobs.model_text("source_only", speed=False) == "{}"


def test_the_report_is_not_made_anew_for_them():
    purifiers = yaml.safe_load((ROOT / "config.yaml").read_text())["purifiers"]
    plain = experiment(purifiers=purifiers | {"dda": {}})
    faster = experiment(
        purifiers=purifiers | {"dda": {"save_memory": True}},
        groups_per_job={"purify": 1},
        concept=plain.concept.model_dump() | {"checkpoint_every": 7},
        text_to_image=plain.text_to_image.model_dump() | {"gradient_checkpointing": True},
    )
    assert faster.result_text == plain.result_text and faster.text != plain.text
    other = experiment(purifiers=purifiers | {"dda": {"steps": 50}})
    assert other.result_text != plain.result_text


def test_a_reader_is_told_which_they_are():
    values = {its.key: its.speed for its in explain([ROOT / "config/paper.yaml"])}
    assert values["groups_per_job.purify"] and values["purifiers.dda.save_memory"]
    assert not values["text_to_image.batch"] and not values["purifiers.dda.batch"]
    rows = [
        line.split("|")[1].strip()
        for line in docs_text().splitlines()
        if line.endswith("Affects speed and memory only. |")
    ]
    assert rows == [
        *("`gradient_checkpointing`", "`checkpoint_every`", "`degrade`", "`concept`", "`purify`", "`detect`"),
        *("`recompute`", "`save_memory`"),
    ]
