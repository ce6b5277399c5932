"""Relative paths of an experiment begin at its project or in the package, never at where the user stands."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cosalpure.cli import main
from cosalpure.experiment.parse import load, load_files
from cosalpure.experiment.project import Places, project_of, where_it_runs
from cosalpure.weights import COLUMNS

ROOT = Path(__file__).parents[2]
METHOD = "class Mine:\n    def __init__(self, settings): ...\n    def __call__(self, images, given): return images\n"
EXPERIMENT = {
    "experiment": "own",
    "datasets": {"photos": {"source": "folder", "path": "photos", "groups": 1}},
    "degradations": {"none": {}},
    "purifiers": {
        "mine": {"method": "methods/mine.py:Mine"},
        "adm": {"method": "diffpure", "weights": "weights/own.pt"},
    },
    "detectors": {
        "two": {"method": "gicd", "weights": ["weights/a.pth", "weights/gicd_ginet.pth"]},
        "small": {"method": "gicd", "weights": "bundled:mini/weights/gicd.safetensors"},
        "trained": {"method": "gicd", "weights": "results/models/gicd.safetensors"},
    },
    "text_to_image": {"path": "models/sd"},
    "conditions": [{"degradations": ["none"], "purifiers": ["mine"]}],
}


@pytest.fixture
def project(tmp_path):
    """A project with a Snakefile, its experiment in a folder below it."""
    project = tmp_path / "study"
    (project / "config").mkdir(parents=True)
    (project / "methods").mkdir()
    (project / "methods/mine.py").write_text(METHOD)
    (project / "config/own.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    (project / "Snakefile").write_text("")
    return project


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another folder, where the user stands."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def paths(its):
    """All paths of the experiment above."""
    return [
        its.datasets["photos"].path,
        its.purifiers["mine"].method,
        its.purifiers["adm"].settings.weights,
        *its.detectors["two"].settings.weights,
        its.detectors["small"].settings.weights,
        its.detectors["trained"].settings.weights,
        its.text_to_image.path,
    ]


WRITTEN = [
    "photos",
    "methods/mine.py:Mine",
    "weights/own.pt",
    "weights/a.pth",
    "weights/gicd_ginet.pth",
    "bundled:mini/weights/gicd.safetensors",
    "results/models/gicd.safetensors",
    "models/sd",
]
STAY = WRITTEN[4:7]  # downloaded, bundled, made by the workflow


def test_in_the_project_nothing_changes(project, monkeypatch):
    monkeypatch.chdir(project)
    assert paths(load_files(["config/own.yaml"])) == WRITTEN


def test_from_elsewhere_paths_lead_to_the_project(project, elsewhere):
    found = paths(load_files([project / "config/own.yaml"]))
    assert found == [its if its in STAY else f"{project}/{its}" for its in WRITTEN]


def test_without_a_snakefile_paths_begin_beside_the_file(project, elsewhere):
    (project / "Snakefile").unlink()
    (project / "config/methods").symlink_to(project / "methods")
    assert paths(load_files([project / "config/own.yaml"]))[0] == f"{project}/config/photos"


def test_a_folder_below_the_working_directory_is_named_relative_to_it(project, monkeypatch):
    monkeypatch.chdir(project.parent)
    assert paths(load_files(["study/config/own.yaml"]))[0] == "study/photos", "so a folder that is moved reruns nothing"


def test_snakemake_s_values_follow_the_experiment_file(project, elsewhere):
    assert paths(load(EXPERIMENT, "config", project / "config/own.yaml"))[0] == f"{project}/photos"


@pytest.mark.slow
def test_jobs_of_a_workflow_that_runs_elsewhere_read_the_project_s_files(project, elsewhere):
    (project / "weights").mkdir()
    (project / "weights/a.pth").touch()
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--snakefile", ROOT / "Snakefile"]
    command += ["--configfile", project / "config/own.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f'"path": "{project}/photos"' in done.stdout, "and results lie where it runs:"
    assert f"cosalpure purify {project}/methods/mine.py:Mine --data results/data/photos" in done.stdout
    assert "weights: fetching gicd-ginet" in done.stdout, "and so does what is downloaded"


def test_what_is_downloaded_is_told_by_the_experiment_s_own_table(project, elsewhere):
    row = ["own", "weights", "own.pt", "https://example.org/own.pt", "1", "", "MIT", "tests"]
    (project / "sources.csv").write_text("\n".join(map(",".join, (COLUMNS, row))) + "\n")
    places = Places(project, "sources.csv")
    assert places.of("weights/own.pt") == "weights/own.pt"
    assert places.of("weights/gicd_ginet.pth") == f"{project}/weights/gicd_ginet.pth"


def test_a_symbolic_link_to_an_experiment_belongs_to_where_it_stands(project, elsewhere):
    Path("linked.yaml").symlink_to(project / "config/own.yaml")
    assert project_of("linked.yaml") == Path.cwd()


@pytest.mark.parametrize("command", (["plan"], ["doctor"], ["config", "check"], ["config", "explain"]))
def test_commands_say_the_same_from_everywhere(command, project, elsewhere, monkeypatch, capsys):
    (project / "photos").mkdir()
    file = project / "config/own.yaml"
    status = main([*command, str(file)])
    said = capsys.readouterr()
    monkeypatch.chdir(project)
    assert main([*command, "config/own.yaml"]) == status
    there = capsys.readouterr()
    assert said.err == there.err
    assert said.out.replace(str(file), "config/own.yaml") == there.out


def test_the_results_are_those_of_this_folder_if_it_has_a_snakefile(project, elsewhere):
    file = project / "config/own.yaml"
    with where_it_runs([file]) as files:
        assert Path.cwd() == project and files == ["config/own.yaml"]
    assert Path.cwd() != project
    Path("Snakefile").touch()
    with where_it_runs([file]) as files:
        assert Path.cwd() != project and files == [str(file)]


def test_below_a_project_the_default_experiment_is_the_project_s(project, monkeypatch):
    monkeypatch.chdir(project / "methods")
    with where_it_runs([]) as files:
        assert Path.cwd() == project and files == ["config.yaml"]
