"""What goes wrong on clusters, done to a real job: the work goes on, and the scores are those of an undisturbed run.

docs/cluster.md has the table of all faults; those that need no cluster are in tests/workflow/test_faults.py.
"""

import os
import signal
import subprocess
import time

import pytest
from workflow.conftest import Workflow, jobs

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]
PATIENCE = 180  # seconds until a job is found at work
CHANGES = {
    "datasets": {"mini": {"groups": 2, "images": 2}},
    "conditions": [{"degradations": ["jadena"], "purifiers": ["source_only"], "detectors": ["gicd"]}],
    "groups_per_job": dict.fromkeys(("degrade", "concept", "purify", "detect"), 2),
}
SCORES = "results/score/mini/jadena/source_only/gicd.parquet"
RULE = "rule_degrade_images"


class Victim:
    """The first process `cosalpure degrade` of a run: stopped, so that there is time to do something to its job."""

    def __init__(self, cluster, folder):
        end = time.monotonic() + PATIENCE
        self.pid = None
        while self.pid is None:
            assert time.monotonic() < end, "no job came to work"
            time.sleep(0.05)
            self.pid = next((pid for pid, line in jobs(folder) if "cosalpure degrade" in line), None)
        os.kill(self.pid, signal.SIGSTOP)
        ours = {number: where for number, (where, comment) in cluster.running().items() if comment.startswith(RULE)}
        ((self.job, self.node),) = ours.items()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The score file of a run on this machine, without SLURM, without any fault."""
    workflow = Workflow(tmp_path_factory.mktemp("undisturbed"))
    workflow.set(**CHANGES)
    workflow.run("score")
    return (workflow.folder / SCORES).read_bytes()


def start(workflow, *arguments):
    """Start the degradation on the cluster, the head's output in head.log."""
    workflow.set(**CHANGES)
    with (workflow.folder / "head.log").open("w") as log:
        command = workflow.command("degrade", *arguments)
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=workflow.folder)


def scores(workflow):
    """Finish on this machine what the cluster began; the bytes of the scores."""
    Workflow.run(_local(workflow), "score")
    assert not list(workflow.folder.rglob("results/**/*.partial"))
    return (workflow.folder / SCORES).read_bytes()


def _local(workflow):
    local = object.__new__(Workflow)
    local.__dict__.update(workflow.__dict__)
    return local


def survive(cluster, workflow, fault, *arguments):
    """Do `fault` to the first job; the head's output, which must have ended well by itself, and its jobs' states."""
    before = len(cluster.history())
    head = start(workflow, *arguments)
    fault(Victim(cluster, workflow.folder))
    status, output = head.wait(), (workflow.folder / "head.log").read_text()
    assert status == 0, output[-4000:]
    return output, states_since(cluster, before)


def jobs_since(cluster, before):
    """The jobs that ended after the first `before` ones, in the order of their submission."""
    return sorted(cluster.history(), key=lambda job: int(job.number))[before:]


def states_since(cluster, before):
    return [job.state for job in jobs_since(cluster, before)]


def test_killed_job(cluster, on_cluster, undisturbed):
    output, states = survive(cluster, on_cluster, lambda victim: os.kill(victim.pid, signal.SIGKILL))
    assert states == ["COMPLETED", "FAILED", "COMPLETED"]  # the dataset, the victim, its successor
    assert "Trying to restart" in output
    assert scores(on_cluster) == undisturbed


def test_cancelled_job(cluster, on_cluster, undisturbed):
    _, states = survive(cluster, on_cluster, lambda victim: subprocess.run(["scancel", victim.job], check=True))
    assert states == ["COMPLETED", "CANCELLED", "COMPLETED"]
    assert scores(on_cluster) == undisturbed


def test_job_that_hangs_until_its_time_limit(cluster, on_cluster, undisturbed):
    longer = ("--set-resources", "degrade_images:runtime=1 * attempt")
    _, states = survive(cluster, on_cluster, lambda victim: None, *longer)  # it stays stopped
    assert states == ["COMPLETED", "TIMEOUT", "COMPLETED"]
    assert scores(on_cluster) == undisturbed


def test_job_out_of_memory(cluster, on_cluster, undisturbed):
    more = ("--set-resources", "degrade_images:mem_mb=250 * 20 ** (attempt - 1)")
    before = len(cluster.history())
    head = start(on_cluster, *more)
    assert head.wait() == 0, (on_cluster.folder / "head.log").read_text()[-4000:]
    states = states_since(cluster, before)
    assert states[0] == states[-1] == "COMPLETED" and states[1] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert len(states) == 3
    assert scores(on_cluster) == undisturbed


def test_lost_node(cluster, on_cluster, undisturbed):
    lost, before = [], len(cluster.history())

    def fault(victim):
        lost.append(victim.node)
        cluster.lose_node(victim.node)

    try:
        _, states = survive(cluster, on_cluster, fault)
    finally:
        for node in lost:
            cluster.start_node(node)
    assert states == ["COMPLETED", "NODE_FAIL", "COMPLETED"]
    victim, successor = jobs_since(cluster, before)[1:]
    assert victim.nodes == lost[0] != successor.nodes
    assert scores(on_cluster) == undisturbed


def test_killed_head(cluster, on_cluster, undisturbed):
    head = start(on_cluster)
    victim = Victim(cluster, on_cluster.folder)
    head.kill()
    head.wait()
    refused = on_cluster.run("degrade", check=False)
    assert refused.returncode != 0 and "--unlock" in refused.stdout  # the dead head's lock
    os.kill(victim.pid, signal.SIGCONT)  # its job ends well, with nobody to see it: wait, or scancel
    while cluster.active():
        time.sleep(0.5)
    on_cluster.run("--unlock")
    on_cluster.run("degrade")
    assert scores(on_cluster) == undisturbed
