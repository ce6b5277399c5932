"""Table 5: each purifier under what was attacked with it in mind, beside what was not."""

import time

import pandas as pd
import pytest
from tables.test_definitions import scores

from cosalpure import record
from cosalpure.degrade.cost import cost_of
from cosalpure.degrade.pgd import Attack
from cosalpure.degrade.stage import write_losses
from cosalpure.experiment.parse import load_files
from cosalpure.labels import Entries
from cosalpure.tables import TABLES, conditions_of, table_names
from cosalpure.tables.build import build_table
from cosalpure.tables.rows import Request, adaptive_rows
from cosalpure.tables.scores import read_scores
from cosalpure.tables.write import as_csv, as_markdown

ENTRIES = Entries.of(
    {
        "degradations": {
            "none": {},
            "jadena": {},
            "fog": {},
            **{
                f"full.{purifier}.{detector}": {"method": "pgd", "label": "full gradient"}
                for purifier in ("source_only", "jpeg")
                for detector in ("gicd", "gcagc")
            },
        }
    }
)
ATTACKS = {
    (purifier, detector): f"full.{purifier}.{detector}"
    for purifier in ("source_only", "jpeg")
    for detector in ("gicd", "gcagc")
}
CONDITIONS = [
    ("mini", degradation, purifier, detector)
    for degradation in ("none", "jadena", "fog")
    for purifier in ("source_only", "jpeg", "dda")
    for detector in ("gicd", "gcagc", "poolnet")
] + [("mini", attack, *pair) for pair, attack in ATTACKS.items()]


def test_rows_are_the_pairs_that_were_attacked_purifier_by_purifier():
    rows = adaptive_rows(Request(CONDITIONS, "jadena", ENTRIES))
    assert [(row.purifier, row.degradation) for row in rows if row.detector == "gicd"] == [
        (purifier, degradation)
        for purifier in ("source_only", "jpeg")
        for degradation in ("none", "jadena", f"full.{purifier}.gicd")
    ]
    assert {row.detector for row in rows} == {"gicd", "gcagc"}


def test_without_an_attack_that_knows_anything_there_is_no_such_table():
    plain = [its for its in CONDITIONS if not its[1].startswith("full")]
    assert "table5" not in table_names(plain, "jadena", ENTRIES)
    assert "table5" in table_names(CONDITIONS, "jadena", ENTRIES)
    assert set(conditions_of("table5", CONDITIONS, "jadena", ENTRIES)) < set(CONDITIONS)


def test_an_attack_has_one_line_for_all_detectors():
    rows = scores(["mini"], ["source_only", "jpeg"])
    more = [
        rows[rows["degradation"] == "jadena"].assign(
            degradation=f"full.{purifier}.{detector}", purifier=purifier, detector=detector
        )
        for purifier, detector in ATTACKS
    ]
    together = pd.concat([rows, *(part.drop_duplicates(["slug", "file"]) for part in more)])
    table = build_table(TABLES["table5"], together, "jadena", ENTRIES)
    labels = set(table["label"])
    assert {"Source-Only: full gradient", "JPEG: full gradient", "Source-Only: Jadena"} <= labels
    assert set(table["split"]) == {"adv", "clean"} and "full gradient" in as_markdown(table)


@pytest.fixture
def together():
    """Score rows of two purifiers under Jadena and an attack each, by one detector."""
    rows = scores(["mini"], ["source_only", "jpeg"])
    here = rows[rows["degradation"] == "jadena"]
    attacks = [
        here[here["purifier"] == purifier].assign(degradation=ATTACKS[purifier, "gicd"])
        for purifier in ("source_only", "jpeg")
    ]
    return pd.concat([rows, *attacks], ignore_index=True)


def test_a_purifier_that_was_drawn_several_times_has_mean_mean_map_and_worst(together, tmp_path):
    drawn = (together["purifier"] == "jpeg").to_numpy()
    several = together[drawn].assign(draws=5, success_mean=0.6, success_mean_map=1.0, success_worst=0.0)
    for name, part in (("once", together[~drawn]), ("several", several)):
        part.to_parquet(tmp_path / f"{name}.parquet")
    found = read_scores([tmp_path / "once.parquet", tmp_path / "several.parquet"])
    table = build_table(TABLES["table5"], found, "jadena", ENTRIES)
    assert list(table["metric"].unique()) == ["sr_mean", "sr_mean_map", "sr_worst"]
    values = table[table["split"] == "adv"].groupby(["purifier", "metric"], sort=False)["value"].agg(["min", "max"])
    assert values.loc["jpeg", "sr_mean"].tolist() == pytest.approx([0.6, 0.6])
    assert values.loc["jpeg", "sr_mean_map"].tolist() == [1, 1] and values.loc["jpeg", "sr_worst"].tolist() == [0, 0]
    once = [values.loc["source_only", metric].tolist() for metric in table["metric"].unique()]
    assert once[0] == once[1] == once[2], "what is drawn once is its own mean, mean map and worst draw"
    assert "SR, worst draw adv↑" in as_markdown(table)


def test_without_draws_the_table_is_as_it_was(together):
    table = build_table(TABLES["table5"], together, "jadena", ENTRIES)
    assert list(table["metric"].unique()) == ["sr"] and "| adv↑" in as_markdown(table)


def test_every_row_says_what_its_attack_costs(together):
    known = {("mini", "full.jpeg.gicd"): {"passes": 1200.0, "seconds": 3.14}, ("mini", "jadena"): {"seconds": 12.4}}
    table = build_table(TABLES["table5"], together, "jadena", ENTRIES, cost_of=lambda *names: known.get(names, {}))
    lines = {line.split("|")[3].strip(): line for line in as_markdown(table).splitlines() if "JPEG" in line}
    assert [text.strip() for text in lines["JPEG: full gradient"].split("|")[-3:-1]] == ["1,200", "3.14"]
    assert [text.strip() for text in lines["JPEG: Jadena"].split("|")[-3:-1]] == ["–", "12.4"]
    assert {"GICD gradient passes a group", "GICD seconds a group"} <= set(as_csv(table))
    without = build_table(TABLES["table5"], together, "jadena", ENTRIES)
    pd.testing.assert_frame_equal(without, table[table["metric"] == "sr"].reset_index(drop=True))


def test_the_cost_of_an_attack_is_read_from_what_its_jobs_left(tmp_path):
    place = tmp_path / "degrade" / "mini" / "full"
    for slug, passes in (("bear", 40), ("goat", 20)):
        write_losses(Attack(None, [1.0] * 10, [0.1] * 10, passes), place / "attack" / f"{slug}.csv")
    shard = pd.DataFrame({"slug": ["bear", "bear", "goat"]})
    place.joinpath("shards").mkdir()
    record.write(
        shard, place / "shards/0000-0002.parquet", record.Job({"stage": "degrade"}, time.monotonic() - 8), "0:2"
    )
    found = cost_of(tmp_path / "degrade", "mini", "full")
    assert found["passes"] == 30 and found["seconds"] == pytest.approx(4, abs=0.5)
    assert cost_of(tmp_path / "degrade", "mini", "none") == {}


def test_the_variant_has_something_for_the_table():
    found = load_files(["config.yaml", "config/variants/purifiers.yaml", "config/variants/adaptive.yaml"])
    assert "table5" in table_names(found.conditions, "jadena", found.entries)
