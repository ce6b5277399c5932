"""The house rules that a reviewer would otherwise have to check by hand."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from cosalpure.experiment import reference

ROOT = Path(__file__).resolve().parents[1]


def test_schema_is_generated_from_the_settings():
    text = (ROOT / "config/schema.json").read_text()
    assert text == reference.schema_text(), "regenerate: cosalpure config schema > config/schema.json"


def test_configuration_docs_are_generated_from_the_settings():
    text = (ROOT / "docs/configuration.md").read_text()
    assert text == reference.docs_text(), "regenerate: cosalpure config docs > docs/configuration.md"


def test_conda_environment_equals_the_pinned_requirements():
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    environment = yaml.safe_load((ROOT / "envs/cosalpure.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == pins, "copy requirements.txt into envs/cosalpure.yaml"


def test_every_direct_dependency_is_pinned():
    import tomllib

    direct = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {line.split("==")[0].lower() for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert {re.split(r"[><=]", name)[0] for name in direct} <= pinned


def test_help_and_settings_import_nothing_heavy():
    code = "import sys, cosalpure.cli, cosalpure.experiment.parse; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "diffusers", "transformers", "pandas", "scipy", "skimage"} & set(modules)


def test_shipped_data_and_weights_stay_below_40_mb():
    files = [path for path in (ROOT / "resources").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40e6
    assert sum(path.stat().st_size for path in files if path.suffix == ".webp") < 12e6


def test_only_the_readme_of_results_is_in_git():
    listed = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["results/README.md"]
