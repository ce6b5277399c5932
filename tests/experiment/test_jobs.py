"""Which jobs, tables and figures an experiment needs, without running anything."""

from pathlib import Path

import pytest
import yaml

from cosalpure.errors import UserError
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.layout import Layout, any_of, span_ends, span_name
from cosalpure.experiment.parse import load, load_files

ROOT = Path(__file__).resolve().parents[2]


def jobs(**changes):
    return Jobs(load(yaml.safe_load((ROOT / "config.yaml").read_text()) | changes))


@pytest.fixture(scope="module")
def mini():
    return jobs()


@pytest.fixture(scope="module")
def paper():
    return Jobs(load_files([ROOT / "config/paper.yaml"]))


@pytest.fixture(autouse=True)
def nothing_finished(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what lies under results/ where the tests run would count as finished


def test_spans_cover_every_group_once():
    its = jobs(groups_per_job={"degrade": 7, "purify": 24})
    assert its.spans("degrade", "mini", "none") == ["0000-0007", "0007-0014", "0014-0021", "0021-0024"]
    assert its.spans("purify", "mini", "none", "source_only") == ["0000-0024"]
    assert span_ends(span_name(3, 12)) == (3, 12)


def test_a_job_reads_the_shards_that_hold_its_groups():
    its = jobs(groups_per_job={"degrade": 7, "purify": 10})
    assert its.covering("degrade", "mini", "jadena", span="0000-0010") == ["0000-0007", "0007-0014"]
    assert its.covering("degrade", "mini", "jadena", span="0010-0020") == ["0007-0014", "0014-0021"]
    assert its.covering("degrade", "mini", "jadena") == its.spans("degrade", "mini", "jadena")
    assert its.shards("degrade", "mini", "jadena", span="0020-0024") == [
        "results/degrade/mini/jadena/shards/0014-0021.parquet",
        "results/degrade/mini/jadena/shards/0021-0024.parquet",
    ]


def test_a_wrong_concept_needs_the_concepts_of_all_groups():
    entries = yaml.safe_load((ROOT / "config.yaml").read_text())["purifiers"]
    its = jobs(purifiers=entries | {"wrong": {"like": "cosalpure", "concept": "next"}}, groups_per_job={"concept": 12})
    assert len(its.concepts_read("mini", "jadena", "cosalpure", "0000-0012")) == 1
    assert len(its.concepts_read("mini", "jadena", "wrong", "0000-0012")) == 2
    assert its.concepts_read("mini", "jadena", "vae_round_trip", "0000-0012") == []
    assert its.concepts_option("mini", "jadena", "cosalpure") == "--concepts results/concept/mini/jadena"
    assert its.concepts_option("mini", "jadena", "source_only") == ""


def test_tables_are_those_that_the_experiment_has_something_for(mini, paper):
    assert mini.tables == ["table1", "table2", "table3", "differences", "degradations"]
    assert paper.tables == ["table1", "table2", "table3", "table4", "differences", "degradations"]
    assert (mini.table_degradation, paper.table_degradation) == ("jadena", "jadena")
    with pytest.raises(UserError, match="table4: the experiment runs nothing of it; it has table1, "):
        mini.table_files("table4")
    clean = jobs(conditions=[{"degradations": ["none"], "purifiers": ["source_only"]}])
    assert clean.tables == ["table1", "table2", "degradations"] and clean.table_degradation == "none"


def test_table_3_is_made_of_reference_ablations_and_ours(mini):
    purifiers = {file.split("/")[4] for file in mini.table_scores("table3")}
    assert purifiers == {"source_only", "cosalpure_no_inversion", "cosalpure_none_concept", "cosalpure"}


def test_figures_are_chosen_by_role(mini):
    assert mini.comparisons["mini", "jadena", "comparison"] == ["source_only", "vae_round_trip", "cosalpure"]
    assert mini.comparisons["mini", "jadena", "ablation"][1:3] == ["cosalpure_no_inversion", "cosalpure_none_concept"]
    assert mini.failures == [("mini", "jadena", "cosalpure")]
    assert len(mini.overviews) == 3 and len(mini.figures()) == 6
    assert mini.figure_detectors("mini", "jadena", kind="ablation") == ["gicd", "gcagc", "poolnet"]
    assert len(mini.figure_scores("mini", "jadena", purifier="cosalpure")) == 3


def test_detectors_that_did_not_look_at_all_purifiers_have_no_figure_of_comparison():
    blocks = [
        {"degradations": ["jadena"], "purifiers": ["source_only"], "detectors": ["gicd"]},
        {"degradations": ["jadena"], "purifiers": ["cosalpure"], "detectors": ["gcagc"]},
    ]
    its = jobs(conditions=blocks)
    assert its.comparisons == {} and its.overviews == {}
    assert its.figure_detectors("mini", "jadena", purifier="cosalpure") == ["gcagc"]


def test_what_has_no_ground_truth_is_shown_and_not_scored(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats/1.jpg").touch()
    its = jobs(datasets={"own": {"source": "folder", "path": str(tmp_path)}})
    assert its.scores() == its.curves() == [] and its.tables == [] and its.page() == [] and len(its.overviews) == 6


def test_the_paper_experiment_s_jobs(paper):
    assert len(paper.all_shards("purify")) == 390 and len(paper.all_shards("detect")) == 351
    assert len(paper.concept_shards()) == 328 and len(paper.scores()) == len(paper.curves()) == 156
    assert paper.weights("cosalpure") == [
        "weights/stable-diffusion-2/model_index.json",
        "results/models/liif-imagenet.safetensors",
    ]
    assert paper.weights("diffpure") == ["weights/256x256_diffusion_uncond.pt"]
    assert paper.archive("CoCA", {"CoCA.zip": "coca", "iCoseg.zip": "icoseg"}) == ["datasets/CoCA.zip"]


def test_every_path_of_a_run_is_below_its_two_folders(mini):
    files = [*mini.manifests(), *mini.all_shards("detect"), *mini.scores(), *mini.figures(), *mini.page()]
    files += mini.table_files(*mini.tables)
    assert all(file.startswith("results/") for file in files) and len(files) == len(set(files))
    elsewhere = Layout("other", "journal")
    assert elsewhere.benchmark("purify", "mini", "0000-0012") == "journal/benchmarks/purify/mini/0000-0012.tsv"
    assert elsewhere.figure("sweep", "steps", ending="csv") == "other/report/figures/sweep_steps.csv"
    assert any_of(["a.b", "c"]) == r"a\.b|c" and any_of([]) == "none"
