"""What a configuration will need, told without any data: `cosalpure plan`, and the DAG of the paper's configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

from cosalpure import plan
from cosalpure.experiment.parse import load_files

ROOT = Path(__file__).resolve().parents[1]
PAPER = [ROOT / "config/paper.yaml"]


@pytest.fixture(scope="module")
def paper():
    return plan.all_work(load_files(PAPER))


def counted(work):
    jobs = {stage: sum(item.jobs for item in work if item.stage == stage) for stage in plan.STAGES}
    return {stage: count for stage, count in jobs.items() if count}


def test_paper_s_jobs_are_in_the_low_thousands(paper):
    assert counted(paper) == {"data": 4, "degrade": 27, "concept": 328, "purify": 390, "detect": 351, "score": 156}
    images = {item.names[0]: (item.groups, item.images) for item in paper if item.stage == "data"}
    published = {"Cosal2015": (50, 2015), "iCoseg": (38, 643), "CoSOD3k": (160, 3316), "CoCA": (80, 1295)}
    assert images == published


def test_finished_shards_count_as_they_are(tmp_path, monkeypatch):
    shards = tmp_path / "results/purify/CoCA/jadena/dda/shards"
    shards.mkdir(parents=True)
    (shards / "0000-0040.parquet").touch()
    monkeypatch.chdir(tmp_path)
    jobs = {its.names: its.jobs for its in plan.all_work(load_files(PAPER)) if its.stage == "purify"}
    assert (jobs["CoCA", "jadena", "dda"], jobs["CoCA", "jadena", "diffpure"]) == (1 + 4, 7), "80 groups, 12 a job"


@pytest.mark.slow
def test_plan_counts_as_snakemake_does_without_any_data(paper, tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--snakefile", ROOT / "Snakefile"]
    command += ["--workflow-profile", ROOT / "profiles/default", "--configfile", *PAPER]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rules = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2 and line[0] != "-")
    names = ("make_dataset", "degrade_images", "learn_concepts", "purify_images", "detect_cosaliency", "score_maps")
    assert {stage: int(rules[name]) for stage, name in zip(plan.STAGES, names, strict=True)} == counted(paper)
    assert rules["fetch_weights"] == "7" and rules["fetch_archive"] == "4"


def benchmark(folder, name, seconds):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t500\n")


def test_hours_are_those_of_recorded_jobs_and_the_others_are_counted(tmp_path, capsys, monkeypatch):
    benchmark(tmp_path, "concept/CoCA/jadena/0000-0002.tsv", 1800)  # a pilot: a quarter of an hour a group
    monkeypatch.chdir(ROOT)  # where config/train lies
    plan.run(PAPER, tmp_path)
    output = capsys.readouterr().out
    concept = next(line.split() for line in output.splitlines() if line.startswith("concept"))
    assert concept == ["concept", "328", "82.00", "0.0", "164"]  # 328 groups; motion blur's have another attack
    assert "82.0 GPU hours" in output and "932 GPU jobs without" in output
    purify = next(line.split() for line in output.splitlines() if line.startswith("purify"))
    assert purify == ["purify", "390", "unknown", "14.2", "390"], "what was never measured is no number of hours"
    assert "9.9 GB to download in 11 files or folders" in output


def test_hours_of_what_was_never_measured_are_unknown(tmp_path, capsys):
    plan.run([ROOT / "config.yaml"], tmp_path / "nothing")
    output = capsys.readouterr().out
    assert "GPU hours unknown" in output and "0.0 GPU hours" not in output
    hours = [line.split()[2] for line in output.splitlines() if line.startswith(plan.STAGES)]
    assert hours == ["unknown"] * len(plan.STAGES)


def test_mini_needs_nothing_downloaded(tmp_path, capsys):
    plan.run([ROOT / "config.yaml"], tmp_path)
    assert "0.0 GB to download in 0 files" in capsys.readouterr().out
