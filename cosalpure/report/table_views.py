"""Tables of the page: those of the run, and cells of numbers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cosalpure.experiment.layout import Layout
from cosalpure.report.view import Cell, Table, Tables
from cosalpure.tables import NAMES
from cosalpure.tables.write import best_cells, caption, cell_text, lay_out


def build(layout: Layout, level: float) -> Tables | None:
    """Build the section of the run's tables; None if there are none. `level` is that of the intervals."""
    paths = [Path(layout.table(name)) for name in NAMES]
    found = [laid_out(pd.read_parquet(path), level) for path in paths if path.exists()]
    return Tables(found) if found else None


def laid_out(table: pd.DataFrame, level: float) -> Table:
    """Lay a tidy table out as in the paper."""
    rows, columns, cells = lay_out(table)
    bold = best_cells(rows, columns, cells)
    lines = [
        [Cell(row[0]), Cell(row[1]), *(_measured(cells.get((row, its)), (row, its) in bold) for its in columns)]
        for row in rows
    ]
    return Table(lines, ["Dataset", "Method", *(" ".join(its) for its in columns)], caption(table, level))


def number(value: float) -> Cell:
    """Make a cell of a number, a dash for none."""
    return Cell("–", "") if math.isnan(value) else Cell(f"{value:.4g}", str(value))


def whole(value: float) -> Cell:
    """Make a cell of a number of which only its whole part matters."""
    return Cell("–", "") if math.isnan(value) else Cell(f"{value:,.0f}", str(value))


def texts(*values: str) -> Sequence[Cell]:
    """Make cells of texts."""
    return [Cell(value) for value in values]


def _measured(cell: Any, bold: bool) -> Cell:
    value = "" if cell is None or math.isnan(cell.value) else f"{cell.value:.6f}"
    return Cell(cell_text(cell), value, bold)
