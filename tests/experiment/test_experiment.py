"""The parsed experiment: every entry is complete, and nothing of it can be changed."""

import json
from dataclasses import FrozenInstanceError

import pytest
from pydantic import ValidationError

from cosalpure.doctor import unused_note
from cosalpure.errors import UserError
from cosalpure.experiment.experiment import Point
from cosalpure.experiment.parse import load, parse_entries
from cosalpure.labels import TABLES
from cosalpure.purify.settings import CosalPureSettings

ENTRIES = {
    "datasets": {"mini": {}, "Cosal2015": {}, "own": {"path": "photos", "groups": 3}},
    "degradations": {"none": {}, "jadena": {"epsilon": 0.1}, "strong": {"method": "random_noise"}},
    "purifiers": {"source_only": {}, "cosalpure": {"prompt": "{token}"}, "plain": {"method": "jpeg"}},
    "detectors": {"gicd": {}, "poolnet": {"weights": "p.pth"}},
}
CONDITIONS = [
    {"datasets": ["mini"], "degradations": ["none"], "purifiers": ["source_only"], "detectors": ["gicd"]},
    {"datasets": ["mini"], "degradations": ["none", "jadena"], "purifiers": ["source_only", "cosalpure"]},
]


def experiment(family=None, entries=None, **changes):
    """The small experiment of this file with `entries` more in a family, and other changes."""
    more = {family: ENTRIES[family] | entries} if family else {}
    return load({"experiment": "small", "conditions": CONDITIONS} | ENTRIES | more | changes)


# --- like -------------------------------------------------------------------------------------------------------------
CHAIN = {
    "first": {"method": "cosalpure", "label": "First", "role": "ours", "reported": "row", "steps": 60, "timestep": 300},
    "second": {"like": "first", "timestep": 400, "average_maps": True},
    "third": {"like": "second", "guidance_scale": 2},
}


def test_a_chain_of_likes_takes_over_method_and_settings_and_the_nearest_value_wins():
    its = experiment("purifiers", CHAIN).purifiers["third"]
    assert its.method == "cosalpure" and its.settings == CosalPureSettings(steps=60, timestep=400, guidance_scale=2)
    assert its.average_maps, "what becomes of the maps is taken over, too"


def test_like_does_not_take_over_label_role_and_reported_row():
    third = experiment("purifiers", CHAIN | {"third": {"like": "second"}}).purifiers["third"]
    assert (third.label, third.role, third.reported) == ("third", "ours", {}), "the role is that of the method"
    other = experiment("purifiers", CHAIN | {"second": {"like": "first", "role": "ablation"}}).purifiers
    assert (other["first"].role, other["second"].role, other["third"].role) == ("ours", "ablation", "ours")


def test_like_of_another_method_keeps_the_settings():
    found = experiment(
        "degradations", {"blurred": {"like": "hard", "method": "fog"}, "hard": {"method": "snow", "severity": 5}}
    )
    its = found.degradations["blurred"]
    assert its.method == "fog" and its.settings_text == '{"scale_with_size": true, "severity": 5}'


# --- label, role, reported --------------------------------------------------------------------------------------------
def test_an_entry_that_says_nothing_has_its_method_s_label_and_role():
    its = experiment()
    assert (its.degradations["jadena"].label, its.degradations["jadena"].role) == ("Jadena", "attack")
    assert (its.degradations["strong"].label, its.degradations["strong"].role) == ("strong", "control")
    assert (its.purifiers["plain"].label, its.purifiers["plain"].role) == ("plain", "control")
    assert (its.detectors["gicd"].label, its.detectors["gicd"].role) == ("GICD", None)
    assert (its.datasets["mini"].label, its.datasets["mini"].role, its.datasets["mini"].reported) == ("mini", None, {})


def test_a_published_dataset_reproduces_its_own_rows():
    assert experiment().datasets["Cosal2015"].reported == dict.fromkeys(TABLES, "Cosal2015")
    renamed = experiment("datasets", {"first": {"source": "coca", "reported": {"table2": "other"}}})
    assert renamed.datasets["first"].reported == {"table2": "other"}


def test_entries_of_tables_are_the_experiment_s_and_survive_the_command_line():
    its = experiment("purifiers", CHAIN)
    assert its.entries.get("purifiers", "first") is its.purifiers["first"]
    assert its.entries.label("degradations", "jadena.seed7") == "Jadena, seed 7"
    again = parse_entries(json.dumps(its.entries.as_dict()), "--entries")
    assert again.as_dict() == its.entries.as_dict()


# --- what is asked of an entry ----------------------------------------------------------------------------------------
def test_files_are_those_that_the_settings_name():
    its = experiment("purifiers", {"cosalpure": {"continuous": "liif.pth"}})
    assert its.degradations["jadena"].files == ("weights/resneta50b-0556-7cedbb3b.pth.zip",)
    assert its.purifiers["cosalpure"].files == ("liif.pth",) and its.purifiers["source_only"].files == ()
    assert its.detectors["gicd"].files == ("weights/gicd_ginet.pth", "weights/vgg16-397923af.pth")
    assert its.detectors["poolnet"].files == ("p.pth",)


def test_needs_follow_from_the_settings():
    more = {"other": {"like": "cosalpure", "concept": "next"}, "words": {"like": "cosalpure", "prompt": "a cat"}}
    found = experiment("purifiers", more).purifiers
    assert {name for name, its in found.items() if its.needs_model} == {"cosalpure", "other", "words"}
    assert {name for name, its in found.items() if its.reads_concept} == {"cosalpure", "other"}
    assert {name for name, its in found.items() if its.reads_other_groups} == {"other"}
    assert {name for name, its in found.items() if its.random} == {"cosalpure", "other", "words"}


def test_a_dataset_s_path_is_the_user_s():
    found = experiment().datasets
    assert [found[name].path for name in ("mini", "Cosal2015", "own")] == [None, None, "photos"]


# --- frozen -----------------------------------------------------------------------------------------------------------
def test_nothing_can_be_changed():
    its = experiment()
    ours = its.purifiers["cosalpure"]
    for frozen, key in ((its, "seed"), (ours, "label"), (ours, "settings"), (its.datasets["mini"], "name")):
        with pytest.raises(FrozenInstanceError):
            setattr(frozen, key, None)
    for settings in (ours.settings, its.datasets["mini"].settings, its.concept, its.groups_per_job):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(settings, next(iter(type(settings).model_fields)), None)
    for mapping in (its.datasets, its.degradations, its.purifiers, its.detectors, its.sweeps, ours.reported):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["new"] = None


def test_two_experiments_are_equal_if_the_same_is_run():
    assert experiment() == experiment(variant_of="small") != experiment(seed=1)
    assert experiment("purifiers", {"plain": {"method": "jpeg", "label": "other"}}) != experiment()


# --- conditions and seeds ---------------------------------------------------------------------------------------------
def test_conditions_are_in_order_and_each_is_there_once():
    pairs = [("none", "source_only"), ("none", "cosalpure"), ("jadena", "source_only"), ("jadena", "cosalpure")]
    expected = [("mini", *pair, detector) for pair in pairs for detector in ("gicd", "poolnet")]
    assert experiment().conditions == experiment().once == tuple(expected)
    everywhere = experiment(conditions=[{"degradations": ["none"], "purifiers": ["plain"]}]).conditions
    assert [its[0] for its in everywhere] == ["mini"] * 2 + ["Cosal2015"] * 2 + ["own"] * 2


def test_further_seeds_repeat_what_is_random_behind_everything_else():
    its, once = experiment(further_seeds=[7, 3]), experiment().conditions
    repeated = [("mini", f"{name}.seed{seed}", "cosalpure") for seed in (7, 3) for name in ("none", "jadena")]
    assert its.once == once == its.conditions[: len(once)]
    assert [condition[:3] for condition in its.conditions[len(once) :: 2]] == repeated
    assert its.further_seeds == (7, 3)


def test_a_name_with_a_seed_is_the_entry_with_another_seed():
    its = experiment(further_seeds=[7])
    assert its.entry("degradations", "jadena.seed7") is its.degradations["jadena"]
    assert (its.seed_of("jadena"), its.seed_of("jadena.seed7")) == (2024, 7)


# --- sweeps -----------------------------------------------------------------------------------------------------------
LEVELS = {"weak": {"like": "jadena", "epsilon": 0.02}, "strong": {"like": "jadena", "epsilon": 0.4}}
BLOCK = {"degradations": ["jadena", "weak", "strong"], "purifiers": ["source_only"]}


def sweeping(*conditions, **keys):
    keys = {"setting": "epsilon", "entries": ["strong", "jadena", "weak"]} | keys
    return experiment("degradations", LEVELS, conditions=list(conditions or [BLOCK]), sweeps={"one": keys}).sweeps[
        "one"
    ]


def test_a_sweep_over_degradations_is_on_the_first_dataset_that_runs_all():
    its = sweeping({**BLOCK, "degradations": ["jadena"]}, {**BLOCK, "datasets": ["own", "Cosal2015"]}, scale=10)
    assert its.points == (
        Point("Cosal2015", "weak", 0.2),
        Point("Cosal2015", "jadena", 1.0),
        Point("Cosal2015", "strong", 4.0),
    )
    assert its.label == "epsilon" and sweeping(label="bound").label == "bound"
    assert list(map(str, its.points)) == ["Cosal2015/weak=0.2", "Cosal2015/jadena=1", "Cosal2015/strong=4"]


def test_a_sweep_over_datasets_is_under_the_first_attack():
    half = {"datasets": ENTRIES["datasets"] | {"all": {"source": "mini", "attacked_fraction": 1}}}
    sweeps = {"one": {"setting": "attacked_fraction", "entries": ["all", "mini"]}}
    conditions = [{"degradations": ["none", "jadena"], "purifiers": ["source_only"]}]
    its = experiment(conditions=conditions, sweeps=sweeps, **half).sweeps["one"]
    assert its.points == (Point("mini", "jadena", 0.5), Point("all", "jadena", 1.0))


def test_a_sweep_along_what_is_no_number_is_refused():
    with pytest.raises(UserError, match="sweeps.one.setting of 'strong': expected a number, found 'augment'"):
        sweeping(setting="variant")


# --- mistakes ---------------------------------------------------------------------------------------------------------
def test_all_mistakes_are_found_at_once_each_on_one_line():
    entries = {
        "cosalpure": {"stpes": 3, "average_maps": 7},
        "wrong": {"like": "nothing"},
        "plain": {"method": "jpeg", "role": "attack"},
    }
    with pytest.raises(UserError) as caught:
        experiment("purifiers", entries, further_seeds=[2024], sweeps={"one": {"setting": "x", "entries": ["a", "b"]}})
    lines = str(caught.value).splitlines()
    starts = (
        "purifiers.cosalpure.average_maps",
        "purifiers.wrong.like",
        "purifiers.cosalpure.stpes",
        "purifiers.plain.role",
        "further_seeds",
    )
    assert [line.split(": ")[1] for line in lines] == list(starts), "and a sweep is looked at when the rest is right"


# --- unused entries ---------------------------------------------------------------------------------------------------
def test_entries_that_no_condition_uses_are_named():
    assert experiment().unused == ("datasets.Cosal2015", "datasets.own", "degradations.strong", "purifiers.plain")
    assert unused_note(experiment()).startswith("note: no condition uses datasets.Cosal2015, datasets.own, degradat")


def test_an_entry_that_others_are_like_is_used():
    chain = experiment("purifiers", CHAIN)
    assert "purifiers.third" in chain.unused and not {"purifiers.first", "purifiers.second"} & set(chain.unused)


def test_the_note_of_unused_entries_is_one_line_or_nothing():
    many = {f"jpeg{quality}": {"method": "jpeg", "quality": quality} for quality in range(1, 20)}
    note = unused_note(experiment("purifiers", many))
    assert note.endswith("purifiers.jpeg4 and 15 more") and "\n" not in note
    everything = [{"degradations": ENTRIES["degradations"], "purifiers": ENTRIES["purifiers"]}]
    assert unused_note(experiment(conditions=[{key: list(its) for key, its in everything[0].items()}])) == ""
