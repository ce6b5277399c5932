"""A tidy table as it is read: laid out as in the paper, its cells in words, its caption.

Bold is the best complete condition of a column and dataset; the reference without attack takes no part. A cell that
lacks images says 'n of m': the mean of the survivors is shown, not passed off as the whole.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, cast

import pandas as pd

from cosalpure.tables.definitions import COSTS, definition_of, metric_of


class Cell(Protocol):
    """A row of a tidy table, as `itertuples` gives it; the columns of some tables alone are read by `number_of`."""

    table: str
    dataset: str
    degradation: str
    purifier: str
    detector: str
    metric: str
    split: str
    value: float
    low: float
    high: float
    expected: int
    done: int
    label: str
    detector_label: str
    role: str | None


RowKey = tuple[str, str]  # dataset, label
ColumnKey = tuple[str, str]  # detector's label, heading
CellKey = tuple[RowKey, ColumnKey]


def cells_of(table: pd.DataFrame) -> list[Cell]:
    """List the cells of a tidy table."""
    return [cast(Cell, cell) for cell in table.itertuples(index=False)]


def number_of(cell: Cell | None, column: str) -> float:
    """Read a number of a cell; NaN without the cell, or in a table without the column."""
    return float(getattr(cell, column, math.nan))


def column_label(metric: str, split: str, metrics: Sequence[str], splits: Sequence[str]) -> str:
    """Name a column under its detector: the metric, or the split where there is but one metric.

    All images of a group are meant where no split is named.
    """
    if metric in COSTS:
        return COSTS[metric]
    about = metric_of(metric)
    parts = [about.title] * (len(metrics) > 1 or len(splits) == 1) + [split] * (len(splits) > 1 or split != "avg")
    return " ".join(parts) + about.arrow


def lay_out(table: pd.DataFrame) -> tuple[list[RowKey], list[ColumnKey], dict[CellKey, Cell]]:
    """Lay a tidy table out: [(dataset, label)], [(detector, heading)], {(row, column): cell}."""
    shown = table[~table["metric"].isin(COSTS)]
    metrics, splits = list(shown["metric"].unique()), list(shown["split"].unique())
    cells: dict[CellKey, Cell] = {}
    for cell in cells_of(table):
        heading = column_label(cell.metric, cell.split, metrics, splits)
        cells[(cell.dataset, cell.label), (cell.detector_label, heading)] = cell
    rows, columns = dict.fromkeys(row for row, _ in cells), dict.fromkeys(column for _, column in cells)
    return list(rows), list(columns), cells


def best_cells(rows: Sequence[RowKey], columns: Sequence[ColumnKey], cells: Mapping[CellKey, Cell]) -> set[CellKey]:
    """Find the cells to be printed bold."""
    bold = set()
    for column in columns:
        for dataset in dict.fromkeys(dataset for dataset, _ in rows):
            keys = [(row, column) for row in rows if row[0] == dataset and competes(cells.get((row, column)))]
            values = [cells[key].value for key in keys]
            if len(values) > 1:
                best = max(values) if metric_of(cells[keys[0]].metric).larger_is_better else min(values)
                bold |= {key for key, value in zip(keys, values, strict=True) if math.isclose(value, best)}
    return bold


def competes(cell: Cell | None) -> bool:
    """Tell whether a cell may be the best of its column: of a purifier under attack, complete and defined."""
    if cell is None or not ranks_purifiers(cell.table) or cell.role == "clean":
        return False
    return cell.done == cell.expected and not math.isnan(cell.value)


def ranks_purifiers(table: str) -> bool:
    """Tell whether one purifier may be better than another in the table of a key; so it is where nothing is defined."""
    definition = definition_of(table)
    return definition is None or definition.ranks


def cell_text(cell: Cell | None, sign: str = "") -> str:
    """Write 0.512 [0.44, 0.58], with 'n of m' and the published value where there is something to say.

    Differences are signed, and all numbers for the `sign` "+".
    """
    if cell is None or (cell.metric in COSTS and math.isnan(cell.value)):
        return "–"
    if cell.metric in COSTS:
        return f"{cell.value:,.0f}" if cell.value >= 100 else f"{cell.value:.3g}"
    sign = "+" if hasattr(cell, "minus_purifier") else sign
    text = "–" if math.isnan(cell.value) else format(cell.value, sign + ".3f")
    if not math.isnan(spread := number_of(cell, "sd")):
        text += f" ± {spread:.3f}"
    if not math.isnan(cell.low):
        text += f" [{cell.low:{sign}.2f}, {cell.high:{sign}.2f}]"
    if cell.done != cell.expected or not cell.expected:
        text += f" {cell.done} of {cell.expected}"
    if not math.isnan(paper := number_of(cell, "paper")):
        text += f" (paper {paper:.3f}{against_paper(cell)})"
    return text


def against_paper(cell: Cell) -> str:
    """Write ', +0.012, inside': ours minus the published value, and whether that lies in our interval; as far as known."""
    text = "" if math.isnan(cell.value) else f", {number_of(cell, 'minus_paper'):+.3f}"
    return text + {1.0: ", inside", 0.0: ", outside"}.get(number_of(cell, "paper_inside"), "")


def brackets(level: float) -> str:
    """Write what the brackets of a cell are."""
    return f"Brackets: {level:.0%} intervals by bootstrap over groups."


def caption(table: pd.DataFrame, level: float) -> str:
    """Write the table's title and how to read its cells."""
    keys = [str(key) for key in table["table"].unique()]
    definition = definition_of(keys[0]) if keys else None
    reading = brackets(level)
    if any(map(ranks_purifiers, keys)):
        reading += " Bold: best complete condition of each dataset."
    if "paper" in table and table["paper"].notna().any():
        reading += " paper: the published value, ours minus it, and whether it lies inside our interval."
    if (table["done"] != table["expected"]).any():
        reading += " 'n of m': only n of m images have a score."
    return " ".join(part for part in (definition and definition.title, reading, table.attrs.get("note")) if part)


def blank_repeats(texts: Iterable[str]) -> list[str]:
    """Empty every text that is that of the line above: a name stands where it changes."""
    found, above = [], None
    for text in texts:
        found.append("" if text == above else text)
        above = text
    return found
