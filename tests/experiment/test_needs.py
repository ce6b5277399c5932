"""What an experiment lacks on this machine is one list, and the workflow stops on it before it submits anything."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cosalpure import doctor
from cosalpure.cli import main
from cosalpure.experiment.needs import missing, trainings
from cosalpure.experiment.parse import load_files

ROOT = Path(__file__).resolve().parents[2]
PAPER = "config/paper.yaml"


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A folder with the configuration and nothing else."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_paper_experiment_s_list_is_whole_and_the_user_s_part_comes_first(bare, capsys):
    assert main(["doctor", PAPER]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("MISSING") and "data/imagenet-50/" in lines[0] and "liif-edsr.yaml" in lines[0]
    listed = [line for line in lines if line.startswith("to get")]
    files = ("stable-diffusion-2/", "resneta50b", "256x256", "gicd_ginet", "vgg16", "hrnet", "poolnet")
    archives = ("Cosal2015", "iCoseg", "CoSOD3k", "CoCA")
    for name in (*files, *archives, "results/models/liif-imagenet.safetensors"):
        assert sum(name in line.split(": ")[0] for line in listed) == 1, name
    assert lines[-1] == "1 problem(s)"


def test_a_variant_without_imagenet_lacks_nothing_that_a_user_must_bring(bare, capsys):
    assert main(["doctor", PAPER, "config/variants/liif-edsr.yaml"]) == 0
    output = capsys.readouterr().out
    assert "MISSING" not in output and "edsr-baseline-liif.pth" in output and output.endswith("all is well\n")


def test_what_is_there_is_not_listed(bare):
    settings = load_files([PAPER])
    (bare / "data/imagenet-50").mkdir(parents=True)
    (bare / "weights").mkdir()
    torch.save({"a": torch.zeros(1)}, bare / "weights/poolnet_resnet50_edge.pth")
    assert not any("imagenet-50/" in need.what or "poolnet" in need.what for need in missing(settings))
    (bare / "weights/hrnet_stage3_iter45000.pth").write_text("<html>quota exceeded</html>")
    (need,) = [need for need in missing(settings) if "hrnet" in need.what]
    assert need.provided and "unusable: a web page" in need.remedy
    (training,) = trainings(settings)
    (bare / "results/models").mkdir(parents=True)
    (bare / training.result).touch()
    assert not any(need.rule == "train_network_configured" for need in missing(settings))


def test_the_default_experiment_needs_nothing(bare, capsys):
    assert missing(load_files(["config.yaml"])) == []
    assert main(["doctor"]) == 0 and "all is well" in capsys.readouterr().out


def test_a_path_of_one_s_own_is_not_looked_for_in_git(bare, capsys):
    (bare / "own.yaml").write_text("detectors: {gicd: {weights: mine/gicd.pth}}\n")
    assert main(["doctor", "config.yaml", "own.yaml"]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("MISSING")]
    assert "mine/gicd.pth" in line and "git checkout" not in line and "correct the path" in line


def test_a_bundled_file_that_is_not_there_is_said_to_ship_with_the_package(bare, capsys):
    (bare / "own.yaml").write_text("detectors: {gicd: {weights: 'bundled:mini/weights/lost.safetensors'}}\n")
    assert main(["doctor", "config.yaml", "own.yaml"]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("MISSING")]
    assert "assets/mini/weights/lost.safetensors" in line and "it ships with cosalpure" in line


def test_too_little_disk_is_said_with_both_numbers(bare, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "free_gigabytes", lambda: 3.0)
    assert main(["doctor", PAPER]) == 1
    assert "3.0 GB of free disk, at most 44.1 GB needed" in capsys.readouterr().out


def test_packages_that_an_experiment_needs_are_asked_for(bare, monkeypatch, capsys):
    (bare / "further.yaml").write_text("score: {further: true}\n")
    monkeypatch.setattr(doctor, "installed", lambda package: None if package == "pysodmetrics" else "1.0")
    assert main(["doctor", "config.yaml", "further.yaml"]) == 1
    assert "PROBLEM       pysodmetrics is not installed" in capsys.readouterr().out


def start(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", *arguments, "--snakefile", ROOT / "Snakefile", "--cores", "1"]
    command += ["--workflow-profile", ROOT / "profiles/default", "--configfile", PAPER]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder)


@pytest.mark.slow
def test_the_workflow_stops_on_the_same_list_and_starts_nothing(bare):
    done = start(bare)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for line in doctor.needs_lines(missing(load_files([PAPER]))):
        assert line in done.stderr
    assert "nothing was started" in done.stderr.splitlines()[-1]
    assert not (bare / "results").exists() and not (bare / "logs").exists() and not (bare / "weights").exists()
    assert start(bare, "--dry-run", "--quiet").returncode == 0, "a dry run needs nothing"


def test_what_a_dataset_of_one_s_own_holds_is_said_before_a_run(bare, capsys):
    for name in ("rgb/dog/0.jpg", "rgb/dog/1.jpg", "gt/dog/0.png", "gt/dog/1.png"):
        path = bare / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    pets = "path: pets, images: 'rgb/{group}/*.jpg', truth: 'gt/{group}/{stem}.png'"
    conditions = "{datasets: [pets, other], degradations: [none], purifiers: [source_only], detectors: [gicd]}"
    (bare / "own.yaml").write_text(
        f"datasets: {{pets: {{{pets}}}, other: {{path: pets, images: '*.jpg'}}}}\nconditions: [{conditions}]\n"
    )
    assert main(["doctor", "config.yaml", "own.yaml"]) == 1
    printed = capsys.readouterr().out
    assert "dataset       pets: 1 group, 2 images, 2 ground truths in pets" in printed
    assert "PROBLEM       dataset other: pets: no image matches images: *.jpg; the folder holds gt, rgb;" in printed
