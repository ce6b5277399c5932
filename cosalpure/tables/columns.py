"""Columns that a tidy table gets beside what was measured: the published values, and names as printed."""

from pathlib import Path

import numpy as np
import pandas as pd

from cosalpure.labels import FAMILIES, Entries, told_apart
from cosalpure.tables.definitions import KEYS, MINUS, definition_of

PUBLISHED = ["table", "dataset", "degradation", "row", "detector", "metric", "split"]  # of paper_tables.csv, as printed


def with_paper_values(table: pd.DataFrame, entries: Entries) -> pd.DataFrame:
    """Add the published values of what the entries say that they reproduce, the differences, and inside or not."""
    rows = pd.read_csv(Path(__file__).with_name("paper_tables.csv"), dtype={"table": str})
    published = dict(zip(rows[PUBLISHED].itertuples(index=False, name=None), rows["value"], strict=True))
    values = []
    for key, *names, metric, split in table[["table", *KEYS, "metric", "split"]].itertuples(index=False, name=None):
        definition = definition_of(key)
        where = definition.name if definition else key
        reported = [entries.reported(family, name, where) for family, name in zip(FAMILIES, names, strict=True)]
        values.append(published.get((key, *reported, metric, split), np.nan))
    paper = np.array(values, dtype=float)
    inside = ((table["low"] <= paper) & (paper <= table["high"])).astype(float)
    known = ~np.isnan(paper) & table["low"].notna()
    return table.assign(paper=paper, minus_paper=table["value"] - paper, paper_inside=inside.where(known))


def with_labels(table: pd.DataFrame, entries: Entries, printed: str = "purifiers") -> pd.DataFrame:
    """Add `label`, `detector_label` and `role`; equal labels are told apart by the entries' names.

    `printed` is the family whose labels the rows carry: purifiers, or degradations.
    """
    detectors = entries.labels("detectors", list(table["detector"].unique()))
    keys = [key for key in ("degradation", "purifier", *MINUS) if key in table]
    found: list[tuple[str, ...]] = list(table[keys].itertuples(index=False, name=None))
    rows = list(dict.fromkeys(found))
    if printed == "degradations":
        labels = entries.labels("degradations", [row[0] for row in rows])
        label = [labels[row[0]] for row in found]
    elif printed == "both":
        label = both_labels(table, entries)
    else:
        purifiers = entries.labels("purifiers", list(dict.fromkeys(name for row in rows for name in row[1::2])))
        texts = told_apart({row: row_label(row, purifiers, entries) for row in rows})
        label = [texts[row] for row in found]
    roles = {row: "clean" if entries.is_clean(row[0], row[1]) else entries.role("purifiers", row[1]) for row in rows}
    labelled = table.assign(label=label, detector_label=table["detector"].map(detectors))
    labelled["role"] = [roles[row] for row in found]
    return labelled


def both_labels(table: pd.DataFrame, entries: Entries) -> list[str]:
    """Name each row by its purifier and its degradation; equal names under one detector are told apart."""
    keys = list(table[["detector", "degradation", "purifier"]].itertuples(index=False, name=None))
    found: dict[tuple[str, str, str], str] = {}
    for detector in dict.fromkeys(key[0] for key in keys):
        here = dict.fromkeys(key for key in keys if key[0] == detector)
        found |= told_apart(
            {key: f"{entries.label('purifiers', key[2])}: {entries.label('degradations', key[1])}" for key in here}
        )
    return [found[key] for key in keys]


def row_label(row: tuple[str, ...], printed: dict[str, str], entries: Entries) -> str:
    """Name a row: (degradation, purifier) of a mean, and of a difference also those that are taken away."""
    degradation, purifier, *minus = row
    if not minus:
        return "Clean (no attack)" if entries.is_clean(degradation, purifier) else printed[purifier]
    if entries.is_clean(minus[0], minus[1]):
        return "Attacked − clean" if purifier == minus[1] else f"{printed[purifier]} − clean"
    return f"{printed[purifier]} − {printed[minus[1]]}"
