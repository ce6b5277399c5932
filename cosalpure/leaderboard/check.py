"""The check of an entry, offline: one line a fault, with the field's path.

for line in faults("leaderboard/purifier/mine.json"): print(line)

All numbers are computed anew from the scores of the images.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure.errors import UserError
from cosalpure.leaderboard import identities, measure, scores
from cosalpure.leaderboard.entry import Cell, Entry, read_entry
from cosalpure.leaderboard.versions import LEVEL, METRIC_VERSION
from cosalpure.tables.build import Bootstrap

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 1000  # characters of a line that quotes the file
TOLERANCE = 2e-6  # numbers have six digits


def faults(path: str | Path, images: str | None = None) -> list[str]:
    """Check an entry's file and its scores file.

    Args:
        path: the JSON file.
        images: folder of results whose images the attack's bound is computed from; None: the scores say it.

    Returns:
        A text a fault, with the field's path; none for an entry that is right.
    """
    try:
        entry = read_entry(path)
        table = Path(path).with_name(entry.scores.file)
        rows = scores.read(table)
    except UserError as error:
        return [line.removeprefix(f"{path}: ")[:LONGEST] for line in str(error).splitlines()]
    found = list(_of_file(entry, Path(path), table))
    found += faults_of(entry, rows)
    if images and not found:
        from cosalpure.leaderboard.images import image_faults

        found += image_faults(entry, rows, images)
    return found


def _of_file(entry: Entry, path: Path, table: Path) -> Iterator[str]:
    if path.stem != entry.stem:
        yield f"entry: '{entry.stem}' is not the name of the file, '{path.stem}'"
    with table.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != entry.scores.sha256:
        yield f"scores.sha256: the file {table.name} was changed: it has {digest[:12]}…, not {entry.scores.sha256[:12]}…"


def faults_of(entry: Entry, rows: "pd.DataFrame") -> list[str]:
    """Check an entry against the scores of its images; numbers only where the rows are what they should be."""
    found = [*_versions(entry), *identities.row_faults(entry, rows), *identities.cell_faults(entry)]
    if any(fault.startswith("scores.") for fault in found):
        return found
    return [*found, *_numbers(entry, rows)]


def _versions(entry: Entry) -> Iterator[str]:
    if entry.metric_version > METRIC_VERSION:
        yield f"metric_version: {entry.metric_version} is newer than {METRIC_VERSION}; update cosalpure"
    if entry.intervals.level != LEVEL:
        yield f"intervals.level: expected {LEVEL}, found {entry.intervals.level}"


def _numbers(entry: Entry, rows: "pd.DataFrame") -> Iterator[str]:
    """Compare means, intervals and differences with those of the rows."""
    bootstrap: Bootstrap = {**entry.intervals.model_dump()}  # type: ignore[typeddict-item]
    known = set(scores.conditions(rows))
    means = measure.means(rows, [its.key for its in entry.measured], bootstrap)
    for number, (its, expected) in enumerate(zip(entry.measured, means, strict=True)):
        yield from _cells(f"measured[{number}].metrics", its.metrics, expected)
    for number, difference in enumerate(entry.differences):
        minus = (difference.minus_degradation, difference.minus_purifier)
        place = f"differences[{number}]"
        if not {difference.key, (difference.dataset, *minus, difference.detector)} <= known:
            yield f"{place}: the scores do not hold both of its conditions"
            continue
        (again,) = measure.differences(rows, [(difference.key, minus)], bootstrap)
        yield from _cells(place, difference, again)


def _cells(place: str, said: Any, expected: measure.Numbers) -> Iterator[str]:
    for metric, splits in expected.items():
        for split, cell in splits.items():
            its: Cell = getattr(getattr(said, metric), split)
            for key, value in cell.items():
                if not close(getattr(its, key), value, TOLERANCE):
                    yield f"{place}.{metric}.{split}.{key}: {getattr(its, key)}, but the scores give {value}"


def close(a: float | None, b: float | None, tolerance: float) -> bool:
    """Tell whether two numbers differ by at most `tolerance`, or both are missing."""
    return a is b if a is None or b is None else abs(a - b) <= tolerance
