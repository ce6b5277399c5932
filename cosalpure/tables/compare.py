"""Two runs' results side by side: paired differences on the images that both scored, condition by condition.

The difference is B - A: what changed from the first to the second. Images are told by their group and file name.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

import pandas as pd

from cosalpure.errors import UserError, choose
from cosalpure.io import whole_file
from cosalpure.labels import FAMILIES, Entries
from cosalpure.score import METRICS
from cosalpure.tables.build import Bootstrap, pair, paired_cell
from cosalpure.tables.definitions import KEYS, MEASURED, TABLES, Split
from cosalpure.tables.present import brackets, cell_text, cells_of, column_label
from cosalpure.tables.rows import Condition
from cosalpure.tables.scores import IMAGE, ByCondition, by_condition, conditions_in, read_scores
from cosalpure.tables.stage import Statistics
from cosalpure.tables.write import markdown_table, write_csv, write_parquet

ENTRIES = Entries()  # two runs may have other labels; those of the methods are the same in both
DEFAULT = tuple(metric.column for metric in TABLES["table1"].metrics)
ENDINGS = (".csv", ".md", ".parquet")

Two = tuple[str, str]


def run(
    scores: Two,
    names: Two,
    metrics: Sequence[str] | None,
    split: Split,
    settings: Statistics,
    output: str | Path | None,
    seed: int,
    made: Callable[[list[Condition]], str] = lambda conditions: "",
) -> None:
    """Print the comparison of two runs, and write it to `output` if given.

    Args:
        scores: the file of all score rows of each run.
        names: what the runs are called in the text.
        metrics: columns of the score files (default: those of Table 1).
        split: the images to compare.
        settings: samples and level of the bootstrap.
        output: a file that ends in one of `ENDINGS`.
        seed: of the bootstrap.
        made: says of the conditions in common how both runs were made.
    """
    chosen = [choose("metric", name, list(METRICS), "--metric") for name in metrics or DEFAULT]
    if output and Path(output).suffix not in ENDINGS:
        raise UserError(f"{output}: a table's name ends in one of {', '.join(ENDINGS)}")
    a, b = (read_run(path, chosen) for path in scores)
    table = compare(a, b, chosen, split, names, seed=seed, samples=settings.samples, level=settings.level)
    above = [caption(table, a, b, names, settings.level), made(conditions_in(table))]
    text = "\n\n".join([*filter(None, above), as_markdown(table)]) + "\n"
    print(text, end="")
    if output:
        write(table, text, Path(output))


def read_run(path: str | Path, metrics: Sequence[str]) -> pd.DataFrame:
    """Read all score rows of a run from its file; they must have `metrics`."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; a results folder has it once its tables are made")
    scores = read_scores([path])
    missing = [name for name in (*metrics, "attacked", "status") if name not in scores]
    if missing:
        raise UserError(f"{path}: lacks the column(s) {', '.join(missing)}; score it again with this version")
    return scores


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    metrics: Sequence[str],
    split: Split,
    names: Two,
    **bootstrap: Unpack[Bootstrap],
) -> pd.DataFrame:
    """Measure B - A, tidy: a row a common condition and metric; `done` of `expected` images are scored in both.

    `bootstrap` holds `seed`, `samples` and `level`; without two common groups there is no interval.
    """
    parts = (by_condition(a), by_condition(b))
    common = [key for key in parts[0] if key in parts[1]]
    if not common:
        raise UserError(f"{names[0]} and {names[1]} have no condition in common; {examples(parts, names)}")
    cells = []
    for key in common:
        both = comparable(pair(parts[1][key], parts[0][key]))
        cells += [("compare", *key, m, split, *paired_cell(both, key, m, split, **bootstrap)) for m in metrics]
    table = pd.DataFrame(cells, columns=list(MEASURED["mean"]))
    if not table["done"].any():
        count, _ = mixed_pairs(a, b)
        why = f"; {count} pairs are attacked in one run and clean in the other" if count else ""
        raise UserError(
            f"{names[0]} and {names[1]} have no scored image in common in their {len(common)} condition(s){why}"
        )
    return table


def comparable(both: pd.DataFrame) -> pd.DataFrame:
    """Mark pairs attacked in one run and clean in the other as not done: such a pair compares nothing."""
    other = attacked_in_one(both)
    return both.assign(status=both["status"].mask(other, "attacked in one run"))


def attacked_in_one(both: pd.DataFrame) -> "pd.Series[bool]":
    """Mask the paired rows that are attacked in one run and clean in the other."""
    known = both["attacked_minus"].notna() & both["status"].notna()
    return known & (both["attacked"] != both["attacked_minus"].fillna(False).astype(bool))


def examples(parts: tuple[ByCondition, ByCondition], names: Two) -> str:
    """Name one condition of each run, for an error message."""
    return ", ".join(
        f"{name} has {'/'.join(next(iter(its), ['none']))}" for name, its in zip(names, parts, strict=True)
    )


def caption(table: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame, names: Two, level: float) -> str:
    """Say how to read the table, and what it does not hold."""
    text = f"Paired differences, {names[1]} minus {names[0]}, on the images that both have scored"
    text += {"avg": "", "adv": " (attacked images)", "clean": " (clean images)"}[table["split"].iloc[0]] + "."
    text += f" {brackets(level)}"
    if (table["done"] != table["expected"]).any():
        text += " 'n of m': only n of the m images of either are scored in both."
    count, total = mixed_pairs(a, b)
    if count:
        text += f" {count} of {total} pairs are excluded: attacked in one run, clean in the other."
    runs = [set(conditions_in(scores)) for scores in (a, b)]
    for name, alone in zip(names, (runs[0] - runs[1], runs[1] - runs[0]), strict=True):
        text += f" {len(alone)} condition{'s' * (len(alone) > 1)} of {name} alone excluded." if alone else ""
    return text


def mixed_pairs(a: pd.DataFrame, b: pd.DataFrame) -> tuple[int, int]:
    """Count (pairs of images that are attacked in one run alone, all pairs) of the conditions in common."""
    keys = [*KEYS, *IMAGE]
    both = a[[*keys, "attacked"]].merge(b[[*keys, "attacked"]], on=keys, suffixes=("", "_minus"))
    return int((both["attacked"] != both["attacked_minus"]).sum()), len(both)


def as_markdown(table: pd.DataFrame) -> str:
    """Write the table as Markdown: a line a condition, a column a metric."""
    metrics = list(table["metric"].unique())
    lines: dict[Condition, list[str]] = {}
    conditions = table[list(KEYS)].itertuples(index=False, name=None)
    for condition, cell in zip(conditions, cells_of(table), strict=True):
        lines.setdefault(condition, []).append(cell_text(cell, "+"))
    header = ["Dataset", "Degradation", "Purifier", "Detector"]
    header += [column_label(metric, "avg", metrics, ["avg"]) for metric in metrics]
    return markdown_table(header, [[*printed(condition), *texts] for condition, texts in lines.items()])


def printed(condition: Condition) -> list[str]:
    """Name a condition as printed."""
    dataset, *names = condition
    return [dataset, *(ENTRIES.label(family, name) for family, name in zip(FAMILIES[1:], names, strict=True))]


def write(table: pd.DataFrame, text: str, output: Path) -> None:
    """Write the comparison as its file's ending says: tidy in full precision, or the text that was printed."""
    if output.suffix == ".parquet":
        return write_parquet(table, output)
    with whole_file(output) as path:
        if output.suffix == ".md":
            path.write_text(text, encoding="utf-8")
        else:
            write_csv(table, path)
