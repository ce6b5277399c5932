"""The page's first section: what each degradation costs and what each purifier gives back, in sentences."""

import math
from typing import Protocol, cast

import pandas as pd

from cosalpure.labels import Entries
from cosalpure.report.numbers import Numbers
from cosalpure.report.view import Finding, Findings
from cosalpure.tables.complete import count
from cosalpure.tables.present import Cell


class Difference(Cell, Protocol):
    """A row of the table of differences: a condition minus the one that `minus_` names."""

    minus_degradation: str


def build(numbers: Numbers, scores: pd.DataFrame, entries: Entries) -> Findings:
    """Build the section. `scores` has the rows of further seeds, too, whose gaps are named as well."""
    blocks = []
    for dataset, degradation in numbers.degraded():
        cells = numbers.differences(dataset, degradation)
        printed = entries.labels("purifiers", list(cells["purifier"].unique()))
        rows = [cast(Difference, row) for row in cells.itertuples()]
        found = [finding(row, printed[row.purifier]) for row in rows if not math.isnan(row.value)]
        if found:
            title = f"{dataset}, {entries.label('degradations', degradation)}: success rate on the attacked images"
            blocks.append((title, found))
    return Findings(blocks, gaps=[line for line, whole in count(scores) if not whole])


def finding(cell: Difference, purifier: str) -> Finding:
    """Put a row of the differences in words: with its interval, and whether that excludes 0."""
    known = not math.isnan(cell.low)
    change = f"{cell.value:+.3f}" + (f" [{cell.low:+.2f}, {cell.high:+.2f}]" if known else "")
    verdict = "beyond chance" if known and (cell.low > 0 or cell.high < 0) else "within noise"
    harm = bool(cell.minus_degradation != cell.degradation)
    text = f"the degradation changes it by {change}" if harm else f"{purifier} changes it by {change}"
    against = "" if harm else " against no purification"
    return Finding(cell.detector_label, f"{text}{against}, {verdict}.", harm)
