"""The real workflow in a folder of its own, on three small groups with few steps; the same code as the default."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "datasets": {"mini": {"groups": 3, "images": 4}},
    "degradations": {"jadena": {"steps": 3}},
    "concept": {"steps": 4, "batch": 2},
    "statistics": {"samples": 100},
    "groups_per_job": {"degrade": 2, "concept": 2, "purify": 2, "detect": 3},
}


class Workflow:
    """A working folder with the default configuration, made small, and the repository's rules.

    With `warm`, jobs start at once, and Snakemake, too, in `run`. Without it, all are processes of their own.
    """

    def __init__(self, folder, warm=None):
        self.folder, self.warm = folder, warm
        self.variant = folder / "small.yaml"
        if not self.variant.exists():
            shutil.copy(ROOT / "config.yaml", folder)
            self.set()

    def set(self, **changes):
        """Write the variant: SMALL, `changes` merged over it key by key."""
        from cosalpure.experiment.files import merge

        self.variant.write_text(yaml.safe_dump(merge(SMALL, changes)))

    def command(self, *arguments, cores=2):
        options = ["--snakefile", ROOT / "Snakefile", "--directory", self.folder, "--cores", cores]
        options += ["--workflow-profile", ROOT / "profiles/default"]
        options += ["--configfile", self.folder / "config.yaml", self.variant]  # last: it takes all that follows
        python = self.warm.python if self.warm else sys.executable
        return [python, "-m", "snakemake", *map(str, arguments), *map(str, options)]

    def run(self, *arguments, cores=2, check=True):
        """Run Snakemake to its end; the finished process, its output as text in `.stdout`."""
        command = self.command(*arguments, cores=cores)
        if self.warm:
            command[:3] = [self.warm.bin / "snakemake"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder)
        assert not check or done.returncode == 0, done.stdout[-4000:]
        return done

    def planned(self, *arguments):
        """The names of the rules that a dry run would run, with how often."""
        lines = self.run("--dry-run", *arguments).stdout.splitlines()
        if "Job stats:" not in lines:
            return {}
        rows = [line.split() for line in lines[lines.index("Job stats:") + 3 :]]
        return {row[0]: int(row[1]) for row in rows[: [len(row) for row in rows].index(0)] if row[0] != "total"}

    def kill_one(self, name, *arguments):
        """Start a run, SIGKILL the first job whose command line holds `name`; the exit status of the run."""
        run = subprocess.Popen(
            self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
        )
        victim = None
        while run.poll() is None and victim is None:
            time.sleep(0.2)
            victim = next((pid for pid, line in jobs(self.folder) if name in line), None)
        assert victim is not None, f"no job ran {name}"
        time.sleep(2)  # let it begin its work
        os.kill(victim, signal.SIGKILL)
        return run.wait()

    def take_over(self, other):
        """Begin with the results of another run and Snakemake's records of them."""
        for name in ("results", "logs", ".snakemake"):
            shutil.copytree(other.folder / name, self.folder / name)

    def score_files(self):
        """The rows of all score files."""
        return pd.concat(map(pd.read_parquet, sorted(self.folder.glob("results/score/*/*/*/*.parquet"))))

    def scores(self):
        """All score rows."""
        return pd.read_parquet(self.folder / "results/tables/scores.parquet")


def jobs(folder):
    """(pid, command line) of the processes that run the command `cosalpure` in `folder`; nobody else's."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
            where = (path.parent / "cwd").resolve()
        except OSError:  # it has ended
            continue
        if len(words) > 1 and words[1].endswith("/cosalpure") and where == Path(folder).resolve():
            yield int(path.parent.name), " ".join(words)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, warm):
    """A finished run, shared: tests may ask for dry runs but must leave its files alone. `.output` is its console."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"), warm)
    workflow.output = workflow.run().stdout
    return workflow


@pytest.fixture
def workflow(tmp_path, warm):
    return Workflow(tmp_path, warm)
