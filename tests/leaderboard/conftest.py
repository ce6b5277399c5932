"""A finished run of a detector that came by pip, and the entries that are made of it."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cosalpure.cli import main

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = """
experiment: tiny
seed: 1
datasets: {tiny: {source: mini, groups: 2, images: 4, size: 32}}
degradations: {none: {}, noise: {method: random_noise, role: attack}}
purifiers:
  source_only: {}
  jpeg: {role: control}
  smooth: {method: jpeg, quality: 20, role: ours, label: Smooth}
detectors: {border_contrast: {label: Border contrast}}
conditions:
  - {degradations: [none], purifiers: [source_only]}
  - {degradations: [noise], purifiers: [source_only, jpeg, smooth]}
"""
CONDITIONS = [("none", "source_only"), *(("noise", purifier) for purifier in ("source_only", "jpeg", "smooth"))]
ABOUT = "name: {name}\nauthors: [A. Author]\nlicence: MIT\npackage: border-contrast==1.0\n"


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The example's package as pip installs it, on the path."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "docs/examples", folder / "source")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    site = folder / "site"
    words = ["-m", "pip", "install", *offline, "--target", str(site), str(folder / "source")]
    subprocess.run([sys.executable, *words], check=True)
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))


@pytest.fixture(scope="session")
def run(package, tmp_path_factory):
    """The folder of a run, by the commands that a person types."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.yaml").write_text(EXPERIMENT)
    results = folder / "results"
    data = results / "data/tiny"
    commands = [["data", "tiny", "--settings", "{source: mini, groups: 2, images: 4, size: 32}", "--output", str(data)]]
    for degradation, method in (("none", "none"), ("noise", "random_noise")):
        output = str(results / "degrade/tiny" / degradation)
        commands.append(["degrade", method, "--data", str(data), "--output", output, "--seed", "1"])
    for degradation, purifier in CONDITIONS:
        commands += _condition(results, data, degradation, purifier)
    for words in commands:
        assert main(words) == 0
    return folder


def _condition(results, data, degradation, purifier):
    method, settings = ("jpeg", "{quality: 20}") if purifier == "smooth" else (purifier, "{}")
    degraded = str(results / "degrade/tiny" / degradation)
    purified = str(results / "purify/tiny" / degradation / purifier)
    maps = str(results / "detect/tiny" / degradation / purifier / "border_contrast")
    table = str(results / "score/tiny" / degradation / purifier / "border_contrast.parquet")
    where = ["--data", str(data)]
    return [
        ["purify", method, *where, "--images", degraded, "--settings", settings, "--output", purified],
        ["detect", "border_contrast", *where, "--images", purified, "--output", maps],
        ["score", *where, "--images", purified, "--maps", maps, "--output", table]
        + ["--condition", "tiny", degradation, purifier, "border_contrast"],
    ]


@pytest.fixture(scope="session")
def noise(run, tmp_path_factory):
    """The entry of the run's attack, with its bound."""
    return submitter(run, tmp_path_factory.mktemp("noise"))("attack", "noise", f"bound: {16 / 255}")


@pytest.fixture
def attack(noise, tmp_path):
    """A copy of that entry, to be changed."""
    return Path(shutil.copytree(noise.parent, tmp_path / "leaderboard/attack"), noise.name)


@pytest.fixture
def submit(run, tmp_path):
    """A function that submits an entry of the run: its JSON file."""
    return submitter(run, tmp_path)


def submitter(run, tmp_path):
    def make(track, name, *lines):
        about = tmp_path / f"{name}.yaml"
        about.write_text("\n".join([ABOUT.format(name=name.capitalize()), *lines]))
        words = ["submit", str(run / "results"), "--track", track, "--entry", name, "--about", str(about)]
        output = tmp_path / "leaderboard"
        assert main([*words, "--experiment", str(run / "tiny.yaml"), "--output", str(output)]) == 0
        return output / track / f"{name}.json"

    return make


class Submission:
    """An entry's two files, to be changed."""

    def __init__(self, path):
        self.path, self.table = path, path.with_suffix(".parquet")
        self.values, self.rows = json.loads(path.read_text()), pd.read_parquet(self.table)

    def save(self, rehash=True):
        """Write both files, by default with the right hash and number of rows."""
        self.rows.to_parquet(self.table, index=False)
        if rehash:
            self.values["scores"]["sha256"] = hashlib.sha256(self.table.read_bytes()).hexdigest()
            self.values["scores"]["rows"] = len(self.rows)
        self.path.write_text(json.dumps(self.values))
