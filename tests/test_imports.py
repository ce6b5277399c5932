"""What answers at once must not load the heavy packages: help, checks, plans, and the head of the workflow."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "diffusers", "transformers", "scipy", "matplotlib"}
COMMANDS = {
    "help": ["cosalpure", "--help"],
    "help of a command with choices": ["cosalpure", "detect", "--help"],
    "config check": ["cosalpure", "config", "check"],
    "plan": ["cosalpure", "plan", "config/paper.yaml"],
    "weights list": ["cosalpure", "weights", "list"],
    "dry run": ["snakemake", "--dry-run", "--quiet", "--nolock"],
    "dry run of the paper's": ["snakemake", "-n", "-q", "--nolock", "--configfile", "config/paper.yaml"],
}


def imported(*command):
    """The top-level packages that `python COMMAND` imports."""
    done = subprocess.run([sys.executable, "-X", "importtime", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_heavy_is_imported(name):
    found = imported("-m", *COMMANDS[name])
    assert "cosalpure" in found or name == "help"
    assert not found & HEAVY


@pytest.mark.slow
def test_the_measure_sees_what_is_imported():
    assert "torch" in imported("-c", "import cosalpure.degrade.jadena")


@pytest.mark.parametrize("module", ["cosalpure.timing", "cosalpure.environment", "cosalpure.record"])
def test_times_and_records_need_the_standard_library_alone(module):
    assert not imported("-c", f"import {module}") & {*HEAVY, "pandas", "numpy", "PIL", "yaml", "pydantic"}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cosalpure.score", "cosalpure.tables.stage", "cosalpure.report.overview"])
def test_scores_tables_and_figures_need_no_torch(module):
    assert not imported("-c", f"import {module}") & {"torch", "diffusers", "transformers"}


def test_definitions_of_tables_are_light():
    assert not imported("-c", "import cosalpure.tables") & {"numpy", "pandas", "scipy"}


@pytest.mark.slow
def test_detectors_and_attacks_need_no_diffusion_library():
    found = imported("-c", "import cosalpure.detect.stage, cosalpure.detect.gicd, cosalpure.degrade.stage")
    assert "torch" in found and not found & {"diffusers", "transformers", "scipy"}


def test_quality_of_images_needs_no_statistics_of_scipy():
    code = (
        "import sys, numpy as np; from cosalpure.score.quality import image_quality; x = np.ones((9, 9, 3), np.uint8); "
    )
    code += "image_quality(x, x); assert 'skimage' in sys.modules and 'scipy.stats' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
