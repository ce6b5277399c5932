"""Tables of the page: those of the run, and cells of numbers."""

import math
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from cosalpure.experiment.layout import Layout
from cosalpure.report.numbers import read
from cosalpure.report.view import Cell, Tabbed, Table, Tables
from cosalpure.tables import NAMES
from cosalpure.tables.definitions import metric_of
from cosalpure.tables.present import Cell as Measured
from cosalpure.tables.present import (
    CellKey,
    ColumnKey,
    RowKey,
    best_cells,
    caption,
    cell_text,
    lay_out,
    ranks_purifiers,
)

ADAPTIVE = "table5"  # of a section of its own
CONFIGURED = "that of the configuration"  # an order of rows


def build(layout: Layout, scores: pd.DataFrame, level: float) -> Tables | None:
    """Build the section of the run's tables; None if there are none. `level` is that of the intervals."""
    tables = [read(layout, name, scores) for name in NAMES if name != ADAPTIVE]
    found = [tabbed(table, level) for table in tables if not table.empty]
    return Tables(found) if found else None


def tabbed(table: pd.DataFrame, level: float) -> Tabbed:
    """Lay a tidy table out, one table a detector, the best rows first where it ranks them."""
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    ranks = any(map(ranks_purifiers, table["table"].unique()))
    detectors = list(dict.fromkeys(detector for detector, _ in columns))
    tabs = {}
    for detector in detectors:
        shown = [column for column in columns if column[0] == detector]
        ordered = best_first(rows, shown[0], cells) if ranks else rows
        several = len({dataset for dataset, _ in rows}) > 1
        lines = [
            [
                Cell(row[1]),
                *[Cell(row[0])] * several,
                *(measured(cells.get((row, its)), (row, its) in bold) for its in shown),
            ]
            for row in ordered
        ]
        tabs[detector] = Table(lines, ["Method", *["Dataset"] * several, *(heading for _, heading in shown)])
    order = f"best {columns[0][1]} first, below the clean reference" if ranks and columns else CONFIGURED
    title, brackets, about = caption(table, level).partition("Brackets:")
    return Tabbed(title.strip(), brackets + about, order, tabs)


def best_first(rows: Sequence[RowKey], column: ColumnKey, cells: Mapping[CellKey, Measured]) -> list[RowKey]:
    """Order rows within their dataset by a column: the clean reference, then the best first, those without a value last."""
    datasets = list(dict.fromkeys(dataset for dataset, _ in rows))

    def place(row: RowKey) -> tuple[int, bool, bool, float]:
        cell = cells.get((row, column))
        value = math.nan if cell is None else cell.value
        better = -value if cell is not None and metric_of(cell.metric).larger_is_better else value
        clean = any(its.role == "clean" for key, its in cells.items() if key[0] == row)
        return datasets.index(row[0]), not clean, math.isnan(value), 0.0 if math.isnan(value) else better

    return sorted(rows, key=place)


def number(value: float, digits: int = 3) -> Cell:
    """Make a cell of a number, a dash for none."""
    return Cell("–", "") if math.isnan(value) else Cell(f"{value:.{digits}f}", str(value))


def whole(value: float) -> Cell:
    """Make a cell of a number of which only its whole part matters."""
    return Cell("–", "") if math.isnan(value) else Cell(f"{value:,.0f}", str(value))


def texts(*values: str) -> Sequence[Cell]:
    """Make cells of texts."""
    return [Cell(value) for value in values]


def measured(cell: Measured | None, bold: bool) -> Cell:
    """Make a cell of a measured number: its mean, then the interval and what else there is to say."""
    value = "" if cell is None or math.isnan(cell.value) else f"{cell.value:.6f}"
    mean, *more = re.split(r" (?=[\[(±]|\d+ of )", cell_text(cell))
    return Cell(mean, value, bold, more)
