"""The numbers of the page are those of the tables, and what no table has is computed as the tables are."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import numbers
from cosalpure.report.numbers import METRICS, Numbers
from cosalpure.tables import stage
from cosalpure.tables.build import SPLITS, build_cells, build_differences

BOOTSTRAP = {"seed": 3, "samples": 100, "level": 0.9}
CONDITIONS = [
    ("none", "source_only"),
    ("jadena", "source_only"),
    ("jadena", "cosalpure"),
    ("fog", "source_only"),
    ("fog", "cosalpure"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of a run with its tables, under the attack jadena; and its score rows."""
    folder, draw = tmp_path_factory.mktemp("results"), np.random.default_rng(0)
    files = []
    for degradation, purifier in CONDITIONS:
        rows = pd.DataFrame(
            [(f"g{group}", f"{image}.png", image < 2) for group in range(4) for image in range(4)],
            columns=["slug", "file", "attacked"],
        )
        values = {name: draw.random(16) for name in ("iou", "ap", "f_beta", "mae")}
        rows = rows.assign(**values, success=(values["iou"] > 0.5) * 1.0, status="done", reason="", left_out=0)
        rows = rows.assign(dataset="mini", degradation=degradation, purifier=purifier, detector="gicd")
        files.append(folder / f"{degradation}-{purifier}.parquet")
        rows.to_parquet(files[-1])
    stage.run(files, "jadena", SimpleNamespace(**BOOTSTRAP), folder / "tables", BOOTSTRAP["seed"])
    return folder, pd.read_parquet(folder / "tables/scores.parquet")


@pytest.fixture
def computed(monkeypatch):
    """What is computed again: (degradation, metric, splits), or "differences"."""
    found, cells, differences = [], numbers.build_cells, numbers.build_differences

    def build_cells(scores, table, degradation, metrics, splits, **options):
        found.append((degradation, *metrics, *splits))
        return cells(scores, table, degradation, metrics, splits, **options)

    def build_differences(scores, degradation, **options):
        found.append((degradation, "differences"))
        return differences(scores, degradation, **options)

    monkeypatch.setattr(numbers, "build_cells", build_cells)
    monkeypatch.setattr(numbers, "build_differences", build_differences)
    return found


@pytest.mark.slow
def test_cells_and_differences_are_equal_to_those_computed_anew(results):
    folder, scores = results
    found = Numbers(Layout(str(folder)), scores, Entries(), BOOTSTRAP)
    assert found.degraded() == [("mini", "jadena"), ("mini", "fog")]
    for dataset, degradation in found.degraded():
        cells = found.cells(dataset, degradation)
        expected = build_cells(scores, "report", degradation, METRICS, SPLITS, **BOOTSTRAP)
        pd.testing.assert_frame_equal(cells, expected[cells.columns], check_exact=True)
        differences = found.differences(dataset, degradation).reset_index(drop=True)
        expected = build_differences(scores, degradation, splits=("adv",), **BOOTSTRAP)
        expected = expected[expected["minus_purifier"] == "source_only"].reset_index(drop=True)
        pd.testing.assert_frame_equal(differences, expected[differences.columns], check_exact=True)


def test_what_the_tables_have_is_not_computed_again(results, computed):
    folder, scores = results
    found = Numbers(Layout(str(folder)), scores, Entries(), BOOTSTRAP)
    found.differences("mini", "jadena")
    found.cells("mini", "jadena")
    assert computed == [("jadena", metric, "adv", "clean") for metric in ("ap", "f_beta", "mae")]
    found.cells("mini", "jadena")
    assert len(computed) == 3, "nor what was computed once"


def test_a_number_is_the_table_s(results, tmp_path):
    folder, scores = results
    table = pd.read_parquet(folder / "tables/table2.parquet").assign(value=0.125)
    (tmp_path / "tables").mkdir()
    table.to_parquet(tmp_path / "tables/table2.parquet")
    cells = Numbers(Layout(str(tmp_path)), scores, Entries(), BOOTSTRAP).cells("mini", "jadena")
    assert (cells[cells["metric"] == "sr"]["value"] == 0.125).all()
    assert (cells[cells["metric"] != "sr"]["value"] != 0.125).all()


def test_without_tables_everything_is_computed(results, computed, tmp_path):
    _, scores = results
    found = Numbers(Layout(str(tmp_path)), scores, Entries(), BOOTSTRAP)
    assert not found.cells("mini", "fog").isna().any(axis=None)
    assert len(found.differences("mini", "fog")) == 2
    assert computed == [*(("fog", metric, *SPLITS) for metric in METRICS), ("fog", "differences")]
