"""docs/examples/occlusion.py, installed as docs/adding-a-method.md says, through the command line."""

from pathlib import Path

import numpy as np
import pytest

from cosalpure.cli import main
from cosalpure.data import read_groups
from cosalpure.io import read_pixels

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The example as an installed package: its module and its entry point on the path."""
    about = tmp_path / "site" / "occlusion-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: occlusion\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cosalpure.degradations]\nocclusion = occlusion:Occlusion\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(DOCS / "examples")


def test_documentation_shows_the_file_as_it_is():
    assert (DOCS / "examples/occlusion.py").read_text() in (DOCS / "adding-a-method.md").read_text()


def test_example_runs_through_the_command_line(installed, tmp_path):
    data, output = tmp_path / "mini", tmp_path / "occlusion"
    assert main(["data", "mini", "--output", str(data), "--settings", "{groups: 1, images: 4, size: 32}"]) == 0
    common = ["--data", str(data), "--output", str(output)]
    assert main(["degrade", "occlusion", *common, "--settings", "{side: 0.5}"]) == 0
    (group,) = read_groups(data)
    pairs = zip(group.paths(data / "images"), group.paths(output / "images"), group.attacked, strict=True)
    for before, after, attacked in pairs:
        if attacked:
            grey = (read_pixels(after, "RGB") == 128).all(-1)
            assert grey.sum() >= 16 * 16
        else:
            assert np.array_equal(read_pixels(before, "RGB"), read_pixels(after, "RGB"))


def test_examples_settings_are_checked(installed, tmp_path, capsys):
    common = ["--data", "nowhere", "--output", str(tmp_path)]
    assert main(["degrade", "occlusion", *common, "--settings", "{sides: 0.5}"]) == 1
    assert "unknown key (did you mean 'side'?)" in capsys.readouterr().err
