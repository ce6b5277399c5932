"""The overview figure shows the group that a rule chooses, on made-up results with known gains."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.data import COLUMNS
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report.overview import draw, median_group
from cosalpure.report.sheet import CELL, GAP, TOP

SIDE = 16
CONDITION = ("mini", "jadena", "gicd")
PURIFIERS = {"source_only": "Source-Only", "cosalpure": "CosalPure"}


@pytest.fixture
def results(tmp_path):
    """Three groups of two images whose first is attacked; cosalpure gains 0, 0.5 and 1 IoU on it."""
    rows = []
    for slug, hits in (("a", SIDE), ("b", 0), ("c", SIDE // 2)):
        for index in range(2):
            file = f"{index}.png"
            rows.append(("mini", slug, slug, index, file, "", index == 0, file, True, 0))
            save(tmp_path / "data/mini/images" / slug / file, np.full((SIDE, SIDE), 255, np.uint8))
            full, none = np.full((SIDE, SIDE), 255, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
            part = none.copy()
            part[:hits] = 255
            save(tmp_path / "data/mini/masks" / slug / file, full)
            for purifier, found in (("source_only", none), ("cosalpure", part)):
                save(tmp_path / f"purify/mini/jadena/{purifier}/images" / slug / file, full)
                save(tmp_path / f"detect/mini/jadena/{purifier}/gicd/maps" / slug / file, found)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(tmp_path / "data/mini/manifest.parquet")
    return tmp_path


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_the_median_group_is_shown(results):
    group, why = median_group(Layout(str(results)), *CONDITION, PURIFIERS)
    assert group.slug == "c" and why.endswith("CosalPure over Source-Only: +0.50 IoU, attacked images")


def test_figure_has_a_row_for_truth_and_two_a_purifier(results):
    draw(results, *CONDITION, list(PURIFIERS), results / "overview.png", Entries())
    with Image.open(results / "overview.png") as figure:
        assert figure.height == TOP + 5 * (CELL + GAP)


def test_note_is_not_cut_off_where_a_group_has_few_images(results):
    draw(results, *CONDITION, list(PURIFIERS), results / "overview.png", Entries())
    with Image.open(results / "overview.png") as figure:
        note = np.asarray(figure.convert("L"))[34:50]
    assert (note < 200).any() and (note[:, -6:] == 255).all()


def test_without_ground_truth_the_first_group_is_shown(results):
    manifest = pd.read_parquet(results / "data/mini/manifest.parquet")
    manifest.assign(truth=False).to_parquet(results / "data/mini/manifest.parquet")
    shutil.rmtree(results / "data/mini/masks")
    draw(results, *CONDITION, list(PURIFIERS), results / "overview.png", Entries())
    with Image.open(results / "overview.png") as figure:
        assert figure.height == TOP + 5 * (CELL + GAP), "the photos take the place of their ground truth"


def test_without_an_attacked_image_all_images_decide(results):
    manifest = pd.read_parquet(results / "data/mini/manifest.parquet")
    manifest.assign(attacked=False).to_parquet(results / "data/mini/manifest.parquet")
    group, why = median_group(Layout(str(results)), *CONDITION, PURIFIERS)
    assert group.slug == "c" and why.endswith("+0.50 IoU, no image is attacked")
