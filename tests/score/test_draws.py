"""Several draws of a purifier's noise, from the images to the score rows; the design is told in `cosalpure.draws`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.data.settings import dataset_settings
from cosalpure.data.stage import run as make_dataset
from cosalpure.draws import count, first_last, folder, seed_of
from cosalpure.score.condition import columns
from cosalpure.score.draws import COLUMNS, with_draws

ROOT = Path(__file__).resolve().parents[2]
PURIFIER = f"{ROOT}/docs/examples/noisy_blur.py:NoisyBlur"
DETECTOR = f"{ROOT}/docs/examples/border_contrast.py:BorderContrast"
DATA = {"source": "mini", "groups": 1, "images": 2, "size": 32}
TRUTH = [[255, 255, 255, 0]]


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, np.uint8)).save(path)


@pytest.fixture
def scored(tmp_path):
    """A function of the maps of an image's draws, (1, 4) each: its row with the columns of draws."""

    def run(*maps, success=1.0):
        save(tmp_path / "data/masks/bear/0.png", TRUTH)
        for draw, values in enumerate(maps):
            if values is not None:
                save(Path(folder(tmp_path / "detector", draw), "maps/bear/0.png"), values)
        rows = pd.DataFrame([{"slug": "bear", "file": "0.png", "status": "done", "success": success, "reason": ""}])
        return with_draws(rows, tmp_path / "detector", tmp_path / "data", len(maps)).iloc[0]

    return run


RIGHT, WRONG = [[255, 255, 255, 0]], [[0, 0, 0, 255]]


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        ((RIGHT, RIGHT), (1, 1, 1)),
        ((WRONG, WRONG), (0, 0, 0)),
        ((RIGHT, RIGHT, WRONG), (2 / 3, 1, 0)),  # the mean map is that of the majority
        ((RIGHT, WRONG, WRONG), (1 / 3, 0, 0)),
        (([[255, 0, 0, 0]], [[0, 255, 0, 0]], [[250, 200, 0, 0]]), (1 / 3, 1, 0)),  # each finds another part
        (([[127, 127, 127, 0]], [[128, 128, 128, 0]]), (1 / 2, 1, 0)),  # the mean is exactly the threshold
    ],
)
def test_mean_of_draws_mean_map_and_worst_draw(scored, maps, expected):
    row = scored(*maps)
    assert (row.success_mean, row.success_mean_map, row.success_worst) == pytest.approx(expected)
    assert row.draws == len(maps) and row.status == "done"


@pytest.mark.parametrize(("broken", "reason"), [(None, "draws/1/maps/bear/0.png: no such image"), ([[1, 2]], "size")])
def test_an_image_that_lacks_a_draw_has_no_score(scored, broken, reason):
    row = scored(RIGHT, broken)
    assert row.status == "failed" and reason in row.reason and np.isnan([row.success, row.success_mean]).all()


def test_what_has_no_success_has_none_in_any_draw(scored):
    row = scored(RIGHT, RIGHT, success=np.nan)  # without an object, or without a map of the first draw
    assert np.isnan([row.success_mean, row.success_mean_map, row.success_worst]).all() and row.status == "done"


def test_the_first_draw_is_the_entry_itself_and_comes_last():
    assert (folder("purify/x", 0), folder("purify/x", 2)) == ("purify/x", "purify/x/draws/2")
    assert seed_of(7, 0) == 7 and len({seed_of(7, draw) for draw in range(5)}) == 5
    assert list(first_last(3)) == [2, 1, 0] and list(first_last(1)) == [0]
    assert count("nowhere") == 1


def run(place, draws):
    """Purify, detect and score with the commands of the workflow's rules; the score rows."""
    data = place.parent / "data"
    more = ["--draws", str(draws)] if draws > 1 else []
    commands = (
        ["purify", PURIFIER, "--data", data, "--images", data, "--output", place / "purify", *more],
        ["detect", DETECTOR, "--data", data, "--images", place / "purify", "--output", place / "detect"],
        ["score", "--data", data, "--images", place / "purify", "--maps", place / "detect"]
        + ["--condition", "mini", "none", "blur", "border", "--output", place / "score.parquet"],
    )
    for command in commands:
        assert main([str(part) for part in command]) == 0
    return pd.read_parquet(place / "score.parquet")


def pixels(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*/*.png"))])


@pytest.mark.slow
def test_draws_leave_the_first_one_as_it_is_and_differ_from_it(tmp_path):
    make_dataset("mini", dataset_settings("mini", DATA, "data"), tmp_path / "data", 0)
    once, several = run(tmp_path / "once", 1), run(tmp_path / "several", 3)
    assert tuple(once) == columns() and tuple(several) == (*columns(), *COLUMNS)
    pd.testing.assert_frame_equal(once, several[list(columns())])
    found = [pixels(tmp_path / place / "purify" / "images") for place in ("once", "several")]
    found += [pixels(tmp_path / "several/purify" / "draws" / draw / "images") for draw in "12"]
    assert np.array_equal(found[0], found[1])
    assert all((a != b).any() for a, b in ((found[1], found[2]), (found[1], found[3]), (found[2], found[3])))
    assert (several["success_worst"] <= several["success_mean"]).all()
    pd.testing.assert_frame_equal(run(tmp_path / "several", 1), once)  # nothing is left of the earlier draws
