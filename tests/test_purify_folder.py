"""One folder of photographs, without the workflow: concept, purified images, maps and a sheet."""

from pathlib import Path

import numpy as np
import pytest
import skimage
import yaml
from PIL import Image

from cosalpure.cli import main
from cosalpure.concept import FILE, Concept
from cosalpure.report.sheet import CELL, GAP, TOP

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png")  # bundled with scikit-image


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "<b>holiday & 'co'"
    folder.mkdir()
    for name in PHOTOS:
        (folder / name).write_bytes((Path(skimage.__file__).parent / "data" / name).read_bytes())
    return folder


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The default configuration with a concept of two steps."""
    monkeypatch.chdir(ROOT)
    variant = tmp_path / "short.yaml"
    variant.write_text(yaml.safe_dump({"concept": {"steps": 2, "batch": 2}}))
    return ["--config", "config.yaml", str(variant)]


@pytest.mark.slow
def test_photographs_are_purified_in_one_step(photos, config, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["purify-folder", str(photos), "--out", str(out), *config]) == 0
    sheet = out / "before-after.png"
    assert capsys.readouterr().out.splitlines()[-1] == str(sheet)
    with Image.open(sheet) as picture:
        assert picture.height == TOP + 4 * (CELL + GAP)
    (learned,) = out.glob(f"concept/groups/*/{FILE}")
    assert Concept.load(learned).token == f"<my-{learned.parent.name}>"
    for kind in ("data/images", "purified/images", "maps/before/maps", "maps/after/maps"):
        assert len(list(out.glob(f"{kind}/*/*.png"))) == len(PHOTOS)
    (before,) = out.glob("data/images/*/001_chelsea.png")
    (after,) = out.glob("purified/images/*/001_chelsea.png")
    difference = np.asarray(Image.open(before)).astype(int) - np.asarray(Image.open(after))
    assert 0 < abs(difference).mean() < 40, "changed, and still the same picture"


@pytest.mark.slow
def test_a_purifier_without_concept_learns_none(photos, config, tmp_path):
    arguments = ["--out", str(tmp_path / "out"), "--purifier", "source_only", "--detector", "poolnet", *config]
    assert main(["purify-folder", str(photos), *arguments]) == 0
    assert not (tmp_path / "out/concept").exists() and (tmp_path / "out/before-after.png").exists()


def test_mistakes_are_one_line(photos, config, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")
    two = tmp_path / "two"
    for label in ("cats", "dogs"):
        (two / label).mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(two / label / "a.png")
    (tmp_path / "none").mkdir()
    mistakes = {
        (tmp_path / "nowhere", tmp_path / "out"): "nowhere: no such folder",
        (tmp_path / "none", tmp_path / "out"): "none: no images",
        (two, tmp_path / "out"): "2 groups of photos: cats, dogs; one is purified here",
        (photos, full): "full: holds other files; choose a new folder",
    }
    for (source, out), expected in mistakes.items():
        assert main(["purify-folder", str(source), "--out", str(out), *config]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert expected in line
    assert [path.name for path in full.iterdir()] == ["thesis.tex"]
    assert main(["purify-folder", str(photos), "--out", str(tmp_path / "o"), "--purifier", "cosal", *config]) == 1
    assert "unknown purifier 'cosal'" in capsys.readouterr().err
