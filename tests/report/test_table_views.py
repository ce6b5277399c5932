"""The tables on the page: one detector a tab, best first, the numbers of the run's files."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import adaptive, page, table_views
from cosalpure.report.numbers import read
from cosalpure.report.view import Page
from cosalpure.tables.build import build_table
from cosalpure.tables.definitions import TABLES
from cosalpure.tables.write import as_csv, write_parquet

CONDITIONS = [
    ("none", "source_only", 0.9),
    ("jadena", "source_only", 0.2),
    ("jadena", "cosalpure", 0.3),
    ("jadena", "diffpure", 0.6),
]


@pytest.fixture(scope="module")
def scores():
    draw, found = np.random.default_rng(0), []
    for dataset in ("one", "two"):
        for degradation, purifier, rate in CONDITIONS:
            for detector in ("gicd", "gcagc"):
                rows = pd.DataFrame(
                    [(f"g{g}", f"{i}.png", i < 2) for g in range(4) for i in range(4)],
                    columns=["slug", "file", "attacked"],
                )
                rows["iou"] = np.clip(rate + draw.random(16) / 10, 0, 1)
                rows = rows.assign(
                    success=rows["iou"], ap=rows["iou"], f_beta=rows["iou"], mae=1 - rows["iou"], status="done"
                )
                found.append(
                    rows.assign(dataset=dataset, degradation=degradation, purifier=purifier, detector=detector)
                )
    return pd.concat(found, ignore_index=True).assign(reason="", left_out=0)


def methods(table):
    return [(row[1].text, row[0].text) for row in table.rows]


def test_a_tab_a_detector_with_the_best_first_below_the_clean_reference(scores):
    table = build_table(TABLES["table1"], scores, "jadena", samples=20)
    shown = table_views.tabbed(table, 0.95)
    assert list(shown.tabs) == ["GICD", "GCAGC"] and shown.order == "best SR↑ first, below the clean reference"
    assert shown.title.startswith("Table 1.") and shown.about.startswith("Brackets:")
    expected = ["Clean (no attack)", "DiffPure (SDE)", "CosalPure", "Source-Only"]
    for its in shown.tabs.values():
        assert methods(its) == [(dataset, name) for dataset in ("one", "two") for name in expected]
        assert its.header == ["Method", "Dataset", "SR↑", "AP↑", "Fβ↑", "MAE↓"]


def test_numbers_are_those_of_the_file_with_as_many_decimals_each(scores):
    table = build_table(TABLES["table2"], scores, "jadena", samples=20)
    expected = {(row["dataset"], row["method"]): row for row in as_csv(table).to_dict("records")}
    for detector, its in table_views.tabbed(table, 0.95).tabs.items():
        for row in its.rows:
            for heading, cell in zip(its.header[2:], row[2:], strict=True):
                assert float(cell.value) == pytest.approx(
                    expected[row[1].text, row[0].text][f"{detector} {heading}"], abs=1e-6
                )
                assert re.fullmatch(r"\d\.\d{3}", cell.text) and re.fullmatch(r"\[\d\.\d\d, \d\.\d\d\]", *cell.more)


def test_differences_keep_their_order_and_one_dataset_needs_no_column(scores):
    table = build_table(TABLES["differences"], scores[scores["dataset"] == "one"], "jadena", samples=20)
    shown = table_views.tabbed(table, 0.95)
    assert shown.order == "that of the configuration" and shown.tabs["GICD"].header[:2] == ["Method", "avg↑"]
    assert [row[0].text for row in shown.tabs["GICD"].rows] == list(dict.fromkeys(table["label"]))


def test_a_cell_without_a_number_is_last_and_says_so(scores):
    lacking = scores.copy()
    lacking.loc[(lacking["purifier"] == "diffpure") & (lacking["dataset"] == "one"), ["status", "success"]] = [
        "failed",
        math.nan,
    ]
    shown = table_views.tabbed(build_table(TABLES["table2"], lacking, "jadena", samples=20), 0.95).tabs["GICD"]
    assert shown.rows[3][0].text == "DiffPure (SDE)" and (shown.rows[3][2].text, shown.rows[3][2].more) == (
        "–",
        ["0 of 16"],
    )


def test_tables_of_an_earlier_run_are_not_shown(scores, tmp_path):
    layout, bootstrap = Layout(str(tmp_path)), {"seed": 0, "samples": 20, "level": 0.95}
    (tmp_path / "tables").mkdir()
    entries = Entries.of({"degradations": {"jadena": {"label": "PGD", "role": "adaptive"}}})
    for name in ("table2", "table5"):
        table = build_table(TABLES[name], scores, "jadena", samples=20, entries=entries)
        write_parquet(table, layout.table(name))
    fewer = scores[scores["purifier"] != "diffpure"]
    assert table_views.build(layout, fewer, 0.95) is None and adaptive.build(layout, fewer, entries, bootstrap) is None
    assert read(layout, "table2", fewer).empty and not read(layout, "table2", scores).empty


def test_attacks_that_know_the_purifier_have_a_section_of_their_own(scores, tmp_path):
    layout, bootstrap = Layout(str(tmp_path)), {"seed": 0, "samples": 20, "level": 0.95}
    (tmp_path / "tables").mkdir()
    entries = Entries.of({"degradations": {"jadena": {"label": "PGD", "role": "adaptive"}}})
    assert (
        adaptive.build(layout, scores, entries, bootstrap) is None and table_views.build(layout, scores, 0.95) is None
    )
    write_parquet(build_table(TABLES["table5"], scores, "jadena", samples=20, entries=entries), layout.table("table5"))
    section = adaptive.build(layout, scores, entries, bootstrap)
    assert list(section.table.tabs) == ["GICD", "GCAGC"] and table_views.build(layout, scores, 0.95) is None
    text = page.render(Page([section]))
    assert "PGD" in text.partition('class="panel"')[2] and text.count('<div class="panel"') == 2 * 4
