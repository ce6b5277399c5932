"""Attacks on concept learning in an experiment: the concepts that they read, and how concepts are learned from what they make."""

import json

import pytest
import yaml

from cosalpure.errors import UserError
from cosalpure.experiment.explain import explain
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load, load_files


def experiment(degradations, **more):
    """The mini experiment with these degradations, each purified by CosalPure alone."""
    with open("config.yaml") as file:
        values = yaml.safe_load(file)
    values["degradations"] |= degradations
    block = {"degradations": list(degradations), "purifiers": ["cosalpure"], "detectors": ["gicd"]}
    return load(values | {"conditions": [block]} | more)


def test_an_attack_reads_the_concepts_of_clean_images_and_is_purified_with_its_own():
    jobs = Jobs(experiment({"poison": {}}))
    assert jobs.known_option("mini", "poison") == "--concepts results/concept/mini/none"
    assert jobs.concepts_known("mini", "poison", "0000-0012") == ["results/concept/mini/none/shards/0000-0012.parquet"]
    assert jobs.concepts_option("mini", "poison", "cosalpure") == "--concepts results/concept/mini/poison"
    assert "resolution" in jobs.model_text("poison", family="degradations")
    assert {its[:2] for its in jobs.reading} == {("mini", "none"), ("mini", "poison")}


def test_an_attack_towards_the_next_group_reads_the_concepts_of_all_groups():
    jobs = Jobs(experiment({"poison": {"target": "next"}}, groups_per_job={"concept": 12, "degrade": 12}))
    assert len(jobs.concepts_known("mini", "poison", "0000-0012")) == 2


def test_a_degradations_concepts_may_be_learned_with_settings_of_their_own():
    learning = {"jpeg": 75, "timesteps": [700, 1000]}
    found = experiment({"poison": {}, "careful": {"like": "poison", "concept_learning": learning}})
    assert found.concept_of("poison") is found.concept and found.concept.jpeg is None
    its = found.concept_of("careful.seed7")
    assert (its.jpeg, its.timesteps, its.steps) == (75, (700, 1000), found.concept.steps)
    assert found.degradations["careful"].settings == found.degradations["poison"].settings  # the same images
    assert "jpeg" not in found.degradations["careful"].settings_text


def test_what_is_like_another_learns_like_it():
    found = experiment({"poison": {"concept_learning": {"jpeg": 50}}, "more": {"like": "poison", "steps": 7}})
    assert found.concept_of("more").jpeg == 50


def test_the_settings_of_learning_are_explained():
    values = {its.key: its.value for its in explain(["config.yaml", "config/variants/poison.yaml"])}
    assert values["degradations.poison_jpeg.concept_learning"].jpeg == 75


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ({"poison": {"concepts_from": "clean"}}, r"degradations\.poison\.concepts_from: unknown degradation 'clean'"),
        (
            {"poison": {"concepts_from": "more"}, "more": {"like": "poison"}},
            r"degradations\.poison\.concepts_from: 'more' needs concepts itself",
        ),
        ({"poison": {"concept_learning": {"jpg": 75}}}, r"degradations\.poison\.concept_learning\.jpg: unknown"),
        ({"poison": {"concept_learning": {"jpeg": 0}}}, r"degradations\.poison\.concept_learning\.jpeg"),
    ],
)
def test_mistakes_are_one_line(entries, line):
    with pytest.raises(UserError, match=line):
        experiment(entries)


def test_the_variant_learns_every_concept_that_its_table_is_about():
    jobs = Jobs(load_files(["config.yaml", "config/variants/poison.yaml"]))
    assert {its[1] for its in jobs.experiment.learned} == {
        "none",
        "none_all",
        "jadena",
        "poison",
        "poison_all",
        "poison_jpeg",
        "poison_next",
    }
    assert json.loads(jobs.experiment.concept_of("poison_all").as_json())["timesteps"] == [0, 1000]


def test_a_purifier_with_a_concept_from_elsewhere_learned_it_there_alone():
    with open("config.yaml") as file:
        purifiers = yaml.safe_load(file)["purifiers"]
    purifiers["known"] = {"like": "cosalpure", "concepts_from": "none"}
    block = {
        "degradations": ["none", "jadena"],
        "purifiers": ["cosalpure", "known", "source_only"],
        "detectors": ["gicd"],
    }
    found = experiment({}, purifiers=purifiers, conditions=[block])
    assert [its[1:3] for its in found.learned] == [("none", "cosalpure"), ("none", "known"), ("jadena", "cosalpure")]


def test_one_purifier_is_asked_by_queries_in_the_checks():
    found = load_files(["config.yaml", "config/variants/adaptive-checks.yaml"])
    its = found.degradations["square.gicd"]
    assert its.settings.purifier.method == "cosalpure" and its.settings.detector.method == "gicd"
