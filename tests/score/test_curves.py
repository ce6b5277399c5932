"""Curves of F and E against stored values of pysodmetrics 1.6.2 (tests/golden/curves.npz), and their sums over groups.

curves.npz: of the 8-bit cases `index` of metrics.npz, but for the image of one pixel, the curves `f` and `e`; of those with
any foreground (`with_object`) max F and max E of the dataset, by the package's own mean and maximum.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden import loader
from PIL import Image

from cosalpure.errors import UserError
from cosalpure.score.curves import DATASET_METRICS, curves, measure_condition
from cosalpure.score.metrics import METRICS
from cosalpure.seeds import numpy_generator
from cosalpure.tables import dataset
from cosalpure.tables.definitions import DATASET_CURVES, SPLITS

NAMES = {"dataset": "mini", "degradation": "jadena", "purifier": "source_only", "detector": "gicd"}
GOLDEN, CASES = loader.golden("curves"), loader.golden("metrics")


def case(number):
    return CASES[f"r{number}"], CASES[f"g{number}"]


@pytest.mark.parametrize("curve", ["f", "e"])
def test_every_curve_is_that_of_pysodmetrics(curve):
    for number, expected in zip(GOLDEN["index"], GOLDEN[curve], strict=True):
        assert np.abs(curves(*case(number))[curve] - expected).max() < 1e-6, number


def test_the_stored_values_are_those_of_the_installed_package():
    sod = pytest.importorskip("py_sod_metrics", reason="the extra [metrics] is not installed")
    handler = sod.FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=0.3)
    f, e = sod.FmeasureV2({"f": handler}), sod.Emeasure()
    for number in GOLDEN["index"]:
        f.step(*case(number))
        e.step(*case(number))
    np.testing.assert_allclose(handler.dynamic_results, GOLDEN["f"], atol=1e-6)
    np.testing.assert_allclose(e.changeable_ems, GOLDEN["e"], atol=1e-6)


@pytest.fixture
def measured(tmp_path):
    """The curves of the stored cases as images of three groups, of which the second is attacked, on disk."""

    def write(numbers, missing=()):
        rows = []
        for place, number in enumerate(numbers):
            slug, file = f"group{place % 3}", f"{place:03d}.png"
            rows.append({"slug": slug, "file": file, "attacked": place % 3 == 1})
            for folder, values in zip(("maps", "masks"), case(number), strict=True):
                path = Path(tmp_path, folder, slug, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                if folder == "masks" or number not in missing:
                    Image.fromarray(values).save(path)
        return measure_condition(tmp_path / "maps", tmp_path, pd.DataFrame(rows), NAMES, 0.3)

    return write


def values(table, split="avg"):
    return table[table["split"] == split].set_index("metric")


def test_max_f_and_max_e_of_the_dataset_are_those_of_pysodmetrics(measured):
    found = values(dataset.build(measured(GOLDEN["with_object"]), samples=200))
    assert found.loc[["max_f_dataset", "max_e_dataset"], "value"].to_numpy() == pytest.approx(
        GOLDEN["dataset"], abs=1e-6
    )
    each = [curves(*case(number)) for number in GOLDEN["with_object"]]
    for metric, curve in (("f_max", "f"), ("e_max", "e")):
        assert found.loc[metric, "value"] == pytest.approx(np.mean([its[curve].max() for its in each]))
    assert found.loc["f_max", "value"] > found.loc["max_f_dataset", "value"] + 0.05
    inside = found[(found["low"] <= found["value"]) & (found["value"] <= found["high"])]
    assert len(inside) == 4 and (found["high"] > found["low"]).all()


def test_attacked_and_clean_images_have_curves_of_their_own(measured):
    numbers = GOLDEN["with_object"]
    table = dataset.build(measured(numbers), splits=SPLITS, samples=200)
    for split, chosen in (("adv", numbers[1::3]), ("clean", [*numbers[::3], *numbers[2::3]])):
        expected = np.mean([curves(*case(number))["e"] for number in chosen], axis=0).max()
        row = values(table, split).loc["max_e_dataset"]
        assert row["value"] == pytest.approx(expected) and row["done"] == row["expected"] == len(chosen)
    assert np.isnan(values(table, "adv").loc["max_e_dataset", "low"])  # one group has no interval


def test_an_image_without_an_object_has_no_f_and_a_missing_map_has_nothing(measured):
    empty, whole, gone = 7, 0, 1
    table = values(dataset.build(measured([empty, whole, gone], missing=[gone])))
    f, e = table.loc["max_f_dataset"], table.loc["max_e_dataset"]
    assert (f["expected"], f["done"], f["undefined"]) == (3, 2, 1) and (e["expected"], e["done"]) == (3, 2)
    assert f["value"] == pytest.approx(curves(*case(whole))["f"].max())
    assert e["undefined"] == 0


def test_draws_of_groups_are_those_of_their_images():
    """The interval by brute force: groups drawn one by one, their curves put together."""
    rng = np.random.default_rng(0)
    sums, counts, groups = rng.random((6, 4)), np.array([1, 2, 1, 3, 1, 1]), np.array([0, 1, 2, 0, 3, 1])
    found = dataset.bootstrap_maximum(sums, counts, groups, numpy_generator(0, "test"), 300, 0.9)
    draws = numpy_generator(0, "test").integers(4, size=(300, 4))
    maxima = []
    for draw in draws:
        rows = np.concatenate([np.flatnonzero(groups == group) for group in draw])
        maxima.append((sums[rows].sum(0) / counts[rows].sum()).max())
    assert found == pytest.approx((sums.sum(0).max() / 9, *np.quantile(maxima, [0.05, 0.95])))


def test_the_table_says_which_threshold_is_meant(measured, tmp_path):
    measured(GOLDEN["with_object"]).to_parquet(tmp_path / "gicd.parquet")
    statistics = type("Statistics", (), {"samples": 100, "level": 0.95})
    dataset.run([tmp_path / "gicd.parquet"], statistics, tmp_path / "table", 0)
    text = (tmp_path / "table.md").read_text()
    assert "one of 256 thresholds for all images" in text
    assert "max Fβ of the dataset↑" in text and "max Fβ↑" in text
    assert {path.suffix for path in tmp_path.glob("table.*")} == {".parquet", ".csv", ".md", ".tex"}


def test_metrics_of_a_dataset_are_no_columns_of_images():
    assert not set(DATASET_METRICS) & set(METRICS)
    assert {its.name for its in DATASET_CURVES.metrics} == set(dataset.MEASURED)
    assert all("dataset" in its.title for its in DATASET_METRICS.values())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.parquet: no such file of curves"):
        dataset.read_curves([tmp_path / "none.parquet"])
