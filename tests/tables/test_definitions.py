"""A table is one definition: what is built, written, offered and reported follows from it."""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from tables.paper import ENTRIES, EXPERIMENT, published

from cosalpure import labels
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.layout import TABLE_KINDS
from cosalpure.score import METRICS as SCORE_METRICS
from cosalpure.score.settings import Statistics
from cosalpure.tables import NAMES, TABLES, Table, conditions_of, table_names
from cosalpure.tables.build import build_table
from cosalpure.tables.definitions import MAE, METRICS, SR, metric_of
from cosalpure.tables.rows import purifier_rows
from cosalpure.tables.scores import conditions_in
from cosalpure.tables.stage import run
from cosalpure.tables.write import as_latex


def scores(datasets=("mini", "photos"), purifiers=("source_only", "jpeg")):
    """Score rows of Jadena under two purifiers and of the clean reference; eight images in four groups."""
    conditions = [(dataset, "none", "source_only", "gicd") for dataset in datasets]
    conditions += [(dataset, "jadena", purifier, "gicd") for dataset in datasets for purifier in purifiers]
    parts = []
    for number, key in enumerate(conditions):
        rows = dict(zip(("dataset", "degradation", "purifier", "detector"), key, strict=True))
        rows |= {"slug": [f"g{i // 2}" for i in range(8)], "file": [f"{i % 2}.png" for i in range(8)]}
        rows |= {"attacked": [i % 2 == 0 for i in range(8)], "status": "done", "left_out": 0}
        rows |= {"success": (np.arange(8) > number).astype(float), "ap": 0.5, "f_beta": 0.5, "mae": 0.1 * number}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def test_definitions_agree_with_the_paper_and_with_what_an_entry_can_report():
    numbered = {table.number: table for table in TABLES.values() if table.number}
    values = published()
    assert set(numbered) == set(values["table"])
    for number, cells in values.groupby("table"):
        assert {metric.name for metric in numbered[number].metrics} == set(cells["metric"])
        assert set(numbered[number].splits) == set(cells["split"])
    assert tuple(table.name for table in numbered.values()) == labels.TABLES


def test_metrics_are_columns_of_the_score_files_and_printed_as_there():
    assert {metric.column for metric in METRICS.values()} <= set(SCORE_METRICS)
    assert [metric.title + metric.arrow for metric in METRICS.values()] == ["SR↑", "AP↑", "Fβ↑", "MAE↓"]
    assert metric_of("sr") is SR and metric_of("iou").column == "iou" and metric_of("iou").title == "IoU"


def test_a_definition_is_frozen():
    with pytest.raises(FrozenInstanceError):
        TABLES["table1"].title = "another"


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_those_that_the_definition_says(name):
    rows = scores(purifiers=("source_only", "jpeg", "continuous"))
    rows = pd.concat([rows, rows[rows["degradation"] == "jadena"].assign(degradation="jadena.seed7")])
    table = build_table(TABLES[name], rows, "jadena", samples=20)
    assert tuple(table.columns) == TABLES[name].columns
    assert len(table) or name in ("table4", "table5"), "nothing here reports Table 4, or was attacked adaptively"


def test_a_further_table_needs_its_definition_only(tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, "mine", Table("mine", "My table.", purifier_rows, metrics=(SR, MAE), splits=("adv",)))
    assert "mine" not in table_names([("mini", "none", "source_only", "gicd")], "jadena", ENTRIES)
    scores().to_parquet(tmp_path / "scores.parquet")
    run([tmp_path / "scores.parquet"], "jadena", Statistics(samples=100), tmp_path / "tables", seed=0, only=["mine"])
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {f"mine.{kind}" for kind in TABLE_KINDS}
    text = (tmp_path / "tables/mine.md").read_text()
    assert text.startswith("My table. Brackets") and "| SR adv↑" in text and "| MAE adv↓" in text


def test_a_table_is_made_of_the_conditions_of_its_rows():
    found = [*conditions_in(scores()), ("mini", "blur", "jpeg", "gicd"), ("mini", "jadena.seed7", "jpeg", "gicd")]
    assert conditions_of("table1", found, "jadena", ENTRIES) == found[:6]
    assert conditions_of("degradations", found, "jadena", ENTRIES) == [its for its in found if its[2] == "source_only"]
    assert conditions_of("seeds", found, "jadena", ENTRIES) == [*found[2:6], found[-1]]
    assert conditions_of("table3", found, "jadena", ENTRIES) == []


def test_what_is_listed_has_rows_in_the_paper_experiment():
    jobs = Jobs(EXPERIMENT)
    assert jobs.tables == [name for name in NAMES if name not in ("seeds", "table5")]
    for name in jobs.tables:
        assert set(conditions_of(name, jobs.conditions, "jadena", ENTRIES)) <= set(jobs.conditions)
        assert jobs.table_scores(name)
    assert table_names(jobs.conditions[:1], "none", ENTRIES) == ["table1", "table2", "degradations"]


def test_latex_is_a_booktabs_table_with_a_rule_before_each_dataset():
    text = as_latex(build_table(TABLES["table2"], scores(), "jadena", samples=20))
    lines = text.splitlines()
    assert lines[0] == r"\begin{table*}" and lines[1].startswith(r"\caption{Table 2. ")
    assert lines[3:6] == [r"\begin{tabular}{llccc}", r"\toprule", r" &  & \multicolumn{3}{c}{GICD} \\"]
    assert lines[6] == r"Dataset & Method & avg$\uparrow$ & adv$\uparrow$ & clean$\uparrow$ \\"
    rules = [i for i, line in enumerate(lines) if line == r"\midrule"]
    assert [lines[i + 1].partition(" & ")[0] for i in rules] == ["mini", "photos"]
    assert [line.split(" & ")[1] for line in lines if line.startswith(" & ")][1:] == ["Source-Only", "JPEG"] * 2
    assert lines[-3:] == [r"\bottomrule", r"\end{tabular}}", r"\end{table*}"]
