"""The house rules that a reviewer would otherwise have to check by hand."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from cosalpure.experiment import reference

ROOT = Path(__file__).resolve().parents[1]
LOCK = runpy.run_path(str(ROOT / "envs/lock.py"))


def test_schema_is_generated_from_the_settings():
    text = (ROOT / "config/schema.json").read_text()
    assert text == reference.schema_text(), "regenerate: cosalpure config schema > config/schema.json"


def pins():
    """The lines of requirements.txt."""
    return LOCK["pins"]((ROOT / "requirements.txt").read_text())


def test_conda_environment_has_the_pins_of_requirements_txt():
    text = (ROOT / "envs/cosalpure.yaml").read_text()
    assert text == LOCK["conda_text"](pins()), "regenerate: make lock"
    assert yaml.safe_load(text)["dependencies"][-1]["pip"] == pins()


def test_container_installs_requirements_txt_and_pins_nothing_itself():
    text = (ROOT / "envs/cosalpure.def").read_text()
    assert "pip install --no-cache-dir -r /opt/cosalpure/requirements.txt" in text and "==" not in text


def of_extra(project, name):
    """What an extra asks for, with the extras that it names."""
    for text in project["optional-dependencies"][name]:
        wanted = Requirement(text)
        if wanted.name == project["name"]:
            yield from (its for extra in sorted(wanted.extras) for its in of_extra(project, extra))
        else:
            yield text


def test_everything_that_is_asked_for_is_pinned_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {Requirement(pin).name: Requirement(pin) for pin in pins()}
    for text in (*project["dependencies"], *of_extra(project, "dev")):
        wanted = Requirement(text)
        (pin,) = pinned[wanted.name.lower().replace("_", "-")].specifier
        assert pin.operator == "==" and wanted.specifier.contains(pin.version), f"{text}: make lock"


def test_the_pins_of_the_documentation_add_to_the_others():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["docs"]
    further = {Requirement(pin).name for pin in LOCK["pins"]((ROOT / "envs/docs.txt").read_text())}
    assert {Requirement(text).name for text in extra} <= further, "make lock"
    assert not further & {Requirement(pin).name for pin in pins()}


def test_pins_name_no_place_to_download_from():
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.+]*", pin) for pin in pins())


def test_help_and_settings_import_nothing_heavy():
    code = "import sys, cosalpure.cli, cosalpure.console, cosalpure.experiment.parse, cosalpure.verify; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "diffusers", "transformers", "pandas", "scipy", "skimage"} & set(modules)


def test_shipped_data_and_weights_stay_below_40_mb():
    files = [path for path in (ROOT / "cosalpure/assets").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40e6
    assert sum(path.stat().st_size for path in files if path.suffix == ".webp") < 12e6


def test_only_the_readme_of_results_is_in_git():
    listed = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["results/README.md"]
