"""Checkouts of published code: recognised by their files, and what a comparison leaves in the table."""

import csv
import json
import sys
from pathlib import Path

import pytest

from cosalpure import bench, peers
from cosalpure.cli import main
from cosalpure.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


def checkout(folder, peer):
    for file in peer.files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_a_checkout_is_recognised_by_its_files(peer, tmp_path):
    assert peers.recognise(checkout(tmp_path, peer)) is peer
    (tmp_path / peer.files[-1]).unlink()
    with pytest.raises(
        UserError, match="not the top folder of a known repository; known are huggingface/diffusers, V1"
    ):
        peers.recognise(tmp_path)


def test_every_work_names_a_script_that_takes_its_peer():
    for peer in peers.PEERS:
        for work in peer.works:
            assert peer.name in (ROOT / "benchmarks" / work.script).read_text(), work
            assert work.stage in bench.STAGES


def test_mistakes_are_one_line(tmp_path, capsys, monkeypatch):
    liif = next(peer for peer in peers.PEERS if peer.name == "yinboc/liif")
    assert main(["bench", "--peer", str(tmp_path / "nowhere")]) == 1
    assert main(["bench", "--peer", str(tmp_path)]) == 1
    assert main(["bench", "score", "--peer", str(checkout(tmp_path, liif))]) == 1
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert main(["bench", "--peer", str(tmp_path)]) == 1
    assert main(["bench", "--peer", str(tmp_path), "--quick", "--output", "table.csv"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert ["no such folder" in errors[0], "known repository" in errors[1], "has no such stage" in errors[2]] == [
        True
    ] * 3
    assert (
        "torchvision, yaml, imageio, which is not installed" in errors[3]
        and "leave --output out" in errors[4]
        and len(errors) == 5
    )


def row(ratio, low_high):
    numbers = {"name": "step_cpu_s", "ours": 0.1, "reference": 0.2, "original": 0.1234567, "ratio": 2.0, "range": None}
    return numbers | {"original_ratio": ratio, "original_range": low_high, "agreement": 1.62, "agreement_range": None}


def test_rows_replace_those_of_the_same_work_and_peer(tmp_path):
    work, path = peers.PEERS[0].works[0], tmp_path / "peers.csv"
    summary = {"measures": {"step_cpu_s": "a step"}, "differences": {"reference": 0.0, "original": 1.23e-4}}
    for name, ratio in (("a/b", 1.5), ("c/d", 3.0), ("a/b", 1.19)):
        summary["rows"] = [row(ratio, [1.08, 1.27])]
        bench.write_rows(path, bench.peer_rows(name, work, summary))
    first, *lines = path.read_text().splitlines()
    assert first.startswith("# cosalpure bench --peer")
    found = list(csv.DictReader(lines))
    assert [its["original"] for its in found] == ["a/b", "c/d"]
    assert found[0]["original / ours"] == "1.19 (1.08 - 1.27)" and found[0]["reference / original"] == "1.62"
    assert found[0]["original, CPU s"] == "0.123" and found[0]["largest difference"] == "0.00012"


def test_the_smallest_sizes_are_of_the_same_work(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "measured", lambda name, script, options: asked.append((script, options)))
    monkeypatch.setattr(bench, "check_packages", lambda peer: None)
    dda = checkout(tmp_path, next(peer for peer in peers.PEERS if peer.name == "shiyegao/DDA"))
    assert bench.run_peer(dda, [], 1, True, None) == 1, "nothing was measured"
    assert [options[:2] for _, options in asked] == [["--method", "dda"]] * 2
    assert all(options[-2:] == ["--peer", str(tmp_path)] and "--timestep" in options for _, options in asked)


THREE = """
import sys
from side_by_side import main
def measure(variant, options):
    import torch
    print("what a script prints")
    return {"total_cpu_s": {"ours": 1, "reference": 2, "original": 4}[variant]}, torch.full((3,), options.apart * (variant == "original"))
main("doc", __file__, "Made up", measure, lambda parser: parser.add_argument("--apart", type=float), 1e-3, "values", peers=["a/b"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("apart", "status"), [("0.0005", 0), ("0.002", 1)])
def test_the_original_takes_turns_and_its_results_are_compared(apart, status, tmp_path, monkeypatch):
    import subprocess

    (tmp_path / "made_up.py").write_text(THREE)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "benchmarks"))
    command = [sys.executable, tmp_path / "made_up.py", "--apart", apart, "--peer", "somewhere", "--pairs", "2"]
    done = subprocess.run([*command, "--summary", tmp_path / "s.json"], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    (found,) = json.loads((tmp_path / "s.json").read_text())["rows"]
    assert (found["original_ratio"], found["original_range"], found["agreement"]) == (4, [4, 4], 0.5)
    assert "Ours and the original's differ by at most" in done.stdout


NOTEBOOK = [
    "%pdb\nimport nothing_of_this_name",
    "EPSILON = 1\nBETA_SQUARE = .3\nprint(unknown)",
    "def ap(a):\n    return EPSILON",
]


@pytest.mark.slow
def test_functions_are_taken_from_a_notebook_without_its_own_runs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from originals import cosalpure_metrics

    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in NOTEBOOK]
    (tmp_path / "evaluate.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(cosalpure_metrics, "NEEDED", {"ap", "EPSILON", "BETA_SQUARE"})
    assert cosalpure_metrics.load(tmp_path)["ap"](0) == 1
