"""Metrics against the official evaluation's own numbers (tests/golden/metrics.{npz,json}: 32 cases)."""

import json
from pathlib import Path

import numpy as np
import pytest

from cosalpure.errors import UserError
from cosalpure.score import METRICS, score_map
from cosalpure.score.metrics import ALWAYS, FURTHER

GOLDEN = Path(__file__).parents[1] / "golden"
RECORD = json.loads((GOLDEN / "metrics.json").read_text())
OFFICIAL_NAMES = {"ap": "ap", "f_beta": "fmeasure", "mae": "mae", "iou": "iou", "success": "success"}


@pytest.fixture(scope="module")
def maps():
    return dict(np.load(GOLDEN / "metrics.npz"))


def scores_of(maps, name):
    (case,) = [case for case in RECORD["cases"] if case["name"] == name]
    return score_map(maps[f"r{case['index']}"], maps[f"g{case['index']}"])


@pytest.mark.parametrize("case", RECORD["cases"], ids=lambda case: case["name"])
def test_scores_equal_the_official_ones(maps, case):
    prediction, truth = maps[f"r{case['index']}"], maps[f"g{case['index']}"]
    assert prediction.dtype == {"u8": np.uint8, "f32": np.float32}[case["kind"]]
    scores = score_map(prediction, truth)
    for ours, theirs in OFFICIAL_NAMES.items():
        assert scores[ours] == pytest.approx(float(case[theirs]), abs=1e-6, nan_ok=True), ours


def test_mean_over_images_equals_the_official_one(maps):
    cases = [case for case in RECORD["cases"] if case["kind"] == "u8" and case["ap"] != "nan"]
    scores = [score_map(maps[f"r{case['index']}"], maps[f"g{case['index']}"]) for case in cases]
    for ours, theirs in OFFICIAL_NAMES.items():
        official = RECORD["dataset_average_of_u8_cases_without_nan"][theirs]
        assert np.mean([score[ours] for score in scores]) == pytest.approx(official, abs=1e-6)


def test_float_maps_score_as_their_8_bit_twins(maps):
    prediction, truth = maps["r31"], maps["g31"]
    as_float = score_map((prediction / 255).astype(np.float32), (truth / 255).astype(np.float32))
    assert as_float == pytest.approx(score_map(prediction, truth), abs=1e-6)


def test_quirk_smoothing_rewards_a_map_that_misses_everything(maps):
    inverted = scores_of(maps, "inverted")
    assert inverted["f_beta"] > 0.99 and inverted["iou"] < 1e-6 and inverted["success"] == 0


def test_quirk_empty_ground_truth_has_no_ap(maps):
    assert np.isnan(scores_of(maps, "gt_all_zero")["ap"])


def test_quirk_an_iou_of_exactly_half_succeeds_by_the_smoothing(maps):
    assert scores_of(maps, "iou_exactly_half")["success"] == 1
    assert scores_of(maps, "iou_just_below_half")["success"] == 0


def test_half_is_foreground_at_128_of_255():
    truth = np.full((4, 4), 255, np.uint8)
    assert score_map(np.full((4, 4), 127, np.uint8), truth)["success"] == 0
    assert score_map(np.full((4, 4), 128, np.uint8), truth)["success"] == 1


def test_settings_matter():
    truth = np.zeros((4, 4), np.uint8)
    truth[:2] = 255
    prediction = np.zeros((4, 4), np.uint8)
    prediction[:3] = 100  # iou 8 / 12 where 100 counts as foreground
    assert score_map(prediction, truth)["iou"] < 0.01
    assert score_map(prediction, truth, threshold=0.3)["iou"] == pytest.approx(2 / 3, abs=1e-5)
    assert score_map(prediction, truth, threshold=0.3, success_iou=0.7)["success"] == 0
    f_one = score_map(prediction, truth, threshold=0.3, beta2=1.0)["f_beta"]
    assert f_one == pytest.approx(0.8, abs=1e-4)  # precision 2/3, recall 1


def test_every_metric_is_described():
    assert list(METRICS)[:5] == ["iou", "success", "ap", "f_beta", "mae"]  # the official ones
    assert set(score_map(np.ones((2, 2)), np.ones((2, 2)))) == set(ALWAYS) == set(METRICS) - set(FURTHER)
    assert [name for name, metric in METRICS.items() if not metric.larger_is_better] == ["mae"]
    for name, metric in METRICS.items():
        assert metric.name == name and metric.formula and metric.source and metric.range == (0, 1)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.zeros((2, 3), np.uint8), "shape"),
        (np.full((2, 2), 1.5), r"\[0, 1\]"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.zeros((2, 2), np.int64), "int64"),
    ],
)
def test_invalid_maps_are_refused(prediction, message):
    with pytest.raises(UserError, match=message):
        score_map(prediction, np.zeros((2, 2), np.uint8))


def square():
    """A ground truth (32, 32) of a square in its middle."""
    truth = np.zeros((32, 32), np.uint8)
    truth[8:24, 8:24] = 255
    return truth


DEGENERATE = {  # id: (map, mask, {metric: value}); NaN only where docs/reference/results.md says so
    "black map": (np.zeros((32, 32), np.uint8), square(), {"ap": 0.625, "mae": 0.25, "iou": 0, "success": 0}),
    "white map": (np.full((32, 32), 255, np.uint8), square(), {"ap": 0.625, "mae": 0.75, "iou": 0.25, "success": 0}),
    "grey map below half": (np.full((32, 32), 127, np.uint8), square(), {"ap": 0.625, "iou": 0, "f_beta": 0}),
    "grey map above half": (np.full((32, 32), 128, np.uint8), square(), {"ap": 0.625, "iou": 0.25}),
    "inverse map": (255 - square(), square(), {"ap": 0.125, "mae": 1, "iou": 0, "success": 0}),
    "order alone": (np.where(square() > 0, 51, 25).astype(np.uint8), square(), {"ap": 1, "iou": 0, "success": 0}),
    "empty mask, black map": (
        np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.uint8),
        {"ap": np.nan, "ap_binary": np.nan, "ap_interpolated": np.nan, "mae": 0},
    ),
    "empty mask, white map": (np.full((32, 32), 255, np.uint8), np.zeros((32, 32), np.uint8), {"ap": np.nan, "iou": 0, "mae": 1}),
    "full mask, white map": (np.full((32, 32), 255, np.uint8), np.full((32, 32), 255, np.uint8), {"ap": 1, "iou": 1, "mae": 0}),
    "full mask, black map": (np.zeros((32, 32), np.uint8), np.full((32, 32), 255, np.uint8), {"ap": 1, "iou": 0, "mae": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_maps_score_as_documented(case):
    prediction, truth, expected = DEGENERATE[case]
    scores = score_map(prediction, truth)
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, abs=1e-4, nan_ok=True), name
    assert {name for name, value in scores.items() if np.isnan(value)} == (
        {"ap", "ap_binary", "ap_interpolated"} if not truth.any() else set()
    )
