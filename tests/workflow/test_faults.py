"""Faults that need no cluster: damaged files, a full disk, two runs in one folder. docs/how-to/cluster-problems.md has the table."""

import os
import shutil
import signal
import subprocess
import time

import pandas as pd
import pytest

from cosalpure import check
from cosalpure.bundled import located

pytestmark = pytest.mark.workflow
CHANGES = {
    "datasets": {"mini": {"groups": 2, "images": 2}},
    "concept": {"steps": 2},
    "conditions": [{"degradations": ["none"], "purifiers": ["source_only", "cosalpure"], "detectors": ["gicd"]}],
    "groups_per_job": {"degrade": 1, "concept": 1, "purify": 1, "detect": 2},
}
IMAGE = "results/degrade/mini/none/images/*/000_*.png"
CONCEPT = "results/concept/mini/none/groups/*/learned_embeds.safetensors"
SCORES = "results/score/mini/none/*/gicd.parquet"


@pytest.fixture(scope="module")
def scored(tmp_path_factory, warm):
    """A finished run that tests copy."""
    from workflow.conftest import Workflow

    workflow = Workflow(tmp_path_factory.mktemp("scored"), warm)
    workflow.set(**CHANGES)
    workflow.run("score")
    return workflow


@pytest.fixture
def damaged(scored, workflow):
    """A folder of its own with that run's results."""
    workflow.take_over(scored)
    workflow.set(**CHANGES)
    return workflow


def first(workflow, pattern):
    return sorted(workflow.folder.glob(pattern))[0]


def not_yet(workflow, *folders):
    """Back to a run on its way: these folders under results/, and all scores, are still to be made."""
    for folder in (*folders, "score"):
        shutil.rmtree(workflow.folder / "results" / folder)


def score_rows(workflow):
    """The rows of the score files as bytes; the files' own differ by the time in their records."""
    return {file.parent.name: pd.read_parquet(file).to_parquet() for file in workflow.folder.glob(SCORES)}


def repaired(workflow, *files):
    """Have the damage found, and run again; what ran."""
    found = check.run(workflow.folder / "results", repair=True)
    assert [item.file for item in found] == list(files)
    plan = workflow.planned("score")
    workflow.run("score")
    assert check.run(workflow.folder / "results") == []
    return plan


def test_truncated_image(scored, damaged):
    path = first(damaged, IMAGE)
    path.write_bytes(path.read_bytes()[:300])
    not_yet(damaged, "purify/mini/none/source_only", "detect/mini/none/source_only")
    done = damaged.run("score", check=False)  # whoever reads it says so, in the head's output
    assert done.returncode != 0 and f"{path.relative_to(damaged.folder)}: not a readable image" in done.stdout
    plan = repaired(damaged, path)
    assert plan["degrade_images"] == 1, "the damaged shard alone is made again"
    assert score_rows(damaged) == score_rows(scored)


def test_wrong_concept_file(scored, damaged):
    path = first(damaged, CONCEPT)
    shutil.copy(located("bundled:mini/weights/liif.safetensors"), path)
    not_yet(damaged, "purify/mini/none/cosalpure", "detect/mini/none/cosalpure")
    done = damaged.run("score", check=False)
    assert done.returncode != 0 and f"cosalpure: {path.relative_to(damaged.folder)}: " in done.stdout
    plan = repaired(damaged, path)
    assert plan["learn_concepts"] == 1 and "degrade_images" not in plan
    assert score_rows(damaged) == score_rows(scored)


def test_empty_parquet(scored, damaged):
    record = first(damaged, "results/detect/mini/none/cosalpure/gicd/shards/*.parquet")
    table = first(damaged, SCORES)
    for path in (record, table):
        path.write_bytes(b"")
    plan = repaired(damaged, record, table)
    assert plan["detect_cosaliency"] == 1 and "purify_images" not in plan
    assert score_rows(damaged) == score_rows(scored)


def test_half_written_files_of_a_job_that_was_killed(scored, damaged):
    folder = first(damaged, "results/degrade/mini/none/images/*").parent
    slug = first(damaged, "results/degrade/mini/none/images/*").name
    shutil.rmtree(folder / slug)  # a group was on its way: a folder beside, no record of the shard
    (folder / f".{slug}.abcd.partial").mkdir()
    (folder / f".{slug}.abcd.partial/000_half.png").write_bytes(b"\x89PNG")
    (damaged.folder / "results/degrade/mini/none/shards/0000-0001.parquet").unlink()
    not_yet(damaged, "purify", "detect")
    damaged.run("score")
    assert not list(damaged.folder.rglob("results/**/*.partial"))
    assert score_rows(damaged) == score_rows(scored)


def test_full_disk(scored, damaged):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    target = damaged.folder / "results/purify"
    not_yet(damaged, "purify", "detect")
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "small", target], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk could be mounted: {mounted.stderr.decode().strip()}")
    try:
        done = damaged.run("score", "--keep-going", check=False)
        assert done.returncode != 0 and "No space left on device" in done.stdout
        assert not list(target.rglob("*.partial")), "nothing half-written fills the disk"
        subprocess.run(["mount", "-o", "remount,size=64m", target], check=True)
        damaged.run("score")
        assert score_rows(damaged) == score_rows(scored)
    finally:
        subprocess.run(["umount", target], check=True)


def test_second_run_in_one_folder_is_refused_and_the_first_goes_on(scored, damaged):
    not_yet(damaged, "purify", "detect")
    run = subprocess.Popen(
        damaged.command("score"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=damaged.folder
    )
    while not list((damaged.folder / ".snakemake/locks").glob("*")):
        assert run.poll() is None, "it had nothing to do"
        time.sleep(0.05)
    run.send_signal(signal.SIGSTOP)  # so that it cannot be done before the second one asks
    refused = damaged.run("score", check=False)
    run.send_signal(signal.SIGCONT)
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    assert "Directory cannot be locked" in refused.stdout and "no other Snakemake process" in refused.stdout
    assert run.wait() == 0
    assert score_rows(damaged) == score_rows(scored)


def test_a_check_finds_what_is_missing_and_leaves_it_without_repair(scored, damaged):
    path = first(damaged, "results/purify/mini/none/cosalpure/images/*/*.png")
    path.unlink()
    (found,) = check.run(damaged.folder / "results")
    assert (found.file, found.trouble) == (path, "missing")
    assert found.record.exists() and len(pd.read_parquet(found.record)) == 2
