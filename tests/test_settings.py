"""A configuration is checked whole before anything runs; each mistake is one line that names key and choices."""

import copy
import math
from pathlib import Path

import pytest
import yaml

from cosalpure.concept.settings import ConceptLearning
from cosalpure.degrade.settings import CORRUPTIONS, JadenaSettings
from cosalpure.errors import UserError
from cosalpure.experiment.files import read_files
from cosalpure.experiment.parse import load, load_files
from cosalpure.purify.settings import CosalPureSettings
from cosalpure.schema import validated

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_default_configuration_is_valid(config):
    conditions = load(config).conditions
    assert ("mini", "none", "source_only", "gicd") in conditions
    assert ("mini", "jadena", "cosalpure", "gicd") in conditions
    assert len(conditions) == len(set(conditions)) == 6 * 3


VARIANTS = sorted(ROOT.glob("config/variants/*.yaml"))


def experiments(variant):
    """The experiments that a variant is made for."""
    named = {"mini": ROOT / "config.yaml", "paper": ROOT / "config/paper.yaml"}
    wanted = yaml.safe_load(variant.read_text()).get("variant_of")
    return [named[wanted]] if wanted else list(named.values())


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_variants_change_what_is_run_or_how(variant):
    for experiment in experiments(variant):
        below, changed = load_files([experiment]), load_files([experiment, variant])
        assert changed.conditions and below != changed


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_entries_of_variants_say_what_they_are_for(variant):
    values = yaml.safe_load(variant.read_text())
    for experiment in experiments(variant):
        below = yaml.safe_load(experiment.read_text())
        for family in ("degradations", "purifiers"):
            for name in set(values.get(family, {})) - set(below[family]):
                assert {"label", "role"} <= set(values[family][name]), f"{variant.name}: {family}.{name}"


OTHER_WEIGHTS = {"liif-edsr", "official-detectors", "recent-detectors", "rehearsal"}  # the last has small models, too
OTHER_CONCEPT = {("adaptive-ablations", "cosalpure_without_cr")}  # so that an attack knows it


def test_an_entry_is_the_same_in_every_variant():
    found = {}
    for variant in VARIANTS:
        if variant.stem in OTHER_WEIGHTS:
            continue
        for experiment in experiments(variant):
            loaded = load_files([experiment, variant])
            for its in (*loaded.degradations.values(), *loaded.purifiers.values(), *loaded.detectors.values()):
                if (variant.stem, its.name) not in OTHER_CONCEPT:
                    says = (its.method, its.settings_text, its.label, its.role, its.learning)
                    found.setdefault((experiment.stem, its.family, its.name), {})[says] = variant.stem
    assert [its for its in found.values() if len(its) > 1] == [] and len(found) > 100


def test_corruption_variant_names_every_corruption_three_times():
    loaded = load_files([ROOT / "config.yaml", ROOT / "config/variants/corruptions.yaml"])
    run = {condition[1] for condition in loaded.conditions} - {"none"}
    names = [name for names in CORRUPTIONS.values() for name in names]
    assert run == {f"{name}_{severity}" for name in names for severity in (1, 3, 5)}
    for entry in run:
        its = loaded.degradations[entry]
        assert entry == f"{its.method}_{its.settings.severity}"


def test_like_takes_over_settings_and_method(config):
    loaded = load(config)
    ours, ablation = (loaded.purifiers[n].settings for n in ("cosalpure", "cosalpure_none_concept"))
    assert loaded.purifiers["cosalpure_none_concept"].method == "cosalpure"
    assert ablation == ours.model_copy(update={"prompt": "None"})


def test_average_maps_belongs_to_the_entry_and_not_to_the_purifier(config):
    config["purifiers"]["average"] = {"like": "cosalpure", "average_maps": True}
    loaded = load(config)
    assert loaded.purifiers["average"].average_maps and not loaded.purifiers["cosalpure"].average_maps
    ours, averaged = (loaded.purifiers[name].settings for name in ("cosalpure", "average"))
    assert ours == averaged  # the purify stage sees the same settings


def test_diffpure_s_printed_name_says_its_process(config):
    config["purifiers"] |= {"diffpure": {}, "other": {"like": "diffpure", "process": "ddpm"}}
    loaded = load(config)
    assert [loaded.purifiers[name].label for name in ("diffpure", "other")] == [
        "DiffPure (SDE)",
        "DiffPure (DDPM)",
    ]
    config["purifiers"]["other"]["label"] = "mine"
    assert load(config).purifiers["other"].label == "mine"


def test_entry_without_settings_has_the_defaults(config):
    config["degradations"]["jadena"] = None
    assert load(config).degradations["jadena"].settings.steps == 20


def test_attack_defaults_are_the_official_constants():
    attack = JadenaSettings()
    assert (attack.steps, attack.epsilon, attack.noise_step) == (20, 16 / 255, 1 / 255)
    assert (attack.exposure_step, attack.flow_step, attack.momentum, attack.degree) == (0.1, 0.01, 1.0, 10)
    assert attack.images_per_batch == 1


MISTAKES = {
    "misspelt key": (("sede", 3), "sede: unknown key (did you mean 'seed'?)"),
    "misspelt nested key": (("concept.stpes", 3), "concept.stpes: unknown key (did you mean 'steps'?)"),
    "misspelt method key": (("purifiers.cosalpure.guidance", 3), "unknown key (did you mean 'guidance_scale'?)"),
    "text instead of a number": (
        ("concept.steps", "many"),
        "concept.steps: input should be a valid integer, found 'many'",
    ),
    "text with a number": (
        ("datasets.mini.groups", "24 groups"),
        "datasets.mini.groups: input should be a valid integer",
    ),
    "out of range": (("datasets.mini.attacked_fraction", 1.5), "less than or equal to 1, found 1.5"),
    "infinite": (("degradations.jadena.noise_step", math.inf), "noise_step: input should be a finite number"),
    "too many samples": (
        ("statistics", {"samples": 10**9}),
        "statistics.samples: input should be less than or equal to 100000",
    ),
    "unknown method": (
        ("detectors.gidc", {}),
        "unknown detector 'gidc' (did you mean 'gicd'?); choose from: gicd, gcagc, poolnet",
    ),
    "unknown name in conditions": (("conditions.0.purifiers", ["cosal"]), "unknown purifier 'cosal'"),
    "unknown source": (
        ("datasets.mini.source", "maxi"),
        "unknown source 'maxi'; choose from: mini, folder, cosal2015, icoseg, cosod3k, coca",
    ),
    "average_maps without yes or no": (("purifiers.cosalpure.average_maps", 3), "purifiers.cosalpure.average_maps: "),
    "too few sampler steps": (("purifiers.cosalpure.steps", 5), "at least 25 are needed"),
    "T out of range": (
        ("purifiers.cosalpure.timestep", 0),
        "cosalpure.timestep: input should be greater than or equal",
    ),
    "unknown key of T": (
        ("purifiers.cosalpure.timestep", {"papr": 250}),
        "purifiers.cosalpure.timestep.papr: unknown key (did you mean 'paper'?); known keys: paper, side",
    ),
    "empty timestep range": (("concept.timesteps", [500, 100]), "the first must be below the second"),
    "template without token": (("concept.templates", ["a photo"]), "must hold {token} once"),
    "like in a circle": (("purifiers.cosalpure.like", "cosalpure_none_concept"), "leads back to itself"),
    "unsafe name": (("detectors.a/b", {}), "string should match pattern"),
    "not a mapping": (("detectors", 3), "detectors: input should be a valid dictionary"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(config, mistake):
    (path, value), expected = MISTAKES[mistake]
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    changed = copy.deepcopy(config)
    node = changed
    for key in parents:
        node = node[key]
    node[last] = value
    with pytest.raises(UserError) as caught:
        load(changed, where="config.yaml")
    lines = str(caught.value).splitlines()
    assert any(expected in line for line in lines), lines
    assert all(line.startswith("config.yaml: ") for line in lines)


def test_numbers_from_the_command_line_are_numbers(config):
    # snakemake --config concept='{steps: 200}' passes the text "200"
    config["concept"]["steps"] = "200"
    assert load(config).concept.steps == 200


def test_missing_key_is_named(config):
    del config["conditions"]
    with pytest.raises(UserError, match="conditions: this key is missing"):
        load(config)


def test_later_files_win_key_by_key(tmp_path):
    (tmp_path / "a.yaml").write_text("concept: {steps: 10, batch: 2}\nseed: 1\n")
    (tmp_path / "b.yaml").write_text("concept: {steps: 20}\n")
    merged = read_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert merged == {"concept": {"steps": 20, "batch": 2}, "seed": 1}


SWEEP = {"setting": "epsilon", "entries": ["jadena", "weak"], "scale": 255}


def swept(config, **changes):
    """The default configuration with a weaker attack, run without a purifier, and a sweep."""
    config["degradations"]["weak"] = {"like": "jadena", "epsilon": 4 / 255}
    config["conditions"].append({"degradations": ["weak"], "purifiers": ["source_only"]})
    return load(config | {"sweeps": {"epsilon": SWEEP | changes}})


def test_a_sweep_knows_its_points_in_order(config):
    points = swept(config).sweeps["epsilon"].points
    assert [point[:2] for point in points] == [("mini", "weak"), ("mini", "jadena")]
    assert [point[2] for point in points] == pytest.approx([4, 16])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"setting": "epsilom"},
            "sweeps.epsilon.setting of 'jadena': unknown setting 'epsilom' .did you mean 'epsilon'",
        ),
        ({"entries": ["jadena", "weka"]}, "sweeps.epsilon.entries: unknown entry 'weka' .did you mean 'weak'"),
    ],
)
def test_mistakes_of_a_sweep_are_named(config, changes, complaint):
    with pytest.raises(UserError, match=complaint):
        swept(config, **changes)


def test_a_sweep_of_what_is_not_run_is_refused(config):
    config["degradations"]["idle"] = {"like": "jadena", "epsilon": 0}
    with pytest.raises(UserError, match="not every entry is run with the reference purifier"):
        swept(config, entries=["jadena", "idle"])


PROMPTS = [
    "{tokn}", "{tokens}", "{Token}", "{ token }", "{TOKEN}", "{}", "{0}", "{class}", "{classname}", "{group}", "{token!r}",
    "{{token}}", "a photo of {token", "a photo of token}", "<token>", "[token]", "(token)", "$token", "%token%", "token",
    "a photo of S*", "<my-dog>", "{token} and {tokn}",
]  # fmt: skip


@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_only_looks_like_a_placeholder_is_refused_when_the_prompt_is_read(prompt):
    with pytest.raises(UserError, match=r"purifiers\.x: prompt: .*known.*: \{token\}, \{class_name\}"):
        validated(CosalPureSettings, {"prompt": prompt}, "purifiers.x.")


@pytest.mark.parametrize(
    "prompt", ["", "None", "{token}", "a photo of {token}", "{class_name}, {token}", "a cat (close-up)"]
)
def test_known_placeholders_and_plain_words_are_accepted(prompt):
    assert validated(CosalPureSettings, {"prompt": prompt}, "").prompt == prompt


@pytest.mark.parametrize("prompt", ["{token}", "{class_name}", "{"])
def test_a_negative_prompt_has_no_placeholders(prompt):
    with pytest.raises(UserError, match="negative_prompt: .*known.*: none"):
        validated(CosalPureSettings, {"negative_prompt": prompt}, "")


@pytest.mark.parametrize(
    ("templates", "words"),
    [
        (["a {color} photo of {token}"], "unknown placeholder {color}"),
        (["a {} {token}"], "unknown placeholder {}"),
        (["{ {token}"], "a brace without its partner"),
        (["a photo of {token}", "a {class_name} {token}"], "unknown placeholder {class_name}"),
        (["a photo"], "must hold {token} once"),
        (["{token} {token}"], "must hold {token} once"),
        ([], "expected at least one caption"),
    ],
)
def test_mistakes_in_templates_are_refused_when_they_are_read(templates, words):
    with pytest.raises(UserError) as caught:
        validated(ConceptLearning, {"templates": templates}, "concept.")
    assert words in str(caught.value) and "templates: " in str(caught.value)


@pytest.mark.parametrize("weights", ["bundled:../gicd.pth", "bundled:/gicd.pth"])
def test_a_bundled_name_stays_in_the_package(config, weights):
    config["detectors"]["gicd"]["weights"] = weights
    with pytest.raises(UserError, match=r"^.*detectors\.gicd\.weights: expected .* ships with .* found 'bundled:"):
        load(config)


def test_what_was_found_is_cut_where_it_is_long(config):
    config["seed"] = "x" * 100_000
    with pytest.raises(UserError) as found:
        load(config)
    assert "seed: input should be a valid integer, found 'xxx" in str(found.value) and len(str(found.value)) < 400
