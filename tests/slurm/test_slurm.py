"""The small workflow on a real SLURM equals the local run, undisturbed and after what goes wrong on clusters.

docs/how-to/cluster-problems.md has the table of all faults; those that need no cluster are in tests/workflow/test_faults.py. One file,
so that one process runs it: a machine carries only one SLURM at a time.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from slurm.cluster import Completed, most_at_once, seconds
from slurm.conftest import GPUS
from workflow.conftest import ROOT, Workflow, jobs

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]
MANY_JOBS = {
    "datasets": {"mini": {"groups": 4, "images": 2}},
    "conditions": [{"degradations": ["jadena"], "purifiers": ["cosalpure"], "detectors": ["gicd"]}],
    "groups_per_job": {"degrade": 1, "concept": 4, "purify": 4, "detect": 4},  # more attacks at once than GPUs
}
PATIENCE = 180  # seconds until a job is found at work
CHANGES = {
    "datasets": {"mini": {"groups": 2, "images": 2}},
    "conditions": [{"degradations": ["jadena"], "purifiers": ["source_only"], "detectors": ["gicd"]}],
    "groups_per_job": dict.fromkeys(("degrade", "concept", "purify", "detect"), 2),
}
SCORES = "results/score/mini/jadena/source_only/gicd.parquet"
RULE = "rule_degrade_images"


def results(workflow):
    """{path: bytes} of the scores, without the records of their jobs, and of the tables."""
    folder = workflow.folder / "results"
    files = [*folder.glob("score/**/*.parquet"), *folder.glob("tables/*")]
    return {str(file.relative_to(folder)): content(file) for file in files}


def content(file):
    """The bytes of a table; of a score file those of its rows alone, as its record names the time and the device."""
    return pd.read_parquet(file).to_parquet() if "score" in file.parts else file.read_bytes()


def test_cluster_gives_the_local_run_s_bytes_and_never_more_gpus_than_there_are(cluster, on_cluster, tmp_path, warm):
    (tmp_path / "local").mkdir()
    local = Workflow(tmp_path / "local", warm)
    before = max((int(job.number) for job in cluster.history()), default=0)
    for workflow in (local, on_cluster):
        workflow.set(**MANY_JOBS)
        workflow.run("table1")
    assert len(results(local)) == 1 + 4  # the scores; the table in four formats
    assert results(on_cluster) == results(local)
    done = [job for job in cluster.history() if int(job.number) > before and job.state == "COMPLETED"]
    assert sum(job.gpus for job in done) == 4 + 1 + 1 + 1  # degrade, concept, purify, detect
    assert 1 < most_at_once(done) <= GPUS.count(1)
    assert on_cluster.planned("table1") == {}


def test_accounts_tell_of_every_job_what_it_asked_for(accounting, on_cluster):
    before = set(accounting.accounts())
    on_cluster.set(**CHANGES)
    on_cluster.run("degrade")
    new, end = [], time.monotonic() + PATIENCE
    while [job["State"] for job in new] != ["COMPLETED", "COMPLETED"]:  # the dataset and its degradation
        assert time.monotonic() < end, new
        time.sleep(0.5)
        new = [job for number, job in accounting.accounts().items() if number not in before]
    asked = {job["Comment"].split("_wildcards")[0]: (job["ReqMem"], "gres/gpu=1" in job["ReqTRES"]) for job in new}
    assert asked == {"rule_make_dataset": ("4000M", False), RULE: ("8000M", True)}


@pytest.mark.long  # tests/test_submit_limits.py asks programs of the same names
def test_jobs_stay_below_the_submit_limit_of_a_qos(accounting, on_cluster):
    before = len(accounting.records())
    on_cluster.set(datasets={f"mini{number}": {"source": "mini", "groups": 2, "images": 2} for number in (1, 2)})
    on_cluster.edit_profile(**{"slurm-qos": "two"})  # which lets a user submit two jobs at a time
    refused = on_cluster.run("data", check=False)
    assert refused.returncode != 0 and len(accounting.records()) == before
    lines = [line for line in refused.stdout.splitlines() if line.startswith("cosalpure:")]
    assert lines == [
        "cosalpure: jobs: 100 in the profile is too much: QOS 'two' (MaxSubmitJobsPerUser) lets you submit 2 at a time; "
        "set jobs: 2, or less while other jobs of yours are there"
    ]
    on_cluster.edit_profile(jobs=2)
    output = on_cluster.run("data").stdout
    assert "sbatch failed" not in output and "Trying to restart" not in output
    new = accounting.records()[before:]
    assert [(job["QOS"], job["JobState"]) for job in new] == [("two", "COMPLETED")] * 3  # `mini` and two more
    queued = [Completed("", "", "", seconds(job["SubmitTime"]), seconds(job["EndTime"]), gpus=1) for job in new]
    assert most_at_once(queued) == 2


def test_options_of_sbatch_in_the_profile_reach_the_job(accounting, on_cluster):
    mail = "--mail-type=FAIL,END --mail-user=me@example.org"
    values = {
        "slurm_account": "tests",
        "constraint": "n2",
        "slurm_extra": f"\"'{mail}'\"",
        "slurm-reservation": "course",
    }
    on_cluster.edit_profile(**values)
    course = ["reservationname=course", "starttime=now", "duration=60", "users=root", "nodes=n2"]
    subprocess.run(["scontrol", "create", "reservation", *course], check=True)
    try:
        on_cluster.run("data")
        job = accounting.records()[-1]
    finally:
        subprocess.run(["scontrol", "delete", "reservationname=course"], check=True)
    asked = {key: job[key] for key in ("Account", "Features", "Reservation", "MailType", "MailUser", "NodeList")}
    assert asked == {
        "Account": "tests",
        "Features": "n2",
        "Reservation": "course",
        "MailType": "END,FAIL",
        "MailUser": "me@example.org",
        "NodeList": "n2",
    }


def test_a_job_with_two_gpus_runs_once(cluster, on_cluster):
    on_cluster.edit_profile(slurm_partition="wide")
    options = ["--snakefile", ROOT / "tests/slurm/gpus.smk", "--directory", on_cluster.folder]
    options += ["--workflow-profile", on_cluster.profile, "--slurm-init-seconds-before-status-checks", 3]
    command = [sys.executable, "-m", "snakemake", *map(str, options)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    seen = {file.name: file.read_text() for file in on_cluster.folder.glob("*.seen")}
    assert seen == dict.fromkeys(("gpu.seen", "model.seen", "gres.seen"), "0,1\n")


def test_jobs_packed_onto_a_node_share_its_gpus_and_one_copy_of_the_weights(cluster, on_cluster, tmp_path, undisturbed):
    scratch, seen = tmp_path / "scratch", {}
    on_cluster.set(**CHANGES | {"groups_per_job": {"degrade": 1}})
    head = on_cluster.command("degrade", "--seconds-between-status-checks", 1)
    head[head.index("--workflow-profile") + 1] = str(ROOT / "profiles/allocation")
    del head[head.index("--slurm-init-seconds-before-status-checks") :][:2]
    node = ["sbatch", "--partition=wide", "--nodes=1", "--exclusive", "--gpus-per-node=2", "--mem=0"]
    subprocess.run(
        [*node, f"--output={on_cluster.folder}/head.log", f"--wrap={shlex.join(head)}"],
        cwd=on_cluster.folder,
        env=os.environ | {"COSALPURE_SCRATCH": str(scratch)},
        check=True,
    )
    while cluster.active():
        for pid, line in jobs(on_cluster.folder):
            if "cosalpure degrade" in line and line not in seen:
                seen[line] = gpus_of(pid)
        time.sleep(0.2)
    assert cluster.history()[-1].state == "COMPLETED", (on_cluster.folder / "head.log").read_text()[-4000:]
    assert sorted(seen.values()) == ["0", "1"]  # one after the other, both would see 0
    copies = [file for file in scratch.rglob("*") if file.is_file() and file.name != "lock"]
    assert [file.name for file in copies] == ["resneta50b.safetensors"]
    assert scores(on_cluster) == undisturbed


def gpus_of(pid):
    """The GPUs that a process may see."""
    words = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return next(word.partition("=")[2] for word in words if word.startswith("CUDA_VISIBLE_DEVICES="))


def test_most_at_once_counts_overlaps_and_not_neighbours():
    def job(start, end, gpus=1):
        return Completed("1", "COMPLETED", "n1", start, end, gpus)

    assert most_at_once([]) == 0
    assert most_at_once([job(1, 10), job(10, 20), job(20, 30)]) == 1
    assert most_at_once([job(1, 10), job(5, 20), job(9, 30, gpus=2), job(3, 7)]) == 4
    assert most_at_once([job(1, 10, gpus=0), job(0, 10)]) == 0  # the last one never started


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
def undisturbed(tmp_path_factory, warm):
    """The score file of a run on this machine, without SLURM, without any fault."""
    workflow = Workflow(tmp_path_factory.mktemp("undisturbed"), warm)
    workflow.set(**CHANGES)
    workflow.run("score")
    return content(workflow.folder / SCORES)


def start(workflow, *arguments):
    """Start the degradation on the cluster, the head's output in head.log."""
    workflow.set(**CHANGES)
    with (workflow.folder / "head.log").open("w") as log:
        command = workflow.command("degrade", *arguments)
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=workflow.folder)


def scores(workflow):
    """Finish on this machine what the cluster began; the content of the scores."""
    workflow.at_home.run("score")
    assert not list(workflow.folder.rglob("results/**/*.partial"))
    return content(workflow.folder / SCORES)


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


@pytest.mark.long  # tests/workflow/test_workflow.py kills one without SLURM
def test_killed_job(cluster, on_cluster, undisturbed):
    output, states = survive(cluster, on_cluster, lambda victim: os.kill(victim.pid, signal.SIGKILL))
    assert states == ["COMPLETED", "FAILED", "COMPLETED"]  # the dataset, the victim, its successor
    assert "Trying to restart" in output
    assert scores(on_cluster) == undisturbed


@pytest.mark.long
def test_cancelled_job(cluster, on_cluster, undisturbed):
    _, states = survive(cluster, on_cluster, lambda victim: subprocess.run(["scancel", victim.job], check=True))
    assert states == ["COMPLETED", "CANCELLED", "COMPLETED"]
    assert scores(on_cluster) == undisturbed


@pytest.mark.long
def test_job_that_hangs_until_its_time_limit(cluster, on_cluster, undisturbed):
    longer = ("--set-resources", "degrade_images:runtime=1 * attempt")
    _, states = survive(cluster, on_cluster, lambda victim: None, *longer)  # it stays stopped
    assert states == ["COMPLETED", "TIMEOUT", "COMPLETED"]
    assert scores(on_cluster) == undisturbed


@pytest.mark.long
def test_job_out_of_memory(cluster, on_cluster, undisturbed):
    more = ("--set-resources", "degrade_images:mem_mb=250 * 20 ** (attempt - 1)")
    before = len(cluster.history())
    head = start(on_cluster, *more)
    assert head.wait() == 0, (on_cluster.folder / "head.log").read_text()[-4000:]
    states = states_since(cluster, before)
    assert states[0] == states[-1] == "COMPLETED" and states[1] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert len(states) == 3
    assert scores(on_cluster) == undisturbed


@pytest.mark.long
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
