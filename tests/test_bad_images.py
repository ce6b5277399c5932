"""Bad images through the stages, as the commands run them: they work, or one line names the file; the rest is kept."""

import io

import numpy as np
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.io import read_pixels

STAGES = ("degrade", "detect")
ATTACK = "{surrogate: bundled:mini/weights/resneta50b.safetensors, steps: 1, exposure_step: 0}"
POOLNET = "{weights: bundled:mini/weights/poolnet.safetensors}"


@pytest.fixture
def data(tmp_path):
    """A dataset of two groups of two images; the first image of each is the attacked one."""
    settings = "{split: dev, groups: 2, images: 2, size: 32}"
    assert main(["data", "mini", "--output", str(tmp_path / "data"), "--settings", settings]) == 0
    return tmp_path / "data"


def as_png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def photograph():
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8))


def cmyk():
    file = io.BytesIO()
    photograph().convert("CMYK").save(file, "TIFF")
    return file.getvalue()


GOOD = {
    "greyscale": lambda: as_png(photograph().convert("L")),
    "palette": lambda: as_png(photograph().convert("P")),
    "RGBA": lambda: as_png(photograph().convert("RGBA")),
    "16-bit": lambda: as_png(Image.fromarray(np.full((32, 32), 30_000, np.uint16))),
    "CMYK": cmyk,
}
BAD = {
    "truncated": (lambda: as_png(photograph())[:1500], "not a readable image"),
    "zero-byte": (lambda: b"", "not a readable image"),
    "1 x 1": (lambda: as_png(Image.new("RGB", (1, 1))), "size 1x1; its group has 32x32"),
    "30,000 x 30,000": (lambda: as_png(Image.new("1", (30_000, 30_000))), "more than 64,000,000 pixels"),
}


def run(stage, data):
    """The exit status of `stage` over both groups: an attack, or a detector on what the attack left."""
    folder = data.parent
    call = {
        "degrade": ["degrade", "jadena", "--settings", ATTACK, "--output", f"{folder}/degrade"],
        "detect": ["detect", "poolnet", "--settings", POOLNET, "--images", f"{folder}/degrade"]
        + ["--output", f"{folder}/detect"],
    }[stage]
    return main([*call, "--data", str(data), "--groups", "0:2"])


def last_group(folder):
    """The last group's attacked image in a stage's folder."""
    return min(max((folder / "images").iterdir()).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kind", GOOD)
def test_every_kind_of_image_goes_through(data, kind):
    path = last_group(data)
    path.write_bytes(GOOD[kind]())
    before = read_pixels(path, "RGB")
    assert [run(stage, data) for stage in STAGES] == [0, 0]
    attacked = read_pixels(last_group(data.parent / "degrade"), "RGB")
    assert attacked.shape == before.shape and np.abs(attacked.astype(int) - before).max() == 1  # a step
    assert len(list((data.parent / "detect").rglob("*.png"))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_one_line_and_costs_only_its_group(data, kind, stage, capsys):
    if stage == "detect":
        assert run("degrade", data) == 0
    path = last_group(data if stage == "degrade" else data.parent / "degrade")
    good, (make, trouble) = path.read_bytes(), BAD[kind]
    path.write_bytes(make())
    capsys.readouterr()
    assert run(stage, data) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: ")]
    assert len(lines) == 1 and trouble in lines[0] and str(path) in lines[0]

    output = data.parent / stage
    finished = {file: file.read_bytes() for file in output.rglob("*.png")}
    assert len(finished) == 2 and not list(output.rglob("*.parquet")), "the first group, whole; the job is not done"
    path.write_bytes(good)
    assert run(stage, data) == 0
    assert len(list(output.rglob("*.png"))) == 4
    assert all(file.read_bytes() == before for file, before in finished.items())


def test_a_group_of_single_pixels_is_one_line(data, capsys):
    for path in (data / "images").rglob("*.png"):
        path.write_bytes(as_png(Image.new("RGB", (1, 1))))
    assert run("degrade", data) == 1
    assert "images of at least 8x8, not 1x1" in capsys.readouterr().err
    assert not (data.parent / "degrade").exists() or not list((data.parent / "degrade").rglob("*.png"))
