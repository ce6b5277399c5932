"""The success rate against one setting of the attack: a line a detector, on the attacked and on the clean images.

Bars are intervals by bootstrap over groups, dashed lines the same images without any degradation. The numbers are those of
the table of degradations. They stand in a CSV file beside the figure, from which the report page draws it again.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cosalpure.errors import UserError
from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.io import whole_file
from cosalpure.labels import Entries
from cosalpure.parquet import read_parquet
from cosalpure.report import plots, svg
from cosalpure.report.plots import HALVES, sweep_rows
from cosalpure.report.table_views import number
from cosalpure.report.view import Cell, Plot, Sweeps, Table
from cosalpure.tables.present import cells_of

COLUMNS = ("detector", "split", "dataset", "degradation", "x", "sr", "low", "high", "images", "sr_clean")

Point = tuple[str, str, float]  # dataset, degradation, value of the setting


def draw(table: str | Path, points: Sequence[str], axis: str, output: str | Path, entries: Entries) -> None:
    """Write the figure and, beside it, the CSV file of its numbers.

    Args:
        table: the table of degradations, a Parquet file.
        points: "DATASET/DEGRADATION=VALUE" each.
        axis: what the setting is called.
        output: the PNG file to write.
        entries: labels and roles.

    Raises:
        UserError: if there is no such table, or it has none of the points.
    """
    if not Path(table).is_file():
        raise UserError(f"{table}: no such table; make it first (snakemake tables)")
    numbers = sweep_numbers(read_parquet(table, KEYS), list(map(parse, points)), entries)
    if not numbers["images"].any():
        raise UserError(f"{table}: no scored image of {', '.join(points)}")
    with whole_file(Path(output).with_suffix(".csv")) as path:
        numbers.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    figure = plots.success_by_setting(numbers, axis, entries)
    with whole_file(output) as path:
        figure.savefig(path, format="png", dpi=120, metadata={"Software": None})


def parse(point: str) -> Point:
    """Read a point: "mini/jadena=16" is ("mini", "jadena", 16.0)."""
    pair, _, value = point.rpartition("=")
    dataset, _, degradation = pair.partition("/")
    try:
        x = float(value)
    except ValueError:
        degradation = ""
    if not degradation:
        raise UserError(f"--points: expected DATASET/DEGRADATION=VALUE such as mini/jadena=16, found '{point}'")
    return dataset, degradation, x


def sweep_numbers(table: pd.DataFrame, points: Sequence[Point], entries: Entries) -> pd.DataFrame:
    """Tabulate a row a detector, split and point: success rate, interval, and the rate of the same images left alone.

    `table` is the tidy table of degradations. A point that it lacks has no images.
    """
    cells = {(its.detector, its.split, its.dataset, its.degradation): its for its in cells_of(table)}
    roles = {name: entries.role("degradations", name) for name in table["degradation"].unique()}
    clean = {key[:3]: its.value for key, its in cells.items() if roles[its.degradation] == "reference"}
    rows = []
    for detector in table["detector"].unique():
        for split in HALVES:
            for dataset, degradation, x in points:
                its = cells.get((detector, split, dataset, degradation))
                numbers = (its.value, its.low, its.high, its.done) if its else (math.nan, math.nan, math.nan, 0)
                reference = clean.get((detector, split, dataset), math.nan)
                rows.append((detector, split, dataset, degradation, x, *numbers, reference))
    return pd.DataFrame(rows, columns=COLUMNS)


def section(layout: Layout, config: Mapping[str, Any], entries: Entries) -> Sweeps | None:
    """Build the page's section of the sweeps that were drawn; None if there are none."""
    found = []
    for name, sweep in sorted((config.get("sweeps") or {}).items()):
        path = Path(layout.figure("sweep", name, ending="csv"))
        if not path.is_file():
            continue
        axis, numbers = sweep.get("label") or sweep.get("setting") or name, pd.read_csv(path)
        if numbers["images"].any():
            title = f"Success rate against {axis}"
            drawing = svg.inline(plots.success_by_setting(numbers, axis, entries, stacked=True), f"{title}: {name}")
            found.append((Plot(title, title, drawing), axis, _table(numbers, axis, entries)))
    return Sweeps(found) if found else None


def _table(numbers: pd.DataFrame, axis: str, entries: Entries) -> Table:
    """Tabulate the numbers of a sweep."""
    rows = [
        [
            Cell(HALVES[row.split]),
            Cell(entries.label("detectors", row.detector)),
            Cell(f"{row.x:g}", str(row.x)),
            *map(number, (row.sr, row.low, row.high)),
        ]
        for row in sweep_rows(numbers[numbers["images"] > 0])
    ]
    return Table(rows, ("images", "detector", axis, "success rate", "low", "high"))
