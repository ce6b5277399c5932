"""Each benchmark runs at its smallest size, and finds ours and the reference procedure equal; `cosalpure bench`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosalpure import bench as harness
from cosalpure.cli import main

ROOT = Path(__file__).resolve().parents[1]
SMALLEST = {
    "group_affinity": ["--network", "gconet_plus", "--images", "2", "--side", "64"],
    "baselines": ["--images", "1", "--timestep", "4"],
    "liif_resize": ["--images", "1", "--side", "16"],
    "metrics": ["--images", "3", "--side", "32"],
    "purify_group": ["--images", "1", "--groups", "1"],
    "textual_inversion": ["--steps", "2", "--batch", "2", "--images", "2", "--weight-decay", "0"],
}


def bench(name, summary, *arguments):
    command = [sys.executable, ROOT / f"benchmarks/{name}.py", "--summary", summary, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name == "metrics" else pytest.param(name, marks=pytest.mark.long) for name in SMALLEST]
)
def test_results_equal_the_reference_procedure_s(name, tmp_path):
    done = bench(name, tmp_path / "summary.json", *SMALLEST[name])
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    rows = {row["name"]: row for row in summary["rows"]}
    assert summary["difference"] < 1e-3
    ours, reference = rows["total_cpu_s"]["ours"], rows["total_cpu_s"]["reference"]
    assert rows["total_cpu_s"]["ratio"] == pytest.approx(reference / ours)
    assert all(50 < rows["peak_mb"][variant] < 30_000 for variant in ("ours", "reference")), "of a process, in MB"


UNEQUAL = """
from side_by_side import main
def measure(variant, options):
    import torch
    return {"seconds": 2.0 if variant == "reference" else 1.0}, torch.full((3,), options.apart * (variant == "ours"))
main("doc", __file__, "Made up", measure, lambda parser: parser.add_argument("--apart", type=float), 1e-3, "values")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("apart", "status"), [("0.0005", 0), ("0.002", 1)])
def test_unequal_results_end_with_status_1(apart, status, tmp_path):
    (tmp_path / "made_up.py").write_text(UNEQUAL)
    command = [sys.executable, tmp_path / "made_up.py", "--apart", apart]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "benchmarks")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert ("THE RESULTS ARE NOT EQUAL" in done.stdout) == bool(status)
    assert "| seconds | 1 | 2 | 2.00 |" in done.stdout


@pytest.mark.slow
def test_bench_writes_a_section_a_stage_and_keeps_the_others(tmp_path):
    output = tmp_path / "benchmarks.md"
    harness.replace(output, "purify", "## purify: kept")
    assert main(["bench", "score", "--quick", "--pairs", "2", "--output", str(output)]) == 0
    text = output.read_text()
    assert text.startswith("<!-- Written by `cosalpure bench`") and text.index("## purify: kept") < text.index(
        "## score: Metrics"
    )
    assert "| map_cpu_s |" in text and "The results differ by at most" in text and "cores, load" in text
    harness.replace(output, "purify", "## purify: anew")
    assert output.read_text() == text.replace("kept", "anew")


@pytest.mark.slow
def test_bench_that_finds_unequal_results_fails_and_writes_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/made_up.py").write_text(UNEQUAL)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "benchmarks"))
    monkeypatch.setattr(harness, "FOLDER", tmp_path / "benchmarks")
    monkeypatch.setattr(harness, "STAGES", {"score": ("made_up.py", [], ["--apart", "0.002"])})
    assert main(["bench", "score", "--quick", "--pairs", "1", "--output", str(tmp_path / "p.md")]) == 1
    assert not (tmp_path / "p.md").exists() and "bench score: ended with status 1" in capsys.readouterr().err


def test_bench_mistakes_are_one_line(tmp_path, monkeypatch, capsys):
    assert main(["bench", "purfy"]) == 1
    monkeypatch.setattr(harness, "FOLDER", tmp_path / "nowhere")
    assert main(["bench", "score"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert "did you mean 'purify'?" in errors[0] and "need a clone" in errors[1] and len(errors) == 2


@pytest.mark.long
def test_cost_as_work_grows_has_every_stage(tmp_path):
    options = ["--times", "1", "2", "--images", "2"]
    assert bench("growth", tmp_path / "summary.json", *options).returncode == 0
    rows = json.loads((tmp_path / "summary.json").read_text())["rows"]
    assert [row["stage"] for row in rows] == "data degrade concept purify detect score tables plan".split()
    for row in rows:
        first, second = row["seconds"]
        unit = 24 if row["stage"] in ("tables", "plan") else 1
        fitted = [row["fixed"][0] + times * unit * row["each"][0] for times in (1, 2)]
        assert fitted == pytest.approx([first, second]), "two points lie on their line"
        assert 30 < row["memory"][0] <= row["memory"][1] < 30_000, "of a process, in MB"
