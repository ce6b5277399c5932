"""A cluster for the tests of this folder, and the small workflow on it. Skipped, with the reason, where none can be."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from slurm.cluster import Cluster, why_no_accounts, why_not
from workflow.conftest import ROOT, Workflow

GPUS = (1, 1, 1, 2)  # of each node; the last node is the partition `wide`


class ClusterWorkflow(Workflow):
    """The small workflow, run by the profile for SLURM; only its waits are cut short, for jobs of seconds.

    `at_home` runs it in the same folder on this machine, with `warm` jobs.
    """

    def __init__(self, folder, warm):
        super().__init__(folder)
        self.at_home = Workflow(folder, warm)
        self.profile = folder / "profile"
        shutil.copytree(ROOT / "profiles/slurm", self.profile)

    def edit_profile(self, **values):
        """Give keys of the profile another value, each where it comes first; one that is commented out is put in force."""
        file = self.profile / "config.yaml"
        text = file.read_text()
        for key, value in values.items():
            text, found = re.subn(rf"(?m)^( *)(?:# )?{re.escape(key)}: .*$", rf"\g<1>{key}: {value}", text, count=1)
            assert found, f"no line of the profile has the key {key}"
        file.write_text(text)

    def command(self, *arguments, cores=None):
        options = ["--snakefile", ROOT / "Snakefile", "--directory", self.folder]
        options += ["--workflow-profile", self.profile, "--latency-wait", 10]
        options += ["--slurm-init-seconds-before-status-checks", 3]
        options += ["--configfile", self.folder / "config.yaml", self.variant]
        return [sys.executable, "-m", "snakemake", *map(str, arguments), *map(str, options)]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    pytest.importorskip("snakemake_executor_plugin_slurm")
    with Cluster(Path(tmp_path_factory.mktemp("slurm")) / "cluster", gpus=GPUS) as started:
        yield started


@pytest.fixture(scope="session")
def accounting(cluster):
    """The cluster, if it keeps accounts, and with them the limits of a QOS."""
    if reason := why_no_accounts():
        pytest.skip(reason)
    return cluster


@pytest.fixture
def on_cluster(cluster, tmp_path, warm):
    (tmp_path / "on_cluster").mkdir()
    return ClusterWorkflow(tmp_path / "on_cluster", warm)
