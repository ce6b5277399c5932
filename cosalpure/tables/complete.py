"""Whether every image of every condition has a score. Tables are made whole either way and mark what is partial.

A step of its own, so that a run with gaps ends with an error and its tables stay.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cosalpure.errors import UserError
from cosalpure.io import whole_file
from cosalpure.tables.scores import by_condition, expected_images, read_scores


def run(score_files: Sequence[str | Path], output: str | Path) -> None:
    """Write `output`, a line a condition, if all are complete; else a UserError, a line an incomplete condition."""
    Path(output).unlink(missing_ok=True)  # of an earlier run that was complete
    counts = count(read_scores(score_files))
    gaps = [line for line, whole in counts if not whole]
    if gaps:
        raise UserError("\n".join(gaps))
    with whole_file(output) as path:
        path.write_text("".join(f"{line}\n" for line, _ in counts), encoding="utf-8")


def count(scores: pd.DataFrame) -> list[tuple[str, bool]]:
    """Count scores by condition: [("mini/jadena/cosalpure/gicd: 190 of 192 images have a score ...", whether all of them have one)].

    A dataset's images are those of its fullest condition, as every condition lists the whole manifest.
    """
    conditions = by_condition(scores)
    expected = {dataset: expected_images(conditions, dataset, "avg") for dataset in scores["dataset"].unique()}
    found = []
    for key, rows in conditions.items():
        done, whole = int((rows["status"] == "done").sum()), expected[key[0]]
        line = f"{'/'.join(key)}: {done} of {whole} images have a score"
        found.append((line + why(rows, whole), done == whole))
    return found


def why(rows: pd.DataFrame, expected: int) -> str:
    """Say what became of the others, the first one by name; empty if there are none."""
    other = rows[rows["status"] != "done"]
    parts = [f"{number} {status}" for status, number in other["status"].value_counts(sort=False).items()]
    parts += [f"{expected - len(rows)} without a row"] * (len(rows) < expected)
    if not parts:
        return ""
    first = f"; {other['slug'].iloc[0]}/{other['file'].iloc[0]}: {other['reason'].iloc[0]}" if len(other) else ""
    return f" ({', '.join(parts)}{first})"
