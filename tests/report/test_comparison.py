"""The figures of single images: which are shown follows from the scores, and what failed leaves an empty cell."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.report import comparison
from cosalpure.report.sheet import CELL, GAP, HEAD, LEFT, TOP

SIDE = 8
IOU = {"a": (0.1, 0.3, 0.2), "b": (0.9, 0.8, 0.7), "c": (0.5, 0.4, 0.6), "d": (0.45, 0.55, 0.35)}  # of attacked images
SHADES = {"purify": 200, "detect": 100, "masks": 255, "degrade": 50}


def save(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((SIDE, SIDE), shade, np.uint8)).save(path)


@pytest.fixture
def results(tmp_path):
    """Four groups of three attacked images and a clean one, purified by ours alone and by nobody; detector gicd."""
    for purifier in ("source_only", "cosalpure"):
        rows = []
        for slug, ious in IOU.items():
            for index, iou in enumerate((*ious, 1.0)):
                file = f"{index}.png"
                for place in ("purify", "detect", "masks", "degrade"):
                    folders = {
                        "purify": f"purify/mini/jadena/{purifier}/images",
                        "detect": f"detect/mini/jadena/{purifier}/gicd/maps",
                        "masks": "data/mini/masks",
                        "degrade": "degrade/mini/jadena/images",
                    }
                    save(tmp_path / folders[place] / slug / file, SHADES[place])
                row = {"dataset": "mini", "degradation": "jadena", "purifier": purifier, "detector": "gicd"}
                rows.append(row | {"slug": slug, "group": slug, "file": file, "attacked": index < 3, "iou": iou})
        path = tmp_path / f"score/mini/jadena/{purifier}/gicd.parquet"
        path.parent.mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(path)
    return tmp_path


def draw(results, figure, *more):
    output = results / f"{figure}.png"
    command = ["report", figure, "--results", results, "--condition", "mini", "jadena", "--detectors", "gicd", *more]
    status = main([str(part) for part in [*command, "--output", output]])
    return status, output


def shown(monkeypatch):
    """What is drawn, as a list of paths."""
    found, original = [], comparison.picture
    monkeypatch.setattr(comparison, "picture", lambda path: found.append(path) or original(path))
    return found


def test_comparison_shows_worst_median_and_best_group_and_of_each_the_median_image(results, monkeypatch):
    paths = shown(monkeypatch)
    status, output = draw(results, "comparison", "--purifiers", "source_only", "cosalpure")
    assert status == 0
    masks = [path.relative_to(results / "data/mini/masks").as_posix() for path in paths if "masks" in path.parts]
    assert masks == [f"{place}.png" for place in ("a/2", "a/2", "d/0", "d/0", "b/1", "b/1")]
    with Image.open(output) as image:
        assert image.width >= LEFT + 3 * (CELL + GAP) and image.height == TOP + 3 * (HEAD + 2 * (CELL + GAP))
        top = TOP + HEAD + CELL // 2
        assert [image.getpixel((LEFT + i * (CELL + GAP) + 50, top))[0] for i in range(3)] == [200, 255, 100]
        title = image.crop((0, top + CELL, LEFT, top + CELL + 60)).getcolors()
        assert (0, 128, 0) in {color for _, color in title}, "ours is highlighted"


def test_failures_are_the_attacked_images_of_lowest_iou(results, monkeypatch):
    paths = shown(monkeypatch)
    status, output = draw(results, "failures", "--purifier", "cosalpure")
    attacked = [path.relative_to(results / "degrade/mini/jadena/images").as_posix() for path in paths[:6]]
    assert status == 0 and attacked == ["a/0.png", "a/2.png", "a/1.png", "d/2.png", "c/1.png", "d/0.png"]
    with Image.open(output) as image:
        assert image.size == (LEFT + 6 * (CELL + GAP), TOP + 4 * (CELL + GAP))


def test_an_image_that_failed_leaves_its_cell_empty(results):
    (results / "detect/mini/jadena/cosalpure/gicd/maps/a/0.png").unlink()
    status, output = draw(results, "failures", "--purifier", "cosalpure")
    with Image.open(output) as image:
        middle = TOP + 3 * (CELL + GAP) + CELL // 2
        assert status == 0 and [image.getpixel((LEFT + x, middle))[0] for x in (50, 150)] == [255, 100]


def test_a_condition_that_was_not_run_is_one_line(results, capsys):
    status, output = draw(results, "comparison", "--purifiers", "source_only", "dda")
    assert status == 1 and not output.exists()
    assert "dda/gicd.parquet: no such score file" in capsys.readouterr().err
