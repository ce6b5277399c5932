"""The section on adaptive attacks: what is read of a run's files, the checks, and the plot against the bound."""

import re
import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cosalpure import record
from cosalpure.degrade.pgd import Attack
from cosalpure.degrade.stage import write_losses
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import adaptive, attacks, page
from cosalpure.report.view import Page
from cosalpure.tables.build import build_table
from cosalpure.tables.definitions import TABLES
from cosalpure.tables.write import write_parquet

BOOTSTRAP = {"seed": 0, "samples": 100, "level": 0.95}
PGD = {"gradient": "full", "steps": 10, "fixed_noise": False, "eot": 1}
RUN = {  # settings and success of what purifier `jpeg` met
    "none": ({}, 0.9),
    "jadena": ({"epsilon": 16 / 255, "steps": 20}, 0.6),
    "small": ({**PGD, "epsilon": 4 / 255}, 0.4),
    "large": ({**PGD, "epsilon": 16 / 255}, 0.1),
    "known": ({**PGD, "epsilon": 16 / 255, "fixed_noise": True}, 0.05),
}
ENTRIES = Entries.of(
    {
        "degradations": {
            "none": {},
            "jadena": {},
            **{name: {"label": f"PGD <{name}>", "role": "adaptive"} for name in ("small", "large", "known")},
        },
        "purifiers": {"jpeg": {}},
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's files, as far as the section reads them, and its score rows."""
    layout = Layout(str(tmp_path_factory.mktemp("run") / "results"))
    parts = []
    for number, (name, (settings, rate)) in enumerate(RUN.items()):
        place = layout.stage("degrade", "mini", name)
        shard = pd.DataFrame({"slug": [f"g{group}" for group in range(10)]})
        path = f"{layout.shard_folder('degrade', 'mini', name)}/0000-0010.parquet"
        Path(path).parent.mkdir(parents=True)
        record.write(shard, path, record.Job({"stage": "degrade", "settings": settings}, time.monotonic()), "0:10")
        if settings.get("gradient"):
            for slug in shard["slug"]:
                write_losses(Attack(None, [1.0, 0.8, 0.5], [0.1, 0.2, 0.1], 3), Path(place, "attack", f"{slug}.csv"))
        rows = pd.DataFrame([(f"g{i // 10}", f"{i % 10}.png", i % 2 == 0) for i in range(100)])
        rows.columns = ["slug", "file", "attacked"]
        draw = np.random.default_rng(number).random(100)
        rows = rows.assign(dataset="mini", degradation=name, purifier="jpeg", detector="gicd", status="done")
        parts.append(rows.assign(success=(draw < rate).astype(float), left_out=0, reason=""))
    scores = pd.concat(parts, ignore_index=True)
    table = build_table(TABLES["table5"], scores, "jadena", ENTRIES, samples=100)
    Path(layout.tables).mkdir()
    write_parquet(table, layout.table("table5"))
    return layout, scores


@pytest.fixture(scope="module")
def section(run):
    return adaptive.build(*run, ENTRIES, BOOTSTRAP)


def test_success_is_a_row_a_purifier_and_a_column_an_attack(run, section):
    attacked, clean = section.by_attack
    _, scores = run
    shown = attacked.tabs["GICD"]
    assert attacked.title == "Success rate on attacked images" and clean.title == "Success rate on clean images"
    assert shown.header == ["Purifier", *(ENTRIES.label("degradations", name) for name in RUN)]
    (row,) = shown.rows
    for cell, name in zip(row[1:], RUN, strict=True):
        its = scores[(scores["degradation"] == name) & scores["attacked"]]["success"].mean()
        assert float(cell.value) == pytest.approx(its, abs=1e-6) and cell.more[0].startswith("[")


@pytest.fixture
def shown(run):
    """A function that lays out Table 5 of rows of scores, and gives the tables of a detector by title."""
    _, scores = run
    alike = {name: {"label": "PGD", "role": "adaptive"} for name in ("small", "large")}
    entries = Entries.of({"degradations": alike, "purifiers": {"alone": {"role": "reference"}}})

    def lay_out(purifiers):
        rows = pd.concat(
            scores[scores["degradation"] == name].assign(purifier=purifier)
            for purifier, names in purifiers.items()
            for name in names
        )
        table = build_table(TABLES["table5"], rows, "jadena", entries, samples=20)
        found = adaptive.by_attack(table, adaptive.Rates(rows, BOOTSTRAP), entries, 0.95)
        return {its.title: its.tabs["GICD"] for its in found}

    return lay_out


def test_attacks_of_one_label_share_a_column_unless_one_purifier_met_both(shown):
    apart = shown({"jpeg": ["small"], "dda": ["large"]})["Success rate on attacked images"]
    assert apart.header == ["Purifier", "PGD"] and all(row[1].value for row in apart.rows)
    both = shown({"jpeg": ["small", "large"]})["Success rate on attacked images"]
    assert both.header == ["Purifier", "PGD", "PGD"] and both.rows[0][1].value != both.rows[0][2].value


def test_the_gain_is_measured_against_no_purification_under_the_same_kind_of_attack(run, shown):
    _, scores = run
    rates = {name: scores[(scores["degradation"] == name) & scores["attacked"]]["success"].mean() for name in RUN}
    gain = shown({"alone": ["large"], "jpeg": ["small"]})["Gain over no purification on attacked images"]
    assert gain.header == ["Purifier", "PGD"] and [row[0].text for row in gain.rows] == ["JPEG"]
    assert float(gain.rows[0][1].value) == pytest.approx(rates["small"] - rates["large"], abs=1e-6)
    assert gain.rows[0][1].text.startswith("+") and gain.rows[0][1].more[0].startswith("[+")


def test_settings_and_steps_are_those_of_the_jobs(run):
    found = {its.condition[1]: its for its in attacks.read(*run, ENTRIES)}
    assert list(found) == list(RUN) and {name: its.settings for name, its in found.items()} == {
        name: settings for name, (settings, _) in RUN.items()
    }
    assert found["small"].role == "adaptive" and len(found["small"].steps) == 10 and not found["jadena"].steps
    assert found["small"].steps["g0"][2].loss == 0.5


def test_checks_tell_what_was_expected_and_measured(section):
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in section.checks.rows}
    assert rows["Known purifier"][2] == "passed" and rows["Known noise"][2].startswith("passed")
    assert rows["More steps"][1:] == ["–", "not run"] and rows["No bound"][2] == "not run"
    assert rows["Loss"][1:] == ["loss 1 at step 0, 0.5 at step 2", "passed"]
    assert "not more success" in rows["Known noise"][0]
    assert {row[1].text for row in section.every.rows} == {"JPEG"}


def test_success_is_drawn_against_the_bound_of_attacks_that_differ_in_it_alone(run, section):
    assert [plot.heading for plot in section.plots] == ["Success against the bound: JPEG, PGD <large>, mini"]
    layout, scores = run
    met = attacks.read(layout, scores[scores["degradation"] != "small"], ENTRIES)
    assert adaptive.against_epsilon(met, adaptive.Rates(scores, BOOTSTRAP), ENTRIES) == []


def test_the_axis_has_the_bounds_in_order_and_the_rate_without_attack(run):
    layout, scores = run
    met = attacks.read(layout, scores, ENTRIES)
    numbers = adaptive._numbers(
        [its for its in met if its.condition[1] in ("large", "small")], met, adaptive.Rates(scores, BOOTSTRAP)
    )
    here = numbers[numbers["split"] == "adv"]
    assert here["x"].tolist() == pytest.approx([4, 16]) and here["images"].tolist() == [50, 50]
    clean = scores[(scores["degradation"] == "none") & scores["attacked"]]["success"].mean()
    assert here["sr_clean"].tolist() == pytest.approx([clean, clean])


def test_the_page_shows_all_of_it_and_names_stay_names(section):
    text = page.render(Page([section]))
    part = text.partition('id="attack-checks"')[2]
    assert "not run" in part and "passed" in part and part.count("<svg") == 1
    assert (
        "PGD &lt;large&gt;" in text
        and "<large>" not in text
        and "draws" not in text.partition('id="attack-checks"')[0][-300:]
    )
    anchors = re.findall(r' id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors)), "a link or a tab would find another place"


def test_with_several_draws_the_mean_of_draws_is_compared(run):
    layout, scores = run
    several = scores.assign(draws=5, success_mean=0.25, success_mean_map=0.0, success_worst=0.0)
    section = adaptive.build(layout, several, ENTRIES, BOOTSTRAP)
    assert section.drawn and "evaluated by several draws" in page.render(Page([section]))
    rows = {row[0].text: row[2].text for row in section.checks.rows}
    assert rows["Known purifier"].startswith("success 0.25 against 0.25, difference +0.00")


def test_without_records_there_is_a_table_and_nothing_is_checked(run, tmp_path):
    _, scores = run
    layout = Layout(str(tmp_path))
    assert adaptive.build(layout, scores, ENTRIES, BOOTSTRAP) is None
    (tmp_path / "tables").mkdir()
    write_parquet(build_table(TABLES["table5"], scores, "jadena", ENTRIES, samples=20), layout.table("table5"))
    section = adaptive.build(layout, scores, ENTRIES, BOOTSTRAP)
    assert (
        {row[3].text for row in section.checks.rows} == {"not run"} and section.every.rows == [] and not section.plots
    )


@pytest.fixture(scope="module")
def script():
    """The script that writes the tables of the documentation."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks/adaptive.py")))


@pytest.fixture(scope="module")
def measured(run, script):
    layout, scores = run
    conditions = [("mini", name, "jpeg", "gicd") for name in (*RUN, "not_run_yet")]
    for name, rows in scores.groupby("degradation"):
        path = Path(layout.score("mini", name, "jpeg", "gicd"))
        path.parent.mkdir(parents=True)
        rows.to_parquet(path)
    statistics = SimpleNamespace(samples=BOOTSTRAP["samples"], level=BOOTSTRAP["level"])
    experiment = SimpleNamespace(seed=BOOTSTRAP["seed"], statistics=statistics, entries=ENTRIES, conditions=conditions)
    return script.Run(layout.results, experiment)


def test_the_documentation_s_table_takes_the_rows_of_a_run_and_keeps_all_others(measured, section, script, tmp_path):
    table = tmp_path / "table5.csv"
    old = [
        "# what was run",
        "detector,purifier,no attack,random noise,full gradient",
        "GICD,JPEG,0.1,0.2,0.3",
        "GCAGC,JPEG,4,,",
    ]
    table.write_text("\n".join([*old, ""]))
    script.write(table, measured.tables()["table5"], "the line is there")
    note, (ours, other) = script.read(table)
    printed = section.by_attack[0].tabs["GICD"]
    shown = {heading: cell.text for heading, cell in zip(printed.header, printed.rows[0], strict=True)}
    assert note == "# what was run\n" and other["no attack"] == "4" and other["full gradient"] == ""
    assert ours["random noise"] == "0.2" and ours["full gradient"] == shown["PGD <large>"] != "0.3"
    assert ours["full, known noise"] == shown["PGD <known>"] and shown["PGD <small>"] not in ours.values()


def test_the_documentation_s_tables_of_bounds_and_cost(measured, script, tmp_path):
    tables, file = measured.tables(), tmp_path / "table5-epsilon.csv"
    script.write(file, tables["table5-epsilon"], "a new file")
    note, (row,) = script.read(file)
    assert note.startswith("# a new file; ") and [*row][:3] == ["detector", "purifier", "4/255"]
    assert (
        row["16/255"]
        == next(its["full gradient"] for its in tables["table5"] if "full gradient" in its)
        != row["4/255"]
    )
    assert {its["attack"]: its["gradient passes"] for its in tables["table5-cost"]} == {
        "full gradient": "3",
        "full, known noise": "3",
    }


def test_the_documentation_s_checks_are_those_of_the_report(measured, section):
    assert [list(row.values()) for row in measured.checks()] == [
        [cell.text for cell in row] for row in section.checks.rows
    ]
    assert [row["attack"] for row in measured.strength()] == [ENTRIES.label("degradations", name) for name in RUN]


@pytest.mark.parametrize(
    ("settings", "column"),
    [
        ({}, "full gradient"),
        ({"steps": 20}, "full gradient, 20 steps"),
        ({"attack_steps": 5}, "full, 5 denoising steps"),
        ({"gradient": "bpda"}, "BPDA"),
        ({"epsilon": 4 / 255}, None),
    ],
)
def test_another_number_of_steps_is_another_column(measured, settings, column):
    met = {"epsilon": 16 / 255, **PGD, **settings}
    assert measured.column(SimpleNamespace(role="adaptive", epsilon=met["epsilon"], settings=met)) == column
