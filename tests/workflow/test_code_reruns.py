"""What an edit of code reruns: a copy of the package and a plug-in, whose files are edited, on one tiny group."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = '''
"""A detector of one's own: what is bright."""


class Bright:
    label = "bright"

    def __init__(self, settings):
        pass

    def __call__(self, images, given):
        return (images.mean(1, keepdim=True) > 0.5).float()
'''
EXPERIMENT = {
    "datasets": {"mini": {"groups": 1, "images": 2}},
    "degradations": {"jadena": {"steps": 1}},
    "concept": {"steps": 2, "batch": 1},
    "detectors": {"bright": {}},
    "statistics": {"samples": 100},
    "conditions": [
        {"degradations": ["none"], "purifiers": ["source_only"], "detectors": ["poolnet", "bright"]},
        {
            "degradations": ["jadena"],
            "purifiers": ["source_only", "jpeg", "cosalpure"],
            "detectors": ["poolnet", "bright"],
        },
    ],
    "purifiers": {"jpeg": {}},
}


class Clone:
    """A clone of the repository with a plug-in beside it; `git` works in it."""

    def __init__(self, folder, warm):
        self.folder, self.site, self.warm = folder / "clone", folder / "site", warm
        for name in ("cosalpure", "rules", "envs", "config", "profiles"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, self.folder)
        (self.folder / "small.yaml").write_text(yaml.safe_dump(EXPERIMENT))
        self.site.mkdir()
        (self.site / "bright.py").write_text(PLUGIN)
        self.install("1.0")
        for command in (["init", "--quiet"], ["add", "Snakefile"], self.commit):
            subprocess.run(["git", *command], cwd=self.folder, check=True)

    commit = [
        *("-c", "user.name=test", "-c", "user.email=test@example.org"),
        *("commit", "--quiet", "--allow-empty", "-m", "a commit"),
    ]

    def install(self, version):
        """Install a version of the plug-in."""
        for old in self.site.glob("*.dist-info"):
            shutil.rmtree(old)
        about = self.site / f"bright-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bright\nVersion: {version}\n")
        (about / "entry_points.txt").write_text("[cosalpure.detectors]\nbright = bright:Bright\n")

    def call(self, command, *arguments):
        environment = os.environ | {"PYTHONPATH": f"{self.folder}{os.pathsep}{self.site}"}
        done = subprocess.run(
            [self.warm.bin / command, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def snakemake(self, *options):
        return self.call("snakemake", "--cores", "2", *options, "--configfile", "config.yaml", "small.yaml")

    def status(self):
        return self.call("cosalpure", "status", "config.yaml", "small.yaml")

    def planned(self):
        """What a dry run would run: {rule: jobs}."""
        lines = self.snakemake("--dry-run", "tables").splitlines()
        if "Job stats:" not in lines:
            return {}
        rows = [line.split() for line in lines[lines.index("Job stats:") + 3 :]]
        return {row[0]: int(row[1]) for row in rows[: rows.index([])] if row[0] not in ("tables", "total")}

    @contextmanager
    def edited(self, file, old, new):
        """Edit a file, and undo it, its time too: Python takes files of one time and size for equal."""
        path = self.site / file if file == "bright.py" else self.folder / file
        text, was = path.read_text(), path.stat()
        assert old in text
        path.write_text(text.replace(old, new))
        yield
        path.write_text(text)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.fixture(scope="module")
def clone(tmp_path_factory, warm):
    clone = Clone(tmp_path_factory.mktemp("reruns"), warm)
    clone.snakemake("tables")
    return clone


TABLES = {"build_table": 4, "collect_scores": 1}
ONE = {"purify_images": 1, "detect_cosaliency": 2, "score_maps": 2, "build_table": 3, "collect_scores": 1}
OF_BRIGHT = {"detect_cosaliency": 4, "score_maps": 4} | TABLES
OF_ALL_MAPS = {"detect_cosaliency": 8, "score_maps": 8} | TABLES
EDITS = {  # file: old, new, what reruns
    "bright.py": ("> 0.5", "< 0.5", OF_BRIGHT),
    "cosalpure/detect/stage.py": ("* 255)", "* 254)", OF_ALL_MAPS),
    "cosalpure/networks/poolnet.py": ("F.interpolate(", "F.upsample(", OF_BRIGHT),  # as many of poolnet
    "cosalpure/purify/jpeg.py": ("through_jpeg(", "1 * through_jpeg(", ONE),
    "cosalpure/purify/stage.py": ('"purify"', '"purified"', {"purify_images": 4} | OF_ALL_MAPS),
    "cosalpure/concept/stage.py": ("0, len(groups)", "1, len(groups)", {"learn_concepts": 1} | ONE),
    "cosalpure/score/metrics.py": ("return ", "return 0 + ", {"score_maps": 8} | TABLES),
    "cosalpure/score/statistics.py": ("return ", "return 0 + ", TABLES),
    "cosalpure/purify/dda.py": ("return ", "return 0 + ", {}),
}


@pytest.mark.parametrize("file", EDITS)
def test_an_edit_reruns_exactly_what_depends_on_it(clone, file):
    old, new, rerun = EDITS[file]
    with clone.edited(file, old, new):
        assert clone.planned() == rerun


def test_prose_and_commits_rerun_nothing(clone):
    assert clone.planned() == {}
    with clone.edited("cosalpure/detect/stage.py", '"""The detect stage:', '# A comment.\n"""Detection:'):
        assert clone.planned() == {}
    subprocess.run(["git", *clone.commit], cwd=clone.folder, check=True)
    assert clone.planned() == {}


def test_another_version_of_a_plugin_reruns_its_maps(clone):
    clone.install("1.1")
    assert clone.planned() == OF_BRIGHT
    clone.install("1.0")


def test_status_says_what_would_run_and_touch_accepts_it(clone):
    assert clone.status().endswith("nothing would run\n")
    files = {file: file.read_bytes() for file in clone.folder.glob("results/**/*.parquet")}
    with clone.edited("bright.py", "> 0.5", "< 0.5"):
        lines = [line.split() for line in clone.status().splitlines()]
        (line,) = [line for line in lines if line[:2] == ["detect", "mini/jadena/jpeg/bright"]]
        assert {"1/1", "was", "is", "bright"} <= set(line)
        assert lines[-1] == "12 of these jobs would run".split()
        clone.snakemake("--touch", "tables")  # as docs/explanation/provenance.md says
        assert clone.status().endswith("nothing would run\n")
    assert {file: file.read_bytes() for file in files} == files
    assert clone.planned() == OF_BRIGHT  # what was accepted is the other code
    clone.snakemake("--touch", "tables")
