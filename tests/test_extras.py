"""What the extras hold, what is said where one is missing, and what `cosalpure workflow` writes."""

import builtins
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cosalpure import extras
from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.weights.downloads import hub_folder
from cosalpure.workflow import names, write

ROOT = Path(__file__).resolve().parents[1]


def test_the_core_has_no_package_of_an_extra_and_each_is_known():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {Requirement(text).name for text in project["dependencies"]}
    assert not core & set(extras.EXTRAS)
    for package, extra in extras.EXTRAS.items():
        assert package in {Requirement(text).name for text in project["optional-dependencies"][extra]}


@pytest.fixture
def without(monkeypatch):
    """Make an import fail as if the package was not installed."""
    real = builtins.__import__

    def missing(package):
        def load(name, *rest):
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named '{package}'", name=package)
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", load)

    return missing


def test_a_missing_extra_is_one_line(without):
    without("huggingface_hub")
    with pytest.raises(UserError, match=r"^huggingface_hub is not installed: pip install 'cosalpure\[download\]'$"):
        hub_folder("owner/name")


def test_a_command_names_the_extra_that_it_lacks(without, monkeypatch, capsys):
    without("tabulate")
    monkeypatch.setitem(extras.EXTRAS, "tabulate", "report")
    assert main(["weights", "list"]) == 1
    assert capsys.readouterr().err == "cosalpure: tabulate is not installed: pip install 'cosalpure[report]'\n"


def test_another_missing_module_stays_an_error(without):
    without("scipy")
    with pytest.raises(ModuleNotFoundError, match="scipy"), extras.optional():
        import scipy  # noqa: F401


def test_the_workflow_is_written_once_and_never_over_something_else(tmp_path, capsys):
    assert main(["workflow", str(tmp_path / "study")]) == 0
    assert f"cd {tmp_path / 'study'} && snakemake --cores all" in capsys.readouterr().out
    assert names(tmp_path / "study") == names(ROOT) and write(tmp_path / "study") == 0
    (tmp_path / "study/config.yaml").write_text("mine: 1\n")
    (tmp_path / "study/Snakefile").unlink()
    assert main(["workflow", str(tmp_path / "study")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cosalpure: {tmp_path}/study/config.yaml: differs")
    assert (tmp_path / "study/config.yaml").read_text() == "mine: 1\n" and not (tmp_path / "study/Snakefile").exists()
