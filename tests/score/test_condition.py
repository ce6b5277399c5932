"""Scores of a condition: one row for every image of the manifest, whatever became of its map."""

import numpy as np
import pandas as pd
import pytest

from cosalpure.errors import UserError
from cosalpure.io import write_image
from cosalpure.score import score_condition, score_map, write_scores

CONDITION = {"dataset": "mini", "degradation": "jadena", "purifier": "cosalpure", "detector": "gicd"}


@pytest.fixture
def experiment(tmp_path):
    """Two groups of three images, masks, and maps that are right, wrong, missing, broken or of another size.

    What the detector saw is the original, for index 0 with one value moved, for index 1 of group b missing.
    """
    truth = np.zeros((8, 8), np.uint8)
    truth[2:6, 2:6] = 255
    maps = {("b", 0): truth, ("b", 1): 255 - truth, ("a", 1): np.zeros((4, 8), np.uint8), ("a", 2): truth}
    rows = []
    grey = np.full((8, 8, 3), 100, np.uint8)
    moved = grey.copy()
    moved[0, 0, 0] = 151
    for slug in ("b", "a"):
        for folder in ("maps", "seen", "data/images", "data/masks"):
            (tmp_path / folder / slug).mkdir(parents=True)
        for index in range(3):
            file = f"{index:03d}_x.png"
            write_image(tmp_path / "data" / "masks" / slug / file, truth)
            write_image(tmp_path / "data" / "images" / slug / file, grey)
            if (slug, index) != ("b", 1):
                write_image(tmp_path / "seen" / slug / file, grey if index else moved)
            if (slug, index) in maps:
                write_image(tmp_path / "maps" / slug / file, maps[slug, index])
            row = {"dataset": "mini", "group": slug.upper(), "slug": slug, "index": index, "file": file}
            rows.append({**row, "sha256": "", "attacked": index < 1})
    (tmp_path / "maps" / "a" / "000_x.png").write_bytes(b"not an image")
    return tmp_path / "maps", tmp_path / "seen", tmp_path / "data", pd.DataFrame(rows)


@pytest.mark.slow
def test_every_image_of_the_manifest_has_a_row_in_its_order(experiment):
    scores = score_condition(*experiment, CONDITION)
    assert scores["file"].tolist() == experiment[3]["file"].tolist()
    assert scores["slug"].tolist() == ["b"] * 3 + ["a"] * 3
    assert scores["status"].tolist() == ["done", "done", "missing", "failed", "failed", "done"]
    assert scores["attacked"].tolist() == [True, False, False] * 2
    for key, value in CONDITION.items():
        assert set(scores[key]) == {value}


def test_scores_are_those_of_the_maps_and_nan_where_there_is_none(experiment):
    scores = score_condition(*experiment, CONDITION)
    metrics = ["iou", "success", "ap", "f_beta", "mae"]
    assert scores.loc[0, metrics].tolist() == pytest.approx([1, 1, 1, 1, 0])
    assert scores.loc[1, "iou"] < 1e-6 and scores.loc[1, "mae"] == 1
    assert scores.loc[scores["status"] != "done", metrics].isna().all(axis=None)
    assert scores["reason"][3].startswith("not a readable image")
    assert scores["reason"][4] == "the map is 8x4, its ground truth 8x8"
    assert scores["reason"][2] and not scores["reason"][0]


def test_quality_is_that_of_the_image_the_detector_saw(experiment):
    scores = score_condition(*experiment, CONDITION)
    quality = ["psnr", "ssim", "linf", "exposure_change"]
    assert scores.loc[0, "linf"] == pytest.approx(51 / 255)
    assert scores.loc[0, "psnr"] == pytest.approx(10 * np.log10(255**2 / (51**2 / 192)))
    assert 0 < scores.loc[0, "exposure_change"] < 0.01 and scores.loc[0, "ssim"] < 1
    assert scores.loc[2, quality].tolist() == [np.inf, 1, 0, 0]  # no map, but an image
    assert scores.loc[1, quality].isna().all() and scores.loc[1, "status"] == "done"  # a map, but no image


@pytest.mark.parametrize("level", [0, 127])
def test_an_empty_ground_truth_is_neither_success_nor_failure(experiment, level):
    maps, seen, data, manifest = experiment
    undefined = ["iou", "success", "ap", "f_beta", "ap_binary", "ap_interpolated"]
    write_image(data / "masks" / "b" / "000_x.png", np.full((8, 8), level, np.uint8))
    for value, mae in ((level, 0), (255, (255 - level) / 255)):
        write_image(maps / "b" / "000_x.png", np.full((8, 8), value, np.uint8))
        row = score_condition(maps, seen, data, manifest, CONDITION).iloc[0]
        assert (row["status"], row["reason"]) == ("done", "empty ground truth")
        assert row[undefined].isna().all() and row["mae"] == pytest.approx(mae)


def test_settings_reach_the_metrics(experiment):
    maps, seen, data, manifest = experiment
    grey = np.full((8, 8), 100, np.uint8)
    write_image(maps / "b" / "000_x.png", grey)
    truth = np.zeros((8, 8), np.uint8)
    truth[2:6, 2:6] = 255
    scores = score_condition(maps, seen, data, manifest, CONDITION, threshold=0.3)
    assert scores["iou"][0] == score_map(grey, truth, threshold=0.3)["iou"] > 0.2


def test_no_maps_at_all_is_a_table_of_missing_rows(experiment, tmp_path):
    scores = score_condition(tmp_path / "nowhere", *experiment[1:], CONDITION)
    assert scores["status"].eq("missing").all() and len(scores) == 6


def test_a_missing_ground_truth_is_an_error_of_the_dataset(experiment):
    (experiment[2] / "masks" / "b" / "000_x.png").unlink()
    with pytest.raises(UserError, match="masks/b/000_x.png"):
        score_condition(*experiment, CONDITION)


def test_manifest_is_checked(experiment):
    *folders, manifest = experiment
    with pytest.raises(UserError, match="attacked"):
        score_condition(*folders, manifest.drop(columns="attacked"), CONDITION)
    with pytest.raises(UserError, match="twice"):
        score_condition(*folders, pd.concat([manifest, manifest]), CONDITION)
    with pytest.raises(UserError, match="of dataset mini, not of CoCA"):
        score_condition(*folders, manifest, {**CONDITION, "dataset": "CoCA"})


def test_parquet_round_trip_with_equal_bytes(experiment, tmp_path):
    for name in ("one", "two"):
        write_scores(score_condition(*experiment, CONDITION), tmp_path / f"{name}.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = pd.read_parquet(tmp_path / "one.parquet")
    pd.testing.assert_frame_equal(read, score_condition(*experiment, CONDITION))
