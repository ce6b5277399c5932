"""A method that is named by its file and class, "path/to/file.py:Class", in a configuration and on the command line."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosalpure.cli import main
from cosalpure.detect import DETECTORS
from cosalpure.errors import UserError
from cosalpure.experiment.parse import load

ROOT = Path(__file__).resolve().parents[1]
HALF = '''
"""Half of every image is the object."""
from dataclasses import dataclass
from cosalpure.schema import Model

@dataclass
class Part:
    columns: int

class Half:
    class Settings(Model):
        share: float = 0.5
    label = "left part"
    bibtex = "@misc{half}"
    def __init__(self, settings):
        self.share = settings.share
    def __call__(self, images, given):
        maps = images[:, :1] * 0
        maps[..., : Part(round(self.share * images.shape[-1])).columns] = 1
        return maps
'''
BROKEN = {  # id: (content, method, what the line says)
    "no such file": (None, "half.py:Half", "half.py: no such file"),
    "no class": (HALF, "half.py:Hafl", "half.py: unknown class 'Hafl' (did you mean 'Half'?); choose from: Part, Half"),
    "class not named": (HALF, "half.py", "expected FILE.py:CLASS"),
    "not Python": (HALF, "half.txt:Half", "expected FILE.py:CLASS"),
    "syntax": ("x = 1\nclass Half(\n", "half.py:Half", "cannot be imported: half.py, line 2: SyntaxError: "),
    "import": (
        "import os\nimport no_such_package\n",
        "half.py:Half",
        "cannot be imported: half.py, line 2: ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "exit": ("import sys\n\nsys.exit(3)", "half.py:Half", "cannot be imported: half.py, line 3: SystemExit: 3"),
    "no class but a number": ("Half = 3", "half.py:Half", "expected a class, found 3"),
    "settings of another kind": (
        "class Half:\n    Settings = dict",
        "half.py:Half",
        "Half.Settings: expected a subclass of cosalpure.schema.Model",
    ),
    "label of another kind": ("class Half:\n    label = 3", "half.py:Half", "Half.label: expected str, found 3"),
    "random of another kind": (
        'class Half:\n    random = "no"',
        "half.py:Half",
        "Half.random: expected bool, found 'no'",
    ),
    "files as a text": (
        'class Half:\n    files = "weights"',
        "half.py:Half",
        "Half.files: expected tuple, found 'weights'",
    ),
    "unknown need": ('class Half:\n    needs = ["depth"]', "half.py:Half", "Half.needs: unknown need 'depth'"),
    "need that is not given": (
        'class Half:\n    needs = ["concept"]',
        "half.py:Half",
        "needs 'concept'; a detector is given: label, ground_truth",
    ),
}


@pytest.fixture
def half(tmp_path, monkeypatch):
    """The working directory, with half.py in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(HALF)
    return tmp_path / "half.py"


def config(**detectors):
    return {
        "experiment": "own",
        "datasets": {"mini": {}},
        "degradations": {"none": {}},
        "purifiers": {"source_only": {}},
        "detectors": detectors,
        "conditions": [{"degradations": ["none"], "purifiers": ["source_only"]}],
    }


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_file_is_one_line(case, tmp_path, monkeypatch):
    content, method, words = BROKEN[case]
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / "half.py").write_text(content)
    with pytest.raises(UserError) as caught:
        load(config(mine={"method": method}))
    line = str(caught.value)
    assert line.startswith("config: detectors.mine: detector '" + method) and words in line and "\n" not in line


def test_an_entry_has_the_files_settings_label_and_path(half):
    entry = load(config(mine={"method": "half.py:Half", "share": 0.25})).detectors["mine"]
    assert (entry.label, entry.settings.share, entry.method_file) == ("left part", 0.25, ("half.py",))
    assert load(config(mine={"method": "half.py:Half", "label": "other"})).detectors["mine"].label == "other"
    with pytest.raises(UserError, match=r"detectors\.mine\.shar: unknown key \(did you mean 'share'\?\)"):
        load(config(mine={"method": "half.py:Half", "shar": 0.25}))


def test_a_registered_method_has_no_file():
    assert load(config(poolnet={})).detectors["poolnet"].method_file == ()


@pytest.mark.parametrize(("family", "role"), [("purifiers", "ours"), ("degradations", "attack")])
def test_an_entry_has_the_files_role_unless_it_is_misspelt(family, role, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(f"class Mine:\n    role = {role!r}\n\n\nclass Wrong:\n    role = 'best'\n")
    values = config(poolnet={})
    values[family] |= {"mine": {"method": "mine.py:Mine"}}
    assert getattr(load(values), family)["mine"].role == role
    values[family] |= {"mine": {"method": "mine.py:Wrong"}}
    with pytest.raises(UserError, match=f"{family}.mine: role of its method: unknown role 'best'; choose from: refere"):
        load(values)


def test_a_file_is_a_module_of_its_own_that_follows_its_content(half, tmp_path):
    first = DETECTORS.get("half.py:Half").cls()
    assert DETECTORS.get("half.py:Half").cls() is first and "Half of every image" not in inspect.getsource(first)
    other = tmp_path / "other" / "half.py"
    other.parent.mkdir()
    other.write_text(HALF)
    assert DETECTORS.get("other/half.py:Half").cls().__module__ != first.__module__
    half.write_text(HALF.replace("left part", "left half"))
    changed = DETECTORS.get("half.py:Half")
    assert changed.label == "left half" and changed.cls() is not first
    assert changed.cls().__module__ == first.__module__  # where a comment changed, nothing else may
    assert not list(tmp_path.rglob("__pycache__"))


def test_the_command_line_takes_a_file(half, tmp_path, capsys):
    assert main(["data", "mini", "--output", "mini", "--settings", "{groups: 1, images: 2, size: 32}"]) == 0
    common = ["--data", "mini", "--images", "mini", "--output", "maps"]
    assert main(["detect", "half.py:Half", *common, "--settings", "{share: 0.25}"]) == 0
    assert len(list(Path("maps").rglob("*.png"))) == 2
    capsys.readouterr()
    assert main(["detect", "half.py:Halves", *common]) == 1
    assert "cosalpure: detector 'half.py:Halves': half.py: unknown class" in capsys.readouterr().err


def snakemake(folder, *options):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--directory",
        folder,
        "--cores",
        1,
    ]
    command += ["--workflow-profile", ROOT / "profiles/default", "--configfile", folder / "own.yaml", *options]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder, env=os.environ)


@pytest.mark.slow
def test_a_dry_run_takes_a_file_and_notices_that_it_is_gone(half, tmp_path):
    (tmp_path / "own.yaml").write_text(str(config(mine={"method": "half.py:Half"})))
    done = snakemake(tmp_path, "--dry-run", "--printshellcmds")
    assert done.returncode == 0 and "cosalpure detect half.py:Half " in done.stdout
    half.unlink()
    done = snakemake(tmp_path, "--dry-run")
    assert done.returncode == 1 and "detectors.mine: detector 'half.py:Half': half.py: no such file" in done.stderr
    assert "Traceback" not in done.stderr
