"""Each benchmark runs at its smallest size, and finds ours and the reference procedure equal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALLEST = {
    "metrics": ["--images", "3", "--side", "32"],
    "purify_group": ["--images", "1", "--groups", "1"],
    "textual_inversion": ["--steps", "2", "--batch", "2", "--images", "2", "--weight-decay", "0"],
}


def bench(name, summary, *arguments):
    command = [sys.executable, ROOT / f"benchmarks/{name}.py", "--summary", summary, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "name", [name if name == "metrics" else pytest.param(name, marks=pytest.mark.long) for name in SMALLEST]
)
def test_results_equal_the_reference_procedure_s(name, tmp_path):
    done = bench(name, tmp_path / "summary.json", *SMALLEST[name])
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    rows = {row["name"]: row for row in summary["rows"]}
    assert summary["difference"] < 1e-3
    assert rows["total_cpu_s"]["ratio"] > 0 and rows["peak_mb"]["ours"] > 50


UNEQUAL = """
from side_by_side import main
def measure(variant, options):
    import torch
    return {"seconds": 2.0 if variant == "reference" else 1.0}, torch.full((3,), options.apart * (variant == "ours"))
main("doc", __file__, "Made up", measure, lambda parser: parser.add_argument("--apart", type=float), 1e-3, "values")
"""


@pytest.mark.parametrize(("apart", "status"), [("0.0005", 0), ("0.002", 1)])
def test_unequal_results_end_with_status_1(apart, status, tmp_path):
    (tmp_path / "made_up.py").write_text(UNEQUAL)
    command = [sys.executable, tmp_path / "made_up.py", "--apart", apart]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "benchmarks")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert ("THE RESULTS ARE NOT EQUAL" in done.stdout) == bool(status)
    assert "| seconds | 1 | 2 | 2.0 |" in done.stdout
