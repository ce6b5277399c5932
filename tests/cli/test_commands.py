"""The command line as a whole: help of every command, exit statuses, errors, threads, choices from the registries."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer

from cosalpure import registry
from cosalpure.cli import application, main
from cosalpure.degrade import DEGRADATIONS
from cosalpure.detect import DETECTORS
from cosalpure.errors import UserError
from cosalpure.purify import PURIFIERS
from cosalpure.train import MODELS

ROOT = Path(__file__).resolve().parents[2]


def commands(command=None, name=()):
    """Every command and family of commands, as the words that a user types."""
    command = command or typer.main.get_command(application.app)
    inner = getattr(command, "commands", {})
    return [name, *(found for key, its in inner.items() for found in commands(its, (*name, key)))]


def lines(capsys):
    return capsys.readouterr().err.splitlines()


@pytest.fixture
def plan(monkeypatch):
    """A function that replaces what `cosalpure plan` runs."""
    return lambda run: monkeypatch.setattr("cosalpure.plan.run", run)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help(words, capsys):
    assert main([*words, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"Usage: {' '.join(['cosalpure', *words])}") and printed.err == ""
    assert "{" not in printed.out.split("\n", 1)[1].split("The workflow runs")[0]  # every list of choices is filled


@pytest.mark.slow
def test_no_help_imports_a_heavy_package():
    code = "import sys; from cosalpure.cli import main; [main([*words, '-h']) for words in eval(sys.argv[1])]"
    code += "; sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, repr(commands())], capture_output=True, text=True, check=True)
    assert "cosalpure.bench" in done.stderr.split()
    assert not {"torch", "diffusers", "transformers", "pandas", "scipy", "matplotlib"} & set(done.stderr.split())


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("degrade", DEGRADATIONS.names()),
        ("purify", PURIFIERS.names()),
        ("detect", DETECTORS.names()),
        ("train", MODELS),
    ],
)
def test_help_lists_the_registered_methods(stage, names, capsys):
    assert main([stage, "--help"]) == 0
    words = capsys.readouterr().out.replace(",", " ").replace(". ", " ").replace(".\n", " ").split()
    assert set(names) <= set(words)


@pytest.mark.parametrize("stage", ["degrade", "purify", "detect"])
def test_help_lists_a_plug_in(stage, monkeypatch, capsys):
    family = {"degrade": "degradations", "purify": "purifiers", "detect": "detectors"}[stage]
    points = {f"cosalpure.{family}": [EntryPoint("mine", "package:Mine", f"cosalpure.{family}")]}
    monkeypatch.setattr(registry, "entry_points", lambda group: points.get(group, []))
    assert main([stage, "--help"]) == 0
    assert "mine." in capsys.readouterr().out.split()


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_of_a_command_is_returned(status, monkeypatch):
    monkeypatch.setattr("cosalpure.doctor.run", lambda _: status)
    assert main(["doctor"]) == status


RAISED = {
    "mistakes": (UserError("first\nsecond"), ["cosalpure: first", "cosalpure: second"]),
    "permission": (PermissionError(13, "denied", "a.txt"), ["cosalpure: a.txt: no permission to write or read here"]),
    "disk": (OSError(28, "No space left on device"), ["cosalpure: disk: No space left on device"]),
    "interruption": (KeyboardInterrupt(), ["cosalpure: interrupted; finished groups are kept"]),
}


@pytest.mark.parametrize("name", RAISED)
def test_errors_are_lines_and_status_1(name, plan, capsys):
    error, expected = RAISED[name]

    def fail(*_):
        raise error

    plan(fail)
    assert main(["plan"]) == 1 and lines(capsys) == expected


def test_an_error_of_the_program_keeps_its_traceback(plan):
    def fail(*_):
        raise OSError("no number, no file")

    plan(fail)
    with pytest.raises(OSError, match="no number"):
        main(["plan"])


MISUSED = {
    "plan --no-such-option": "cosalpure plan",
    "degrade": "cosalpure degrade",
    "score --condition a b": "cosalpure score",
    "data mini --seed x": "cosalpure data",
    "tables compare a b --split some": "cosalpure tables compare",
    "tables build a.parquet --output b --only": "cosalpure tables build",
    "weights remove": "cosalpure weights",
    "nothing": "cosalpure",
    "": "cosalpure",
}


@pytest.mark.parametrize("typed", MISUSED)
def test_a_misused_command_shows_its_usage_and_status_2(typed, capsys):
    assert main(typed.split()) == 2
    usage, hint, error = lines(capsys)
    assert usage.startswith(f"Usage: {MISUSED[typed]} [OPTIONS]") and hint == f"Help: {MISUSED[typed]} --help"
    assert error.startswith("cosalpure: ")


def test_an_unknown_model_is_one_line(capsys):
    assert main(["train", "gicdd", "--output", "x"]) == 1
    (line,) = lines(capsys)
    assert "unknown model 'gicdd' (did you mean 'gicd'?)" in line and line.endswith("text-to-image")


def test_threads_are_limited_before_the_command_runs(monkeypatch, tmp_path):
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    for variable in variables:
        monkeypatch.setenv(variable, "64")
    seen = []
    monkeypatch.setattr("cosalpure.data.stage.run", lambda *_, **__: seen.extend(map(os.environ.get, variables)))
    assert main(["data", "mini", "--output", str(tmp_path / "mini"), "--threads", "3"]) == 0
    assert main(["data", "mini", "--output", str(tmp_path / "mini")]) == 0
    assert seen == ["3"] * 3 + ["1"] * 3


def test_options_with_several_values_reach_the_figure(monkeypatch):
    seen = []
    monkeypatch.setattr("cosalpure.report.comparison.draw_comparison", lambda *given: seen.extend(given))
    typed = "report comparison --condition mini jadena --purifiers a b --detectors gicd gcagc --output o.png"
    assert main(typed.split()) == 0
    assert seen[1:6] == ["mini", "jadena", ["a", "b"], ["gicd", "gcagc"], "o.png"]


@pytest.mark.slow
def test_python_runs_the_command():
    done = subprocess.run([sys.executable, "-m", "cosalpure", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2 and "No such command 'nothing'" in done.stderr


def test_config_check_notes_the_entries_that_no_condition_uses(capsys):
    assert main(["config", "check", str(ROOT / "config.yaml")]) == 0
    assert "note" not in capsys.readouterr().out
    assert main(["config", "check", str(ROOT / "config.yaml"), str(ROOT / "config/variants/mini-dev.yaml")]) == 0
    _, note = capsys.readouterr().out.splitlines()
    assert note == (
        "note: no condition uses datasets.mini, purifiers.cosalpure_no_inversion, purifiers.cosalpure_none_concept"
    )
