"""Table 5: each purifier under what was attacked with it in mind, beside what was not."""

import pandas as pd
from tables.test_definitions import scores

from cosalpure.experiment.parse import load_files
from cosalpure.labels import Entries
from cosalpure.tables import TABLES, conditions_of, table_names
from cosalpure.tables.build import build_table
from cosalpure.tables.rows import Request, adaptive_rows
from cosalpure.tables.write import as_markdown

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


def test_the_variant_has_something_for_the_table():
    found = load_files(["config.yaml", "config/variants/purifiers.yaml", "config/variants/adaptive.yaml"])
    assert "table5" in table_names(found.conditions, "jadena", found.entries)
