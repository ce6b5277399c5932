"""Attacks that name other entries: one entry for each pair, its settings, its concepts, and what reruns with it."""

import json

import pytest
import yaml

from cosalpure.errors import UserError
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load

KNOWN = {"like": "cosalpure", "concepts_from": "none", "label": "CosalPure, known concept"}


def experiment(degradations, purifiers=("source_only", "cosalpure_known"), detectors=("gicd", "gcagc"), **more):
    """The mini experiment with these degradations, each with all of the purifiers and detectors."""
    with open("config.yaml") as file:
        values = yaml.safe_load(file)
    values["degradations"] |= degradations
    values["purifiers"] |= {"cosalpure_known": KNOWN} | more
    values["conditions"] = [
        {"degradations": list(degradations), "purifiers": list(purifiers), "detectors": list(detectors)}
    ]
    return load(values)


def test_an_attack_that_names_nobody_is_one_entry_for_each_pair_and_is_run_for_that_pair_alone():
    found = experiment({"full": {"method": "pgd", "label": "full gradient"}})
    assert found.conditions == tuple(
        ("mini", f"full.{purifier}.{detector}", purifier, detector)
        for purifier in ("source_only", "cosalpure_known")
        for detector in ("gicd", "gcagc")
    )
    its = found.degradations["full.cosalpure_known.gcagc"]
    assert its.label == "full gradient" and its.role == "adaptive" and its.template == "full"
    assert (its.settings.purifier.method, its.settings.detector.method) == ("cosalpure", "gcagc")
    assert "full" not in found.degradations and "degradations.full" not in found.unused


def test_an_attack_on_the_detector_alone_is_one_entry_for_each_detector():
    found = experiment({"blind": {"method": "pgd", "gradient": "blind"}})
    assert {its[1:] for its in found.conditions} == {
        (f"blind.{detector}", purifier, detector)
        for purifier in ("source_only", "cosalpure_known")
        for detector in ("gicd", "gcagc")
    }


def test_an_attack_that_names_both_is_run_with_whatever_the_conditions_say():
    named = {"method": "pgd", "purifier": "cosalpure_known", "detector": "gicd"}
    found = experiment({"mine": named}, purifiers=["cosalpure", "cosalpure_known"], detectors=["gicd"])
    assert [its[1:] for its in found.conditions] == [("mine", "cosalpure", "gicd"), ("mine", "cosalpure_known", "gicd")]
    jobs = Jobs(found)
    assert jobs.concepts_option("mini", "mine", "cosalpure") == "--concepts results/concept/mini/mine"  # relearned
    assert jobs.concepts_option("mini", "mine", "cosalpure_known") == "--concepts results/concept/mini/none"  # fixed


def test_the_settings_of_what_is_attacked_are_the_attacks_own():
    found = experiment({"full": {"method": "pgd"}})
    its = json.loads(found.degradations["full.cosalpure_known.gicd"].settings_text)
    assert its["purifier"]["settings"]["guidance_scale"] == 3.0 and its["purifier"]["concepts_from"] == "none"
    other = experiment({"full": {"method": "pgd"}}, cosalpure_known=KNOWN | {"guidance_scale": 5.0})
    changed = {name for name, its in found.degradations.items() if its != other.degradations[name]}
    assert changed == {"full.cosalpure_known.gicd", "full.cosalpure_known.gcagc"}


def test_an_attacks_code_is_that_of_what_it_attacks_too():
    found = experiment({"full": {"method": "pgd"}})
    codes = {name: its.code for name, its in found.degradations.items() if name.startswith("full")}
    assert len(set(codes.values())) == 4


def test_a_job_reads_the_weights_and_concepts_of_what_it_attacks():
    jobs = Jobs(experiment({"full": {"method": "pgd"}}))
    attacked = "full.cosalpure_known.gicd"
    weights = [name.rpartition("/")[2] for name in jobs.weights(attacked, "degradations")]
    assert weights == ["model_index.json", "gicd.safetensors", "liif.safetensors"]
    assert jobs.concepts_known("mini", attacked, "0000-0012") == ["results/concept/mini/none/shards/0000-0012.parquet"]
    assert jobs.known_option("mini", attacked) == "--concepts results/concept/mini/none"
    assert "resolution" in jobs.model_text(attacked, family="degradations")
    without = "full.source_only.gicd"
    assert jobs.known_option("mini", without) == "" and jobs.concepts_known("mini", without, "0000-0012") == []
    assert jobs.model_text(without, family="degradations") == "{}"
    assert ("mini", "none", "cosalpure_known") in jobs.reading


def test_recomputing_is_a_matter_of_memory_alone():
    its = experiment({"full": {"method": "pgd", "recompute": True}}).degradations["full.source_only.gicd"]
    assert "recompute" in its.settings_text and "recompute" not in its.compared_text


@pytest.mark.parametrize(
    ("attack", "line"),
    [
        ({"purifier": "cosalpur"}, r"degradations\.mine\.purifier: unknown purifier 'cosalpur'.*did you mean"),
        ({"detector": "gicdd"}, r"degradations\.mine\.detector: unknown detector 'gicdd'"),
        ({"purifier": "cosalpure"}, r"degradations\.mine.*concepts_from"),
    ],
)
def test_mistakes_are_one_line(attack, line):
    with pytest.raises(UserError, match=line):
        experiment({"mine": {"method": "pgd"} | attack})


def test_an_attack_on_a_purifier_that_learns_anew_says_what_to_do():
    with pytest.raises(UserError, match=r"degradations\.full\.cosalpure\.gicd.*name an entry with `concepts_from`"):
        experiment({"full": {"method": "pgd"}}, purifiers=["cosalpure"])


def test_concepts_come_from_a_degradation_that_is_there():
    with pytest.raises(UserError, match=r"purifiers\.cosalpure_known\.concepts_from: unknown degradation 'clean'"):
        experiment({"full": {"method": "pgd"}}, cosalpure_known=KNOWN | {"concepts_from": "clean"})


def test_a_further_seed_repeats_an_attack_that_draws():
    with open("config.yaml") as file:
        values = yaml.safe_load(file)
    values |= {"further_seeds": [7], "purifiers": values["purifiers"] | {"cosalpure_known": KNOWN}}
    values["degradations"] |= {"full": {"method": "pgd"}}
    block = {"degradations": ["full"], "purifiers": ["source_only", "cosalpure_known"], "detectors": ["gicd"]}
    found = load(values | {"conditions": [block]})
    assert [its[1] for its in found.conditions][2:] == ["full.cosalpure_known.gicd.seed7"]
    assert found.seed_of("full.cosalpure_known.gicd.seed7") == 7
