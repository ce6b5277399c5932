"""Metrics beside the official ones: AP of a binary truth by brute force, the others against pysodmetrics itself."""

import sys

import numpy as np
import pytest

from cosalpure.errors import UserError
from cosalpure.score import METRICS, score_map
from cosalpure.score.condition import columns
from cosalpure.score.metrics import ALWAYS, FURTHER

PREDICTION = np.array([[250, 200, 200], [100, 90, 10]], np.uint8)
TRUTH = np.array([[255, 0, 255], [0, 255, 0]], np.uint8)
# (precision, recall) at >= 250, 200, 100, 90, 10: (1, 1/3), (2/3, 2/3), (1/2, 2/3), (3/5, 1), (1/2, 1)


def test_ap_of_a_binary_truth_by_hand():
    scores = score_map(PREDICTION, TRUTH)
    assert scores["ap_binary"] == pytest.approx(1 / 3 * (1 + (1 + 2 / 3) / 2 + (1 / 2 + 3 / 5) / 2))
    assert scores["ap_binary"] == scores["ap"]  # the truth is binary as it is
    assert scores["ap_interpolated"] == pytest.approx(1 / 3 * (1 + 2 / 3 + 3 / 5))


def test_a_soft_edge_of_the_truth_moves_the_official_ap_alone():
    soft = np.array([[255, 60, 255], [60, 130, 0]], np.uint8)
    ours, hard = score_map(PREDICTION, soft), score_map(PREDICTION, TRUTH)
    assert (ours["ap_binary"], ours["ap_interpolated"]) == (hard["ap_binary"], hard["ap_interpolated"])
    assert abs(ours["ap"] - hard["ap"]) > 0.05


def test_an_empty_truth_has_no_ap_of_either_kind():
    scores = score_map(PREDICTION, np.zeros_like(TRUTH))
    assert np.isnan([scores["ap"], scores["ap_binary"], scores["ap_interpolated"]]).all()


def test_columns_are_those_that_were_asked_for():
    assert [name for name in columns() if name in METRICS] == list(ALWAYS)
    assert [name for name in columns(further=True) if name in METRICS] == list(METRICS)
    assert set(FURTHER) <= set(METRICS)


def test_without_the_package_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)
    assert set(score_map(PREDICTION, TRUTH)) == set(ALWAYS)
    with pytest.raises(UserError, match="^score: further: true needs the package pysodmetrics.*further: false$"):
        score_map(PREDICTION, TRUTH, further=True)


# --- with pysodmetrics ------------------------------------------------------------------------------------------------
@pytest.fixture
def sod():
    return pytest.importorskip("py_sod_metrics", reason="the extra [metrics] is not installed")


def soft_map(seed, size=48):
    """A blurred disc with noise, and a disc beside it as the truth."""
    rows, columns = np.mgrid[:size, :size] - size / 2 + seed
    disc = 255 / (1 + np.exp((np.hypot(rows, columns) - size / 4) / 2))
    noise = np.random.default_rng(seed).normal(0, 20, disc.shape)
    return np.clip(disc + noise, 0, 255).astype(np.uint8), (np.hypot(rows + 3, columns) < size / 4) * np.uint8(255)


@pytest.mark.parametrize("seed", range(4))
def test_further_metrics_are_pysodmetrics_own(sod, seed):
    prediction, truth = soft_map(seed)
    scores = score_map(prediction, truth, further=True)
    with pytest.warns(UserWarning):  # its older class, which counts by code of its own
        f = sod.Fmeasure(beta=0.3)
    s, e, w = sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure()
    for measure in (f, s, e, w):
        measure.step(prediction, truth)
    theirs = {"s_measure": s.get_results()["sm"], "f_weighted": w.get_results()["wfm"]}
    for letter, its in (("f", f.get_results()["fm"]), ("e", e.get_results()["em"])):
        curve = its["curve"]
        theirs |= {f"{letter}_max": curve.max(), f"{letter}_mean": curve.mean(), f"{letter}_adaptive": its["adp"]}
    assert {name: scores[name] for name in FURTHER} == pytest.approx(theirs)
    assert all(0 <= scores[name] <= 1 for name in FURTHER)


def test_a_perfect_map_has_every_metric_at_its_best(sod):
    _, truth = soft_map(0)
    scores = score_map(truth, truth, further=True)
    assert [scores[name] for name in FURTHER if not name.startswith("e_")] == pytest.approx([1] * 5, abs=5e-3)
    assert scores["e_max"] == pytest.approx(truth.size / (truth.size - 1))  # its denominator is N - 1


def test_adaptive_f_by_its_formula(sod):
    stretched = (PREDICTION - 10) / 240
    chosen = stretched >= min(2 * stretched.mean(), 1)
    hits = (chosen & (TRUTH > 128)).sum()
    precision, recall = hits / chosen.sum(), hits / 3
    expected = 1.3 * precision * recall / (0.3 * precision + recall)
    assert score_map(PREDICTION, TRUTH, further=True)["f_adaptive"] == pytest.approx(expected)


def test_s_measure_by_its_formula_on_two_by_two(sod):
    """Truth: the left column. Object part 2 m / (m^2 + 1 + s) of either side; the centroid leaves one part, the rest
    single rows and empty parts, so the object part is compared through pysodmetrics' own method.
    """
    prediction, truth = np.array([[1.0, 0.2], [0.6, 0.0]]), np.array([[True, False], [True, False]])
    sides = [np.array([1.0, 0.6]), 1 - np.array([0.2, 0.0])]
    expected = sum(0.5 * 2 * x.mean() / (x.mean() ** 2 + 1 + abs(x[0] - x[1]) / np.sqrt(2)) for x in sides)
    assert sod.Smeasure().object(prediction, truth) == pytest.approx(expected)


def test_float_maps_score_as_their_8_bit_twins(sod):
    prediction, truth = soft_map(1)
    floats = score_map(prediction / 255, truth / 255, further=True)
    assert floats == pytest.approx(score_map(prediction, truth, further=True), abs=1e-9)


def test_max_f_is_of_each_image_and_larger_than_that_of_one_threshold_for_the_set(sod):
    """Two images whose best thresholds differ: 0.7826 for the best threshold of both, as papers have it; ours is higher."""
    truth = np.zeros((20, 20), np.uint8)
    truth[:, :10] = 255
    low, high = (np.where(truth > 0, *levels).astype(np.uint8) for levels in ((80, 40), (250, 200)))
    low[0, 0], low[0, 1], high[0, 0], high[0, 19] = 255, 0, 255, 0  # so that stretching changes nothing
    measure = sod.Fmeasure(beta=0.3)
    for prediction in (low, high):
        measure.step(prediction, truth)
    of_set = measure.get_results()["fm"]["curve"].max()
    of_images = np.mean([score_map(prediction, truth, further=True)["f_max"] for prediction in (low, high)])
    assert (of_set, of_images) == (pytest.approx(0.7826, abs=1e-4), pytest.approx(0.9994, abs=1e-4))
