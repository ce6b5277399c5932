"""The overview figure shows the group that a rule chooses, on made-up results with known gains."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.errors import UserError
from cosalpure.report.overview import draw, median_group
from cosalpure.report.sheet import CELL, GAP, TOP

SIDE = 16
CONDITION = ("mini", "jadena", "gicd", ["source_only", "cosalpure"])


@pytest.fixture
def results(tmp_path):
    """Three groups of two images whose first is attacked; cosalpure gains 0, 0.5 and 1 IoU on it."""
    rows = []
    for slug, hits in (("a", SIDE), ("b", 0), ("c", SIDE // 2)):
        for index in range(2):
            file = f"{index}.png"
            rows.append(("mini", slug, slug, index, file, "", index == 0))
            full, none = np.full((SIDE, SIDE), 255, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
            part = none.copy()
            part[:hits] = 255
            save(tmp_path / "data/mini/masks" / slug / file, full)
            for purifier, found in (("source_only", none), ("cosalpure", part)):
                save(tmp_path / f"purify/mini/jadena/{purifier}/images" / slug / file, full)
                save(tmp_path / f"detect/mini/jadena/{purifier}/gicd/maps" / slug / file, found)
    columns = ["dataset", "group", "slug", "index", "file", "sha256", "attacked"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "data/mini/manifest.parquet")
    return tmp_path


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_the_median_group_is_shown(results):
    slug, gain = median_group(results, *CONDITION)
    assert slug == "c" and gain == pytest.approx(0.5, abs=1e-3)


def test_figure_has_a_row_for_truth_and_two_a_purifier(results):
    draw(results, *CONDITION, results / "overview.png")
    with Image.open(results / "overview.png") as figure:
        assert figure.height == TOP + 5 * (CELL + GAP)


def test_without_an_attacked_image_there_is_nothing_to_show(results):
    manifest = pd.read_parquet(results / "data/mini/manifest.parquet")
    manifest.assign(attacked=False).to_parquet(results / "data/mini/manifest.parquet")
    with pytest.raises(UserError, match="no image is attacked"):
        median_group(results, *CONDITION)
