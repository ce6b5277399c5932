"""The small workflow on a real SLURM equals the local run; no more jobs hold a GPU than there are GPUs."""

import pytest
from slurm.cluster import Completed, most_at_once
from slurm.conftest import GPUS
from workflow.conftest import Workflow

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]
CHANGES = {
    "datasets": {"mini": {"groups": 4, "images": 2}},
    "conditions": [{"degradations": ["jadena"], "purifiers": ["source_only", "cosalpure"], "detectors": ["gicd"]}],
    "groups_per_job": {"degrade": 1, "concept": 4, "purify": 2, "detect": 4},  # more GPU jobs at once than GPUs
}


def results(workflow):
    """{path: bytes} of the scores and tables."""
    folder = workflow.folder / "results"
    files = [*folder.glob("score/**/*.parquet"), *folder.glob("tables/*")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_cluster_gives_the_local_run_s_bytes_and_never_more_gpus_than_there_are(cluster, on_cluster, tmp_path):
    (tmp_path / "local").mkdir()
    local = Workflow(tmp_path / "local")
    before = max((int(job.number) for job in cluster.history()), default=0)
    for workflow in (local, on_cluster):
        workflow.set(**CHANGES)
        workflow.run("tables")
    assert len(results(local)) == 2 + 17  # score files; four tables in four formats, and all scores in one
    assert results(on_cluster) == results(local)
    done = [job for job in cluster.history() if int(job.number) > before and job.state == "COMPLETED"]
    assert sum(job.gpus for job in done) == 4 + 1 + 4 + 2  # degrade, concept, purify, detect
    assert 1 < most_at_once(done) <= GPUS
    assert on_cluster.planned("tables") == {}


def test_most_at_once_counts_overlaps_and_not_neighbours():
    def job(start, end, gpus=1):
        return Completed("1", "COMPLETED", "n1", start, end, gpus)

    assert most_at_once([]) == 0
    assert most_at_once([job(1, 10), job(10, 20), job(20, 30)]) == 1
    assert most_at_once([job(1, 10), job(5, 20), job(9, 30, gpus=2), job(3, 7)]) == 4
    assert most_at_once([job(1, 10, gpus=0), job(0, 10)]) == 0  # the last one never started
