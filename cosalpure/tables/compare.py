"""Two runs' results side by side: paired differences on the images that both scored, condition by condition.

The difference is B - A: what changed from the first to the second. Images are told by their group and file name.
"""

from pathlib import Path

import pandas as pd
from tabulate import tabulate

from cosalpure.errors import UserError, choose, one_line
from cosalpure.experiment.layout import Layout
from cosalpure.io import whole_file
from cosalpure.labels import Entries
from cosalpure.score import METRICS
from cosalpure.tables.build import CELL, KEYS, pair, paired_cell, read_scores
from cosalpure.tables.write import cell_text, column_label, write_parquet

ENTRIES = Entries()  # two runs may have other labels; those of the methods are the same in both
DEFAULT = ("success", "ap", "f_beta", "mae")  # those of Table 1
ENDINGS = (".csv", ".md", ".parquet")


def run(a, b, metrics, split, settings, output, seed):
    """Print the comparison of results folders `a` and `b`, and write it to `output` if given."""
    metrics = [choose("metric", name, list(METRICS), "--metric") for name in metrics or DEFAULT]
    if output and Path(output).suffix not in ENDINGS:
        raise UserError(f"{output}: a table's name ends in one of {', '.join(ENDINGS)}")
    scores = [read_results(folder, metrics) for folder in (a, b)]
    bootstrap = {"seed": seed, "samples": settings.samples, "level": settings.level}
    table = compare(*scores, metrics, split, names=(a, b), **bootstrap)
    text = f"{caption(table, *scores, (a, b), settings.level)}\n\n{as_markdown(table)}\n"
    print(text, end="")
    if output:
        write(table, text, Path(output))


def read_results(folder, metrics):
    """The score rows of a results folder, which must have `metrics`."""
    path = Path(Layout(str(folder)).scores)
    if not path.is_file():
        raise UserError(f"{path}: no such file; a results folder has it once its tables are made")
    try:
        scores = read_scores([path])
    except (OSError, ValueError) as error:  # pyarrow's errors are of either
        raise UserError(f"{path}: not a readable Parquet file ({one_line(error, 80)})") from None
    missing = [name for name in (*metrics, "attacked", "status") if name not in scores]
    if missing:
        raise UserError(f"{path}: lacks the column(s) {', '.join(missing)}; score it again with this version")
    return scores


def compare(a, b, metrics, split="avg", names=("A", "B"), **bootstrap):
    """Tidy table of B - A: a row a common condition and metric; `done` of `expected` images are scored in both.

    `bootstrap` holds `seed`, `samples` and `level`; without two common groups there is no interval.
    """
    parts = [{key: rows for key, rows in scores.groupby(KEYS, sort=False)} for scores in (a, b)]
    common = [key for key in parts[0] if key in parts[1]]
    if not common:
        raise UserError(f"{names[0]} and {names[1]} have no condition in common; {examples(parts, names)}")
    cells = []
    for key in common:
        both = comparable(pair(parts[1][key], parts[0][key]))
        cells += [("compare", *key, m, split, *paired_cell(both, key, m, split, **bootstrap)) for m in metrics]
    table = pd.DataFrame(cells, columns=["table", *KEYS, "metric", "split", *CELL])
    if not table["done"].any():
        count, _ = mixed_pairs(a, b)
        why = f"; {count} pairs are attacked in one run and clean in the other" if count else ""
        raise UserError(
            f"{names[0]} and {names[1]} have no scored image in common in their {len(common)} condition(s){why}"
        )
    return table


def comparable(both):
    """Paired rows, an image that is attacked in one run and clean in the other not done: such a pair compares nothing."""
    other = attacked_in_one(both)
    return both.assign(status=both["status"].mask(other, "attacked in one run"))


def attacked_in_one(both):
    """Boolean mask of the paired rows that are attacked in one run and clean in the other."""
    known = both["attacked_minus"].notna() & both["status"].notna()
    return known & (both["attacked"] != both["attacked_minus"].fillna(False).astype(bool))


def examples(parts, names):
    """One condition of each run, for an error message."""
    return ", ".join(
        f"{name} has {'/'.join(next(iter(its), ['none']))}" for name, its in zip(names, parts, strict=True)
    )


def caption(table, a, b, names, level):
    """How to read the table, and what it does not hold."""
    text = f"Paired differences, {names[1]} minus {names[0]}, on the images that both have scored"
    text += {"avg": "", "adv": " (attacked images)", "clean": " (clean images)"}[table["split"].iloc[0]] + "."
    text += f" Brackets: {level:.0%} intervals by bootstrap over groups."
    if (table["done"] != table["expected"]).any():
        text += " 'n of m': only n of the m images of either are scored in both."
    count, total = mixed_pairs(a, b)
    if count:
        text += f" {count} of {total} pairs left out: attacked in one run, clean in the other."
    conditions = [set(map(tuple, scores[KEYS].drop_duplicates().to_numpy())) for scores in (a, b)]
    for name, alone in zip(names, (conditions[0] - conditions[1], conditions[1] - conditions[0]), strict=True):
        text += f" {len(alone)} condition{'s' * (len(alone) > 1)} of {name} alone left out." if alone else ""
    return text


def mixed_pairs(a, b):
    """(pairs of images that are attacked in one run alone, all pairs) of the conditions that two runs have in common."""
    keys = [*KEYS, "slug", "file"]
    both = a[[*keys, "attacked"]].merge(b[[*keys, "attacked"]], on=keys, suffixes=("", "_minus"))
    return int((both["attacked"] != both["attacked_minus"]).sum()), len(both)


def as_markdown(table):
    """A line a condition, a column a metric."""
    metrics = list(table["metric"].unique())
    rows = {}
    for cell in table.itertuples(index=False):
        key = (cell.dataset, *(ENTRIES.label(f"{kind}s", getattr(cell, kind)) for kind in KEYS[1:]))
        rows.setdefault((key, cell[1:5]), []).append(cell_text(cell, "+"))
    header = ["Dataset", "Degradation", "Purifier", "Detector"]
    header += [column_label(metric, "avg", metrics, ["avg"]) for metric in metrics]
    lines = [[text.replace("|", r"\|") for text in (*key, *texts)] for (key, _), texts in rows.items()]
    return tabulate(lines, header, tablefmt="pipe", disable_numparse=True)


def write(table, text, output):
    """The comparison as its file's ending says: tidy in full precision, or the text that was printed."""
    if output.suffix == ".parquet":
        return write_parquet(table, output)
    with whole_file(output) as path:
        if output.suffix == ".md":
            path.write_text(text, encoding="utf-8")
        else:
            table.to_csv(path, index=False, lineterminator="\n")
