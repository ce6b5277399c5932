"""Mistakes as a new user makes them: one line each that names the fix, and nothing is lost."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.workflow


def cosalpure(*arguments, cwd=None):
    """Run the command; (exit status, lines on standard error)."""
    done = subprocess.run([sys.executable, "-m", "cosalpure", *arguments], capture_output=True, text=True, cwd=cwd)
    return done.returncode, done.stderr.strip().splitlines()


def complaint(workflow, **changes):
    """The lines that say what is wrong when a dry run refuses a configuration."""
    workflow.set(**changes)
    done = workflow.run("--dry-run", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("cosalpure: ")]


def test_unknown_detector(workflow):
    (line,) = complaint(workflow, detectors={"gidc": {}})
    assert "detectors.gidc: " in line and "did you mean 'gicd'?" in line and "gicd, gcagc, poolnet" in line


def test_misspelt_key(workflow):
    (line,) = complaint(workflow, concept={"stpes": 5})
    assert "concept.stpes: " in line and "did you mean 'steps'?" in line and "steps, batch" in line


def test_text_instead_of_a_number(workflow):
    (line,) = complaint(workflow, concept={"steps": "many"})
    assert "concept.steps: " in line and "integer" in line and "'many'" in line


def test_photos_that_are_not_there(workflow):
    (line,) = complaint(workflow, datasets={"mini": {"groups": 2}, "pets": {"path": "my_photos"}})
    assert "datasets.pets: my_photos " in line and "groups: 20" in line


def test_missing_weights(workflow):
    workflow.set(detectors={"gicd": {"weights": "absent.safetensors"}})
    done = workflow.run("--dry-run", check=False)
    assert done.returncode != 0 and "absent.safetensors" in done.stdout and "Traceback" not in done.stdout


def test_missing_folder(tmp_path):
    status, lines = cosalpure("detect", "gicd", "--data", "nowhere", "--images", "nowhere", "--output", str(tmp_path))
    assert status == 1
    (line,) = lines
    assert line.startswith("cosalpure: nowhere/manifest.parquet: ") and "cosalpure data" in line


def test_unknown_method(tmp_path):
    status, lines = cosalpure("purify", "cosalpur", "--data", "x", "--images", "x", "--output", str(tmp_path))
    assert status == 1 and len(lines) == 1
    assert "'cosalpur'" in lines[0] and "did you mean 'cosalpure'?" in lines[0] and "source_only" in lines[0]


def test_settings_that_are_not_settings(tmp_path):
    for text, expected in (("{", "not YAML"), ("3", "expected keys and values"), ("{groups: x}", "valid integer")):
        status, lines = cosalpure("data", "mini", "--output", str(tmp_path / "mini"), "--settings", text)
        assert status == 1 and len(lines) == 1 and expected in lines[0]
    assert not (tmp_path / "mini").exists()


def test_no_write_permission(tmp_path):
    if os.geteuid() == 0:  # root may write anywhere but here
        target = "/proc/mini"
    else:
        tmp_path.chmod(0o500)
        target = str(tmp_path / "mini")
    status, lines = cosalpure("data", "mini", "--output", target, "--settings", "{groups: 1, images: 2}")
    assert status == 1 and len(lines) == 1
    assert os.path.dirname(target) in lines[0]


def test_misused_option_shows_the_usage():
    status, lines = cosalpure("degrade")
    assert status == 2 and lines[0].startswith("Usage: cosalpure degrade")


def test_table_that_is_not_there_yet(tmp_path):
    status, lines = cosalpure("tables", "show", cwd=tmp_path)
    assert status == 1
    (line,) = lines
    assert line.startswith("cosalpure: results/tables/table2.md: ") and "snakemake --cores all" in line


def test_configuration_is_checked_by_hand(tmp_path):
    (tmp_path / "mine.yaml").write_text("experiment: own\nseed: x\n")
    status, lines = cosalpure("config", "check", str(tmp_path / "mine.yaml"))
    assert status == 1 and any("seed: input should be a valid integer, found 'x'" in line for line in lines)


@pytest.mark.parametrize("command", ["--help", "data --help", "purify --help", "--version"])
def test_help_is_there(command):
    assert cosalpure(*command.split())[0] == 0
