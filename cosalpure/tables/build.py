"""From score rows (one an image) to tidy tables: one row a cell, with its interval and how complete it is.

value     plain mean over the images that are done, as published
low, high percentile bootstrap over groups
expected  images that the cell is about; `done` of them were scored, `failed` of them have a map that is unfit,
          the rest has none
undefined of the done ones, those without a value (AP of an empty ground truth); left out of the mean
paper     the published value, NaN where there is none; minus_paper is value - paper, paper_inside says whether the
          published value lies in the interval (NaN without one)
label     the row as printed; detector_label the detector as printed
role      the purifier's role in the experiment; "clean" for the reference without any degradation
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cosalpure.errors import UserError
from cosalpure.labels import Entries, told_apart
from cosalpure.score import bootstrap_difference, bootstrap_mean
from cosalpure.seeds import numpy_generator, split_repeat
from cosalpure.tables import (
    ablated,
    clean_reference,
    conditions_of,
    difference_pairs,
    table4_degradation,
    unpurified,
)

KEYS = ["dataset", "degradation", "purifier", "detector"]
CELL = ["value", "low", "high", "expected", "done", "failed", "undefined"]
MEASURED = ["table", *KEYS, "metric", "split", *CELL]
SPLITS = ("avg", "adv", "clean")
METRICS = ("sr", "ap", "f_beta", "mae")  # of Table 1
BOOTSTRAP = {"seed": 0, "samples": 2000, "level": 0.95}


def read_scores(paths):
    """Score files -> one DataFrame with all rows, in the order of `paths`."""
    paths = list(paths)
    for path in paths:
        if not Path(path).is_file():
            raise UserError(f"{path}: no such score file")
    if not paths:
        raise UserError("no score files: tables need at least one condition")
    scores = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    if scores.empty:
        raise UserError(f"{paths[0]}: no score rows; no image of the dataset has both a map and a ground truth")
    if scores.duplicated([*KEYS, "slug", "file"]).any():
        row = scores[scores.duplicated([*KEYS, "slug", "file"])].iloc[0]
        raise UserError(f"the score files hold {row['slug']}/{row['file']} of {'/'.join(row[KEYS])} twice")
    return scores


def build_table1(scores, degradation="jadena", entries=None, **options):
    """Table 1: SR, AP, F-beta, MAE over whole groups. `options` are those of `build_cells`."""
    return build_cells(scores, "1", degradation, METRICS, ("avg",), entries=entries, **options)


def build_table2(scores, degradation="jadena", entries=None, **options):
    """Table 2: SR of whole groups, of the attacked and of the clean images. `options` are those of `build_cells`."""
    return build_cells(scores, "2", degradation, ("sr",), SPLITS, entries=entries, **options)


def build_table3(scores, degradation="jadena", entries=None, **options):
    """Table 3, the ablation: Table 1's metrics of reference, ablations and ours. `options` as of `build_cells`."""
    purifiers = ablated(conditions_in(scores), degradation, entries or Entries())
    return build_cells(scores, "3", degradation, METRICS, ("avg",), purifiers=purifiers, entries=entries, **options)


def build_table4(scores, degradation=None, entries=None, **options):
    """Table 4: Table 1's metrics under the degradation that reports it; `degradation` is not looked at."""
    blur = table4_degradation(conditions_in(scores), entries or Entries())
    return build_cells(scores, "4", blur, METRICS, ("avg",), entries=entries, **options)


def build_degradations(scores, degradation=None, entries=None, **options):
    """SR under every degradation of the scores, nothing purified; `degradation` is not looked at.

    Without any unpurified condition the first purifier is taken.
    """
    entries = entries or Entries()
    wanted = conditions_of("degradations", conditions_in(scores), degradation, entries)
    purifier = unpurified(wanted, entries)
    scores = scores[scores["purifier"] == purifier]
    parts = [
        build_cells(scores, "degradations", name, ("sr",), SPLITS, purifiers=[purifier], entries=entries, **options)
        for name in dict.fromkeys(condition[1] for condition in wanted)
    ]
    table = pd.concat(parts, ignore_index=True).drop_duplicates([*KEYS, "metric", "split"], ignore_index=True)
    printed = entries.labels("degradations", list(table["degradation"].unique()))
    return table.assign(label=table["degradation"].map(printed))


def build_seeds(scores, degradation="jadena", entries=None, **bootstrap):
    """SR of every purifier over all seeds of `degradation`, tidy, with what the seeds differ by.

    `value`, its interval and its counts are of all seeds' rows together: the bootstrap draws groups, each with all of
    its seeds. `seeds` says how many there are, `sd` is the standard deviation of their means, `least` and `most`
    are the smallest and largest of these. A purifier that was run under one seed only has no `sd`.
    """
    repeats = scores["degradation"].map(split_repeat)
    rows = scores[repeats.str[0] == degradation].assign(seed=repeats.str[1].fillna(-1).astype(int))
    options = {**BOOTSTRAP, **bootstrap}
    cells = []
    for (dataset, purifier, detector), part in rows.groupby(["dataset", "purifier", "detector"], sort=False):
        key = (dataset, degradation, purifier, detector)
        for split in SPLITS:
            values = cell(part, key, "sr", split, int(in_split(part, split).sum()), **options)
            done = part[in_split(part, split) & (part["status"] == "done").to_numpy()]
            means = done.groupby("seed")["success"].mean()
            cells.append(("seeds", *key, "sr", split, *values, len(means), means.std(), means.min(), means.max()))
    table = pd.DataFrame(cells, columns=[*MEASURED, "seeds", "sd", "least", "most"])
    return with_labels(table, entries or Entries())


def conditions_in(scores):
    """The conditions of score rows, tuples in order."""
    return [tuple(key) for key in scores[KEYS].drop_duplicates().to_numpy()]


def build_cells(
    scores,
    table,
    degradation,
    metrics,
    splits,
    datasets=None,
    purifiers=None,
    detectors=None,
    entries=None,
    **bootstrap,
):
    """Every cell of a table, tidy; rows in the order of `datasets`, `purifiers`, `detectors` (default: as they appear).

    The reference without any attack comes first where it was run. A condition that was asked for and has no scores
    is a row with done = 0. `bootstrap` may hold `seed`, `samples`, `level`.
    """
    entries, bootstrap = entries or Entries(), {**BOOTSTRAP, **bootstrap}
    conditions = {key: rows for key, rows in scores.groupby(KEYS, sort=False)}
    datasets, purifiers, detectors = names(scores, degradation, datasets, purifiers, detectors)
    cells = []
    for dataset in datasets:
        expected = {split: expected_images(conditions, dataset, split) for split in splits}
        for row in table_rows(conditions, dataset, degradation, purifiers, entries):
            for detector in detectors:
                key = (dataset, *row, detector)
                for metric in metrics:
                    for split in splits:
                        values = cell(conditions.get(key), key, metric, split, expected[split], **bootstrap)
                        cells.append((table, *key, metric, split, *values))
    return with_labels(with_paper_values(pd.DataFrame(cells, columns=MEASURED), entries), entries)


def cell(rows, key, metric, split, expected, seed, samples, level):
    """(value, low, high, expected, done, failed, undefined) of one condition's `rows` (None: there are none)."""
    if rows is None:
        return (np.nan, np.nan, np.nan, expected, 0, 0, 0)
    part = rows[in_split(rows, split)]
    done = part[part["status"] == "done"]
    values = done[score_column(metric)]
    generator = numpy_generator(seed, "bootstrap", *key, metric, split)
    interval = bootstrap_mean(values, done["slug"], generator, samples, level)
    failed = int((part["status"] == "failed").sum())
    return (*interval, max(expected, len(part)), len(done), failed, int(values.isna().sum()))


def build_differences(
    scores,
    degradation="jadena",
    metrics=("sr",),
    splits=SPLITS,
    datasets=None,
    detectors=None,
    pairs=None,
    entries=None,
    **bootstrap,
):
    """Paired differences on the same images, tidy: `tables.difference_pairs`, or the `pairs` that are asked for.

    The condition minus the one in `minus_degradation`, `minus_purifier`. `done` counts the images that both have.
    `pairs` is [((degradation, purifier), (degradation, purifier) that is taken away), ...].
    """
    entries, bootstrap = entries or Entries(), {**BOOTSTRAP, **bootstrap}
    conditions = {key: rows for key, rows in scores.groupby(KEYS, sort=False)}
    datasets, _, detectors = names(scores, degradation, datasets, None, detectors)
    if pairs is None:
        pairs = difference_pairs(conditions_in(scores), degradation, entries)
    cells = []
    for dataset in datasets:
        for this, other in pairs:
            for detector in detectors:
                a, b = (conditions.get((dataset, *condition, detector)) for condition in (this, other))
                if a is None or b is None:
                    continue
                both = pair(a, b)
                key = (dataset, *this, detector)
                for metric in metrics:
                    for split in splits:
                        values = paired_cell(both, (*key, *other), metric, split, **bootstrap)
                        cells.append(("differences", *key, *other, metric, split, *values))
    columns = ["table", *KEYS, "minus_degradation", "minus_purifier", "metric", "split", *CELL]
    return with_labels(pd.DataFrame(cells, columns=columns), entries)


def pair(a, b):
    """Two conditions' rows, image beside image; what only one of them has stays, as missing in the other."""
    both = a.merge(b, on=["slug", "file"], how="outer", suffixes=("", "_minus"), sort=False)
    both["attacked"] = both["attacked"].fillna(both["attacked_minus"]).astype(bool)
    return both


def paired_cell(both, key, metric, split, seed, samples, level):
    """(difference, low, high, expected, done, failed, undefined) of paired rows."""
    part = both[in_split(both, split)]
    done = part[(part["status"] == "done") & (part["status_minus"] == "done")]
    a, b = done[score_column(metric)], done[score_column(metric) + "_minus"]
    generator = numpy_generator(seed, "bootstrap difference", *key, metric, split)
    interval = bootstrap_difference(a, b, done["slug"], generator, samples, level)
    failed = int(((part["status"] == "failed") | (part["status_minus"] == "failed")).sum())
    return (*interval, len(part), len(done), failed, int((a - b).isna().sum()))


def score_column(metric):
    """The column of the score rows behind a table's metric: SR is the mean of `success`."""
    return "success" if metric == "sr" else metric


def names(scores, degradation, datasets, purifiers, detectors):
    """The names to show: as asked for, else as they appear in the scores under this degradation."""
    here = scores[scores["degradation"] == degradation]
    if here.empty:
        found = ", ".join(scores["degradation"].unique())
        raise UserError(f"no scores of degradation '{degradation}'; there are some of: {found}")
    asked = {"dataset": datasets, "purifier": purifiers, "detector": detectors}
    return [list(here[key].unique()) if value is None else list(value) for key, value in asked.items()]


def table_rows(conditions, dataset, degradation, purifiers, entries):
    """(degradation, purifier) of a dataset's rows: the clean reference if it was run, then the purifiers."""
    rows = [(degradation, purifier) for purifier in purifiers]
    clean = clean_reference([key for key in conditions if key[0] == dataset], entries)
    return rows if clean is None or clean in rows else [clean, *rows]


def in_split(rows, split):
    """Boolean mask of the rows in "avg" (all), "adv" (the attacked half) or "clean" (the other half)."""
    if split == "avg":
        return np.ones(len(rows), dtype=bool)
    return rows["attacked"].to_numpy() == (split == "adv")


def expected_images(conditions, dataset, split):
    """Images of a dataset in a split: of its fullest condition, as every condition lists the whole manifest."""
    counts = [int(in_split(rows, split).sum()) for key, rows in conditions.items() if key[0] == dataset]
    return max(counts, default=0)


def with_labels(table, entries):
    """Adds `label`, `detector_label` and `role`; equal labels are told apart by the entries' names."""
    detectors = entries.labels("detectors", list(table["detector"].unique()))
    keys = [key for key in ("degradation", "purifier", "minus_degradation", "minus_purifier") if key in table]
    rows = list(table[keys].drop_duplicates().itertuples(index=False, name=None))
    purifiers = list(dict.fromkeys(name for row in rows for name in row[1::2]))
    printed = entries.labels("purifiers", purifiers)
    labels = told_apart({row: row_label(row, printed, entries) for row in rows})
    roles = {row: "clean" if entries.is_clean(*row[:2]) else entries.role("purifiers", row[1]) for row in rows}
    found = list(table[keys].itertuples(index=False, name=None))
    return table.assign(
        label=[labels[row] for row in found],
        detector_label=table["detector"].map(detectors),
        role=[roles[row] for row in found],
    )


def row_label(row, printed, entries):
    """What a row is called: (degradation, purifier) of a cell, and of a difference those that are taken away."""
    degradation, purifier, *minus = row
    if not minus:
        return "Clean (no attack)" if entries.is_clean(degradation, purifier) else printed[purifier]
    if entries.is_clean(*minus):
        return "Attacked − clean" if purifier == minus[1] else f"{printed[purifier]} − clean"
    return f"{printed[purifier]} − {printed[minus[1]]}"


def with_paper_values(table, entries):
    """Adds the published values of what the entries say that they reproduce, the differences, and inside or not."""
    published = pd.read_csv(Path(__file__).with_name("paper_tables.csv"), dtype={"table": str})
    keys = ["table", "dataset", "degradation", "row", "detector", "metric", "split"]
    published = {tuple(key): value for *key, value in published[[*keys, "value"]].values}
    paper = []
    for number, dataset, degradation, purifier, detector, metric, split in table[MEASURED[:7]].values:
        names = zip(
            ("datasets", "degradations", "purifiers", "detectors"),
            (dataset, degradation, purifier, detector),
            strict=True,
        )
        reported = [entries.reported(family, name, f"table{number}") for family, name in names]
        paper.append(published.get((number, *reported, metric, split), np.nan))
    paper = np.array(paper, dtype=float)
    inside = ((table["low"] <= paper) & (paper <= table["high"])).astype(float)
    known = ~np.isnan(paper) & table["low"].notna()
    return table.assign(paper=paper, minus_paper=table["value"] - paper, paper_inside=inside.where(known))
