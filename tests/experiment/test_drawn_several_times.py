"""The key `draws` of a purifier: whom it is for, what reads it, and what it does not rerun."""

import pytest
import yaml

from cosalpure.errors import UserError
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load

ATTACKS = {"full": {"method": "pgd"}, "noise": {"method": "pgd", "fixed_noise": True}}


def experiment(**purifiers):
    """The mini experiment with more keys of some purifiers, and two attacks."""
    with open("config.yaml") as file:
        values = yaml.safe_load(file)
    values["degradations"] |= ATTACKS
    for name, more in purifiers.items():
        values["purifiers"][name] = values["purifiers"][name] | more
    blocks = [{"degradations": ["jadena"], "purifiers": ["source_only", "cosalpure", "cosalpure_none_concept"]}]
    blocks += [{"degradations": list(ATTACKS), "purifiers": ["cosalpure_none_concept"], "detectors": ["gicd"]}]
    return load(values | {"conditions": blocks})


def test_a_purifier_that_says_nothing_is_drawn_once_and_its_rules_see_no_difference():
    jobs = Jobs(experiment())
    assert jobs.draws_option("jadena", "cosalpure") == ""
    names = {"degradation": "jadena", "purifier": "cosalpure", "detector": "gicd"}
    entries = {"purify": jobs.experiment.purifiers["cosalpure"], "detect": jobs.experiment.detectors["gicd"]}
    assert {stage: jobs.code(stage, **names) for stage in entries} == {
        stage: its.code for stage, its in entries.items()
    }
    assert jobs.code("score", **names) == jobs.code("score")


def test_draws_are_taken_over_and_reach_the_commands_and_the_code_of_all_three_stages():
    once, several = Jobs(experiment()), Jobs(experiment(cosalpure={"draws": 5}))
    assert several.draws_option("jadena", "cosalpure_none_concept") == " --draws 5", "by `like`"
    assert several.draws_option("jadena", "source_only") == ""
    names = {"degradation": "jadena", "purifier": "cosalpure", "detector": "gicd"}
    for stage in ("purify", "detect", "score"):
        assert several.code(stage, **names).startswith(f"{once.code(stage, **names)}, code ")
    assert several.code("degrade", degradation="jadena") == once.code("degrade", degradation="jadena")


def test_an_attack_that_knows_the_noise_is_judged_by_that_noise_alone():
    its = experiment(cosalpure={"draws": 5})
    pair = "cosalpure_none_concept.gicd"
    assert its.draws_of(f"full.{pair}", "cosalpure_none_concept") == 5
    assert its.draws_of(f"noise.{pair}", "cosalpure_none_concept") == 1
    assert its.degradations == experiment().degradations, "an attack does not depend on how it is judged"


def test_what_draws_nothing_has_one_draw():
    with pytest.raises(
        UserError, match=r"purifiers\.source_only\.draws: 'source_only' draws no random numbers"
    ) as caught:
        experiment(source_only={"draws": 5})
    assert "\n" not in str(caught.value)
