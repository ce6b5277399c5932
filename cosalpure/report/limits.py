"""The page's section on what it does not show: the items of docs/project/limitations.md, of which the package has a copy."""

import csv

from cosalpure.bundled import ASSETS
from cosalpure.report.view import Limits


def build() -> Limits:
    """Build the section."""
    known: dict[str, list[tuple[str, str]]] = {}
    with open(ASSETS / "limitations.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known.setdefault(row["heading"], []).append((row["name"], row["text"]))
    return Limits(known)
