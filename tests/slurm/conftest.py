"""A cluster for the tests of this folder, and the small workflow on it. Skipped, with the reason, where none can be."""

import sys
from pathlib import Path

import pytest
from slurm.cluster import Cluster, why_not
from workflow.conftest import ROOT, Workflow

GPUS = 3  # one on each node


class ClusterWorkflow(Workflow):
    """The small workflow, run by the profile for SLURM; only its waits are cut short, for jobs of seconds."""

    def command(self, *arguments, cores=None):
        options = ["--snakefile", ROOT / "Snakefile", "--directory", self.folder]
        options += ["--workflow-profile", ROOT / "profiles/slurm", "--latency-wait", 10]
        options += ["--slurm-init-seconds-before-status-checks", 3]
        options += ["--configfile", self.folder / "config.yaml", self.variant]
        return [sys.executable, "-m", "snakemake", *map(str, arguments), *map(str, options)]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    pytest.importorskip("snakemake_executor_plugin_slurm")
    with Cluster(Path(tmp_path_factory.mktemp("slurm")) / "cluster", gpus=1) as started:
        yield started


@pytest.fixture
def on_cluster(cluster, tmp_path):
    (tmp_path / "on_cluster").mkdir()
    return ClusterWorkflow(tmp_path / "on_cluster")
