"""The success rate against one setting of the attack: a line a detector, on the attacked and on the clean images.

Bars are intervals by bootstrap over groups, dashed lines the same images without any degradation. The numbers of the
figure stand in a CSV file beside it, from which the report page draws it again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout
from cosalpure.io import whole_file
from cosalpure.labels import Entries
from cosalpure.report import plots, svg
from cosalpure.report.plots import HALVES
from cosalpure.report.table_views import number
from cosalpure.report.view import Cell, Plot, Sweeps, Table
from cosalpure.tables.build import cell, in_split, read_scores

if TYPE_CHECKING:
    from cosalpure.settings import Statistics

COLUMNS = ("detector", "split", "dataset", "degradation", "x", "sr", "low", "high", "images", "sr_clean")

Point = tuple[str, str, float]  # dataset, degradation, value of the setting


def draw(
    files: Sequence[str],
    points: Sequence[str],
    axis: str,
    settings: "Statistics",
    output: str | Path,
    seed: int,
    entries: Entries,
) -> None:
    """Write the figure and, beside it, the CSV file of its numbers.

    Args:
        files: score files of the points and of the clean reference.
        points: "DATASET/DEGRADATION=VALUE" each.
        axis: what the setting is called.
        settings: of the bootstrap.
        output: the PNG file to write.
        seed: the run's seed.
        entries: labels and roles.
    """
    numbers = sweep_numbers(read_scores(files), list(map(parse, points)), settings, seed, entries)
    with whole_file(Path(output).with_suffix(".csv")) as path:
        numbers.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    with whole_file(output) as path:
        plots.success_by_setting(numbers, axis, entries).savefig(
            path, format="png", dpi=120, metadata={"Software": None}
        )


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


def sweep_numbers(
    scores: pd.DataFrame, points: Sequence[Point], settings: "Statistics", seed: int, entries: Entries
) -> pd.DataFrame:
    """Tabulate a row a detector, split and point: success rate, interval, and the rate of the same images left alone."""
    options = {"seed": seed, "samples": settings.samples, "level": settings.level}
    roles = scores["degradation"].map(lambda name: entries.role("degradations", name))
    rows = []
    for detector in scores["detector"].unique():
        for split in HALVES:
            for dataset, degradation, x in points:
                here = scores[(scores["dataset"] == dataset) & (scores["detector"] == detector)]
                its, clean = here[here["degradation"] == degradation], here[roles[here.index] == "reference"]
                key = (dataset, degradation, *its["purifier"].unique()[:1], detector)
                value, low, high, _, done, *_ = cell(its, key, "sr", split, 0, **options)
                reference = clean["success"][in_split(clean, split)].mean()
                rows.append((detector, split, dataset, degradation, x, value, low, high, done, reference))
    return pd.DataFrame(rows, columns=COLUMNS)


def section(layout: Layout, config: Mapping[str, Any], entries: Entries) -> Sweeps | None:
    """Build the page's section of the sweeps that were drawn; None if there are none."""
    found = []
    for path in sorted(Path(layout.figures).glob("sweep_*.csv")):
        name = path.stem.removeprefix("sweep_")
        sweep = config.get("sweeps", {}).get(name) or {}
        axis, numbers = sweep.get("label") or sweep.get("setting") or name, pd.read_csv(path)
        if numbers["images"].any():
            title = f"Success rate against {axis}"
            drawing = svg.inline(plots.success_by_setting(numbers, axis, entries), f"{title}: {name}")
            found.append((Plot(title, title, drawing), axis, _table(numbers, axis, entries)))
    return Sweeps(found) if found else None


def _table(numbers: pd.DataFrame, axis: str, entries: Entries) -> Table:
    """Tabulate the numbers of a sweep."""
    rows = [
        [
            Cell(HALVES[row.split]),
            Cell(entries.label("detectors", row.detector)),
            *map(number, (row.x, row.sr, row.low, row.high)),
        ]
        for row in numbers[numbers["images"] > 0].itertuples()
    ]
    return Table(rows, ("images", "detector", axis, "success rate", "low", "high"))
