"""A folder of photographs, without the workflow: read in any format, purified, written at their own sizes."""

import math
from pathlib import Path

import numpy as np
import photographs
import pytest
import torch
import yaml
from PIL import Image, ImageDraw

from cosalpure.cli import main
from cosalpure.concept import FILE, Concept
from cosalpure.errors import UserError
from cosalpure.experiment.parse import load_files
from cosalpure.purify_folder import files, paste, purify_folder
from cosalpure.purify_folder.run import claim
from cosalpure.purify_folder.sheet import CELL, COLUMNS
from cosalpure.report.sheet import GAP, HEAD, TOP

ROOT = Path(__file__).resolve().parents[1]
BRIGHTNESS = """
class Brightness:
    def __init__(self, settings): ...
    def __call__(self, images, given): return images.mean(1, keepdim=True)
"""
STUBS = {  # entries that need no weights
    "degradations": {"noise": {"method": "gaussian_noise", "severity": 5}},
    "purifiers": {"jpeg": {"quality": 10}},
    "concept": {"steps": 2, "batch": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs of seven kinds, with other files and a folder in between."""
    return photographs.make(tmp_path_factory.mktemp("home") / "<b>holiday & 'co'")


@pytest.fixture
def few(tmp_path):
    """Three small photographs: wide, tall, square."""
    made = tmp_path / "few"
    made.mkdir()
    for name, size in {"a.png": (90, 40), "b.png": (30, 80), "c.png": (50, 50)}.items():
        disk(size).save(made / name)
    return made


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The default configuration with methods that need no weights, and a concept of two steps."""
    monkeypatch.chdir(ROOT)
    (tmp_path / "brightness.py").write_text(BRIGHTNESS)
    variant = tmp_path / "stubs.yaml"
    detector = {"bright": {"method": f"{tmp_path}/brightness.py:Brightness"}}
    variant.write_text(yaml.safe_dump(STUBS | {"detectors": detector}))
    return ["config.yaml", str(variant)]


@pytest.fixture
def run(config):
    """A function that purifies with the stubs; changes are arguments of `purify_folder`."""
    return lambda photos, out, **more: purify_folder(
        photos, out, load_files(config), **({"purifier": "jpeg", "detector": "bright"} | more)
    )


def disk(size):
    """A picture of `size` with a disk in the middle."""
    image = Image.new("RGB", size, "navy")
    x, y, r = size[0] / 2, size[1] / 2, min(size) / 3
    ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), fill="orange")
    return image


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def sizes(place):
    """{name: (width, height)} of the pictures in a folder."""
    found = {}
    for path in sorted(place.iterdir()):
        with Image.open(path) as image:
            found[path.name] = image.size
    return found


@pytest.mark.slow
def test_every_format_is_read_as_a_viewer_shows_it(folder):
    photos, remarks = files.read_photos(folder, 32)
    assert {photo.path.name: photo.size for photo in photos} == photographs.UPRIGHT
    assert [photo.name for photo in photos if photo.name != photo.path.name] == ["e moving.gif.png"]
    assert {photo.small.shape for photo in photos} == {(32, 32, 3)}
    said = dict(remark.split(": ", 1) for remark in remarks)
    assert set(said) == {*photographs.NO_PHOTOS, "b turned.JPG", "d cut out.png", "e moving.gif"}
    assert sum(remark.startswith("e moving.gif: ") for remark in remarks) == 2
    assert "truncated" in said["half.jpg"] and "its content is not PNG" in said["notes.txt"]


@pytest.mark.slow
def test_exif_turns_a_photo_and_transparency_is_white(folder):
    whole = pixels(photographs.COFFEE)
    turned = files.read_picture(folder / "b turned.JPG").pixels
    assert abs(turned - whole[:, 120:420]).mean() < 8  # JPEG
    cut = files.read_picture(folder / "d cut out.png").pixels
    assert (cut[0, 0] == 255).all() and (cut[150, 180] == whole[170, 270]).all()


def test_a_result_has_the_name_of_its_photo_unless_its_format_cannot_be_written(monkeypatch):
    for name in ("a.jpg", "A.JPEG", "a b.webp", "a.tif", "a.bmp", "a.avif"):
        assert files.name_of_result(name) == (name, "")
    assert files.name_of_result("a.gif")[0] == "a.gif.png"
    assert files.name_of_result("a")[0] == "a.png"
    assert files.name_of_result("a.gif", {"a.gif.png"})[0] == "a.gif.png.png", "two photos, two results"
    name, why = files.name_of_result("a.gif.png", {"a.gif.png"})
    assert name == "a.gif.png.png" and "another photo has its name" in why
    monkeypatch.setattr(files.features, "check", lambda feature: feature != "avif")
    assert files.name_of_result("a.avif")[0] == "a.avif.png"


def test_what_is_written_can_be_read_and_has_its_colour_profile(tmp_path):
    photo = np.asarray(disk((60, 40)))
    for suffix in files.WRITTEN:
        files.write_picture(tmp_path / f"a{suffix}", photo, None if suffix == ".bmp" else b"a profile")
        read = files.read_picture(tmp_path / f"a{suffix}")
        assert abs(read.pixels.astype(int) - photo).mean() < 6  # WebP halves the resolution of colour
        assert read.profile == (None if suffix == ".bmp" else b"a profile")


@pytest.mark.parametrize("size", [(120, 40), (31, 90), (64, 64), (7, 300)])
def test_a_photo_is_squeezed_and_stretched_back_without_distortion(size):
    photo = disk(size)
    small = np.asarray(photo.resize((64, 64), Image.Resampling.BICUBIC))
    again = paste.enlarge(small, size)
    assert again.shape == (size[1], size[0], 3)
    assert abs(again.astype(int) - np.asarray(photo)).mean() < 8


@pytest.mark.parametrize(
    "size, asked", [((2400, 1600), [32, 32]), ((20, 12), [12, 20]), ((5, 300), [32, 8]), ((8, 8), None), ((3, 4), None)]
)
def test_the_continuous_representation_enlarges_within_bounds(size, asked):
    calls = []

    def represent(images, sides):
        calls.append(list(sides))
        return torch.nn.functional.interpolate(images, sides)

    small = np.zeros((8, 8, 3), np.uint8)
    assert paste.enlarge(small, size, represent).shape == (size[1], size[0], 3)
    assert calls == ([asked] if asked else [])


def test_detail_is_kept_when_a_change_is_transferred(monkeypatch):
    rng = np.random.default_rng(0)
    photo = rng.integers(60, 200, (90, 50, 3), dtype=np.uint8)
    before = rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(paste.transfer(photo, before, before), photo)
    assert np.array_equal(paste.transfer(photo, before, before + 9), photo + 9)
    after = rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)
    whole = paste.transfer(photo, before, after)
    monkeypatch.setattr(paste, "ROWS", 7)
    assert abs(paste.transfer(photo, before, after).astype(int) - whole).max() <= 1, "bands show no seams"


@pytest.mark.slow
def test_results_are_of_the_size_and_name_of_their_photos(folder, run, tmp_path, capsys):
    sheet = run(folder, tmp_path / "out", attack="noise")
    expected = {name + ".png" * name.endswith(".gif"): size for name, size in photographs.UPRIGHT.items()}
    assert sizes(tmp_path / "out/purified") == expected
    assert list(sizes(tmp_path / "out/attacked")) == list(expected)[:3]
    for kind in ("original", "attacked", "purified"):
        found = sizes(tmp_path / "out/maps" / kind)
        assert list(found.values()) == list(photographs.UPRIGHT.values())
    with Image.open(sheet) as picture:
        blocks = math.ceil(len(expected) / COLUMNS)
        assert blocks == 2 and picture.height == TOP + blocks * (3 * 2 * (CELL + GAP) + HEAD)
    lines = capsys.readouterr().err.splitlines()
    assert "they demonstrate the method, they do not protect" in lines[0]
    assert all(any(line.strip().startswith(f"{name}: ") for line in lines) for name in photographs.NO_PHOTOS)
    assert "no finer detail is left" in lines[-1]


@pytest.mark.slow
def test_keep_detail_changes_nothing_that_the_purifier_did_not(few, run, tmp_path, capsys):
    run(few, tmp_path / "kept", purifier="source_only", keep_detail=True)
    run(few, tmp_path / "plain", purifier="source_only")
    for path in few.iterdir():
        assert np.array_equal(pixels(tmp_path / "kept/purified" / path.name), pixels(path))
    assert not np.array_equal(pixels(tmp_path / "plain/purified/a.png"), pixels(few / "a.png"))
    assert "so is a finer attack" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({"method": "pgd", "detector": "gicd", "gradient": "blind"}, "evaluation"),
        ({"method": "poison", "concepts_from": "none"}, "concept and model"),
    ],
)
def test_an_attack_that_needs_more_than_photos_is_one_line(few, run, config, tmp_path, settings, needs):
    variant = Path(config[-1])
    variant.write_text(yaml.safe_dump(yaml.safe_load(variant.read_text()) | {"degradations": {"strong": settings}}))
    with pytest.raises(UserError, match=f"^attack 'strong' needs {needs}, which a folder of photos does not have$"):
        run(few, tmp_path / "out", attack="strong")
    assert not (tmp_path / "out").exists()


def test_half_of_the_photos_are_attacked_and_one_of_one(few, run, tmp_path):
    run(few, tmp_path / "three", attack="noise")
    assert list(sizes(tmp_path / "three/attacked")) == ["a.png"]
    assert abs(pixels(tmp_path / "three/attacked/a.png") - pixels(few / "a.png")).mean() > 5
    (few / "b.png").unlink(), (few / "c.png").unlink()
    run(few, tmp_path / "one", attack="noise")
    assert list(sizes(tmp_path / "one/attacked")) == ["a.png"]


@pytest.mark.slow
def test_the_same_run_goes_on_and_another_one_is_refused(few, run, tmp_path):
    out = tmp_path / "out"
    first = run(few, out).read_bytes()
    (out / "purified" / "mine.txt").write_text("kept")
    assert run(few, out).read_bytes() == first and (out / "purified/mine.txt").exists()
    with pytest.raises(UserError, match="out: holds results of other purifier; choose a new folder"):
        run(few, out, purifier="source_only")
    (few / "c.png").unlink()
    with pytest.raises(UserError, match="out: holds results of other photos, attack; choose"):
        run(few, out, attack="noise")
    assert (out / "purified/c.png").exists()


def test_only_an_empty_folder_is_taken(tmp_path):
    claim(tmp_path / "new", {"seed": 1})
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: is a file"):
        claim(tmp_path / "file", {"seed": 1})
    (tmp_path / "new/run.json").write_text("no JSON")
    with pytest.raises(UserError, match="other seed"):
        claim(tmp_path / "new", {"seed": 1})


def test_mistakes_are_one_line(few, config, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")
    (tmp_path / "none").mkdir()
    (tmp_path / "groups" / "cats").mkdir(parents=True)
    stubs = ["--purifier", "jpeg", "--detector", "bright", "--config", *config]
    mistakes = {
        (tmp_path / "nowhere", tmp_path / "out"): "nowhere: no such folder",
        (tmp_path / "none", tmp_path / "out"): "none: no picture in it that can be read",
        (few, full): "full: holds other files; choose a new folder",
        (few, few): "few: holds other files; choose a new folder",
    }
    for (source, out), expected in mistakes.items():
        assert main(["purify-folder", str(source), "--out", str(out), *stubs]) == 1
        assert expected in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in full.iterdir()] == ["thesis.tex"]
    assert main(["purify-folder", str(tmp_path / "groups"), "--out", str(tmp_path / "o"), *stubs]) == 1
    assert "  cats/: a subfolder, not read" in capsys.readouterr().err.splitlines()
    for option in ("--purifier", "--detector", "--attack"):
        assert main(["purify-folder", str(few), "--out", str(tmp_path / "o"), option, "cosal", *stubs[4:]]) == 1
        _, line = capsys.readouterr().err.splitlines()
        assert f"unknown {option[2:]} 'cosal'" in line
    assert not (tmp_path / "o").exists()


def test_published_weights_are_fetched(few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSALPURE_OFFLINE", "1")
    monkeypatch.setenv("COSALPURE_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(UserError, match="stable-diffusion-2 is missing and this machine is set to be offline"):
        purify_folder(few, tmp_path / "out", load_files([ROOT / "config/paper.yaml"]))


@pytest.mark.slow
def test_photographs_are_attacked_and_purified_by_the_bundled_models(folder, config, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["purify-folder", str(folder), "--out", str(out), "--attack", "jadena", "--config", *config]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "before-after.png")
    (learned,) = out.glob(f"stages/concept/groups/*/{FILE}")
    assert Concept.load(learned).token == f"<my-{learned.parent.name}>"
    assert list(sizes(out / "purified").values()) == list(photographs.UPRIGHT.values())
    for name in ("d cut out.png", "f modern.avif"):  # not attacked
        difference = files.read_picture(folder / name).pixels.astype(int) - pixels(out / "purified" / name)
        assert 0 < abs(difference).mean() < 20, "changed, and still the same picture"
