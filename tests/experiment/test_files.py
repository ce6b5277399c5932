"""An experiment is one complete file; variants go over it. Anything else is one line that says what to type."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cosalpure.errors import UserError
from cosalpure.experiment.files import check_files, merge, read_files

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "mini.yaml": "experiment: mini\nconcept: {steps: 60, batch: 8}\n",
    "paper.yaml": "experiment: paper\nconcept: {steps: 2000}\n",
    "any.yaml": "concept: {steps: 5}\n",
    "small.yaml": "variant_of: mini\nconcept: {steps: 3}\n",
    "both.yaml": "variant_of: [mini, own]\nseed: 1\n",
    "list.yaml": "- 1\n",
    "broken.yaml": "a: [1\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_variants_go_over_an_experiment_in_their_order(folder):
    assert read_files(["mini.yaml"])["concept"] == {"steps": 60, "batch": 8}
    merged = read_files(["mini.yaml", "any.yaml", "small.yaml", "both.yaml"])
    assert merged["concept"] == {"steps": 3, "batch": 8} and merged["seed"] == 1


def test_lists_are_replaced_whole_as_snakemake_does():
    assert merge({"a": [1, 2], "b": {"c": 1}}, {"a": [3], "b": {"d": 2}}) == {"a": [3], "b": {"c": 1, "d": 2}}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["any.yaml"], "any.yaml is a variant .* name an experiment before it, for example: config.yaml any.yaml"),
        (["any.yaml", "small.yaml"], "for example: config.yaml any.yaml small.yaml"),
        (["mini.yaml", "paper.yaml"], "mini.yaml and paper.yaml are two experiments"),
        (["any.yaml", "mini.yaml"], "stands before its experiment; the order is: mini.yaml any.yaml"),
        (["paper.yaml", "small.yaml"], "small.yaml is a variant of mini; paper.yaml is named 'paper'"),
        (["paper.yaml", "both.yaml"], "both.yaml is a variant of mini or own; paper.yaml is named 'paper'"),
        (["other.yaml"], "other.yaml: no such file"),
        (["list.yaml"], "list.yaml: expected keys and values, found list"),
        (["mini.yaml", "broken.yaml"], "broken.yaml: not YAML"),
    ],
)
def test_any_other_list_of_files_is_refused_in_one_line(folder, names, message):
    with pytest.raises(UserError, match=message) as caught:
        check_files(names)
    assert len(str(caught.value).splitlines()) == 1


def dry_run(folder, *files):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--snakefile", ROOT / "Snakefile"]
    command += ["--directory", folder, "--workflow-profile", ROOT / "profiles/default", "--configfile", *files]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder)


def commands(folder, *files):
    done = dry_run(folder, *files)
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(
        line.strip() for line in (done.stdout + done.stderr).splitlines() if "Shell command: cosalpure " in line
    )


TUNED = {  # ten values of the miniature
    "split: test": "split: dev",
    "resolution: 64  # px": "resolution: 96",
    "steps: 60": "steps: 61",
    "batch: 8": "batch: 7",
    "learning_rate: 0.05": "learning_rate: 0.06",
    "timesteps: [400, 1000]": "timesteps: [300, 900]",
    'templates: ["a photo of {token}"]': 'templates: ["{token}"]',
    "timestep: 40  # T": "timestep: 50",
    "steps: 75": "steps: 100",
    "guidance_scale: 3.0": "guidance_scale: 2.0",
}


@pytest.mark.slow
def test_nothing_of_the_default_experiment_reaches_the_paper_experiment(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    shutil.copy(ROOT / "config.yaml", tmp_path)
    before = commands(tmp_path, "config/paper.yaml")
    text = (ROOT / "config.yaml").read_text()
    for old, new in TUNED.items():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "config.yaml").write_text(text)
    assert commands(tmp_path, "config/paper.yaml") == before and len(before) > 1000
    assert '"resolution": 768' in "".join(before) and '"resolution": 128' not in "".join(before)


@pytest.mark.slow
def test_snakemake_refuses_what_is_not_one_experiment_with_variants(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    shutil.copy(ROOT / "config.yaml", tmp_path)
    for files, message in [
        (["config/variants/ablations.yaml"], "name an experiment before it"),
        (["config.yaml", "config/paper.yaml"], "are two experiments"),
    ]:
        done = dry_run(tmp_path, *files)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert sum(line.startswith("cosalpure: ") and message in line for line in done.stderr.splitlines()) == 1
