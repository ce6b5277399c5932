"""What must hold in every entry: versions of the data, complete rows, hashes, the attack's bound, weighted means."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cosalpure.leaderboard.entry import Cell, Entry, Splits
from cosalpure.leaderboard.scores import HASHES, METRICS, conditions, manifest_hash
from cosalpure.leaderboard.versions import edition_of, editions_of
from cosalpure.score.settings import Score
from cosalpure.tables.definitions import KEYS

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 5e-6  # of a weighted mean of numbers with six digits
NAMED = {"detector": "detector", "purifier": "purifier", "attack": "degradation"}  # what an entry is in a condition
SHOWN = 3  # images that a line names
ROUNDING = 1e-9


def row_faults(entry: Entry, rows: "pd.DataFrame") -> list[str]:
    """Check the rows of the scores file, and what the entry says of data and conditions."""
    found = list(_file(entry, rows))
    found += _data(entry, rows)
    found += _scores(rows)
    found += _hashes(entry, rows)
    found += _bound(entry, rows)
    return found


def _named(rows: "pd.DataFrame") -> str:
    """Count rows and name the first ones."""
    names = [
        f"{its.degradation}/{its.purifier}/{its.detector}/{its.slug}/{its.file}"
        for its in rows.head(SHOWN).itertuples()
    ]
    return f"{len(rows)} rows, such as {', '.join(names)}" if len(rows) > 1 else names[0]


def _file(entry: Entry, rows: "pd.DataFrame") -> Iterator[str]:
    if len(rows) != entry.scores.rows:
        yield f"scores.rows: {entry.scores.rows}, but the file has {len(rows)}"
    twice = rows[rows.duplicated([*KEYS, "slug", "file"])]
    if len(twice):
        yield f"scores.file: an image of a condition is there twice: {_named(twice)}"
    said, there = [its.key for its in entry.measured], list(conditions(rows))
    if len(set(said)) < len(said):
        yield "measured: a condition is there twice"
    for condition in dict.fromkeys([*said, *there]):
        if condition not in there:
            yield f"scores.file: no row of the measured condition {'/'.join(condition)}"
        if condition not in said:
            yield f"measured: lacks the condition {'/'.join(condition)}, of which there are scores"


def _data(entry: Entry, rows: "pd.DataFrame") -> Iterator[str]:
    for dataset in dict.fromkeys([*entry.data, *rows["dataset"]]):
        part = rows[rows["dataset"] == dataset]
        if dataset not in entry.data or part.empty:
            yield f"data.{dataset}: {'this key is missing' if len(part) else 'no scores of it'}"
            continue
        yield from _version(entry, dataset, part.drop_duplicates(["slug", "file"]))
        yield from _complete(dataset, part)
    if not any(getattr(its, NAMED[entry.track]) == entry.entry for its in entry.measured):
        yield f"measured: no row with the {NAMED[entry.track]} {entry.entry}"
    for number, its in enumerate(entry.measured):
        if its.role == "entry" and getattr(its, NAMED[entry.track]) != entry.entry:
            yield f"measured[{number}].role: entry, but its {NAMED[entry.track]} is not {entry.entry}"
        data = entry.data.get(its.dataset)
        for key in ("groups", "images"):
            if data and getattr(its, key) != getattr(data, key):
                yield f"measured[{number}].{key}: {getattr(its, key)}, but data.{its.dataset} has {getattr(data, key)}"


def _version(entry: Entry, dataset: str, images: "pd.DataFrame") -> Iterator[str]:
    place, said = f"data.{dataset}", entry.data[dataset]
    found = {"groups": images["slug"].nunique(), "images": len(images), "left_out": int(images["left_out"].max())}
    for key, value in found.items():
        if getattr(said, key) != value:
            yield f"{place}.{key}: {getattr(said, key)}, but the scores have {value}"
    digest = manifest_hash(images)
    if digest != said.manifest_sha256:
        yield f"{place}.manifest_sha256: {said.manifest_sha256[:12]}…, but the images of the scores give {digest[:12]}…"
    known = editions_of(dataset)
    if known and not edition_of(dataset, digest):
        present = " or ".join(f"{its.manifests[-1][:12]}… ({its.name})" for its in known)
        yield f"{place}.manifest_sha256: {digest[:12]}… is no version of {dataset}; present ones are {present}"


def _complete(dataset: str, part: "pd.DataFrame") -> Iterator[str]:
    """Check that every condition has all images of the dataset, each with the same group, place and hash."""
    images = part.drop_duplicates(["slug", "file"])
    facts = ["slug", "file", "group", "index", "attacked", "sha256", "left_out"]
    if len(part[facts].drop_duplicates()) > len(images):
        yield f"scores.file: conditions of {dataset} disagree on group, index, attacked or hash of an image"
    for condition, its in part.groupby(list(KEYS), sort=False):
        lacking = len(images) - its.drop_duplicates(["slug", "file"]).shape[0]
        if lacking:
            yield f"scores.file: {'/'.join(map(str, condition))} lacks {lacking} of {len(images)} images"


def _scores(rows: "pd.DataFrame") -> Iterator[str]:
    unknown = rows[~rows["status"].isin(["done", "failed"])]
    if len(unknown):
        yield f"scores.status: expected done or failed, found {unknown['status'].iloc[0]!r}: {_named(unknown)}"
    done = rows[rows["status"] == "done"]
    for name in METRICS:
        outside = done[(done[name] < 0) | (done[name] > 1)]
        if len(outside):
            yield f"scores.{name}: outside of [0, 1]: {_named(outside)}"
    has = done["iou"].notna()
    wrong = done[has & ((done["iou"] > Score().success_iou) != (done["success"] == 1))]
    wrong = wrong if len(wrong) else done[done["success"].notna() != has]
    if len(wrong):
        yield f"scores.success: not 1 exactly where IoU > {Score().success_iou}: {_named(wrong)}"
    valued = rows[(rows["status"] == "failed") & rows[["iou", "success", "ap", "f_beta", "mae"]].notna().any(axis=1)]
    if len(valued):
        yield f"scores.status: failed, but there are scores: {_named(valued)}"


def _hashes(entry: Entry, rows: "pd.DataFrame") -> Iterator[str]:
    """Check that clean files are those of the dataset, attacked ones are not; where nothing is degraded, all are."""
    if rows.empty:
        yield "scores: no rows"
        return
    for name in HASHES:
        odd = rows[~rows[name].str.fullmatch(r"[0-9a-f]{64}|")]
        if len(odd):
            yield f"scores.{name}: no sha256: {_named(odd)}"
    known = rows[(rows["sha256"] != "") & (rows["degraded_sha256"] != "")]
    undegraded = {(its.dataset, its.degradation) for its in entry.measured if its.role == "ceiling"}
    pairs = zip(known["dataset"], known["degradation"], strict=True)
    changed = known["attacked"].to_numpy() & [pair not in undegraded for pair in pairs]
    equal = (known["sha256"] == known["degraded_sha256"]).to_numpy()
    if len(wrong := known[changed & equal]):
        yield f"scores.degraded_sha256: an attacked image is the original: {_named(wrong)}"
    if len(wrong := known[~changed & ~equal]):
        yield f"scores.degraded_sha256: a clean image is not the original: {_named(wrong)}"


def _bound(entry: Entry, rows: "pd.DataFrame") -> Iterator[str]:
    """Check that the attack keeps to its bound in what a detector saw unpurified."""
    if entry.track != "attack" or entry.bound is None:
        return
    alike = rows["purifier"].isin({its.purifier for its in entry.measured if its.role == "ceiling"})
    beyond = rows[alike & (rows["degradation"] == entry.entry) & (rows["linf"] > entry.bound + ROUNDING)]
    if len(beyond):
        yield f"bound: {entry.bound:.5f}, but scores.linf is up to {beyond['linf'].max():.5f}: {_named(beyond)}"


def cell_faults(entry: Entry) -> list[str]:
    """Check counts and weighted means of all cells."""
    found: list[str] = []
    for number, its in enumerate(entry.measured):
        for metric in ("sr", "ap", "f_beta", "mae"):
            found += _cells(f"measured[{number}].metrics.{metric}", getattr(its.metrics, metric), its.images)
    for number, difference in enumerate(entry.differences):
        found += _cells(f"differences[{number}].sr", difference.sr, None)
    return found


def _cells(place: str, its: Splits, images: int | None) -> Iterator[str]:
    cells = {"avg": its.avg, "adv": its.adv, "clean": its.clean}
    for split, cell in cells.items():
        if cell.done + cell.failed > cell.expected or cell.undefined > cell.done:
            yield f"{place}.{split}: counts: {cell.done} done, {cell.failed} failed, {cell.undefined} undefined of {cell.expected}"
        if cell.done + cell.failed < cell.expected:
            yield f"{place}.{split}.done: {cell.expected - cell.done - cell.failed} of {cell.expected} images have no score"
    if images is not None and its.avg.expected != images:
        yield f"{place}.avg.expected: {its.avg.expected}, but the dataset has {images} images"
    for key in ("expected", "done", "failed", "undefined"):
        total = getattr(its.adv, key) + getattr(its.clean, key)
        if getattr(its.avg, key) != total:
            yield f"{place}.avg.{key}: {getattr(its.avg, key)}, but adv and clean have {total}"
    yield from _weighted(place, its)


def _weighted(place: str, its: Splits) -> Iterator[str]:
    parts = [(cell.value, _count(cell)) for cell in (its.adv, its.clean) if cell.value is not None and _count(cell)]
    total = sum(count for _, count in parts)
    if not total or its.avg.value is None:
        return
    mean = sum(value * count for value, count in parts) / total
    if abs(mean - its.avg.value) > TOLERANCE:
        yield f"{place}.avg.value: {its.avg.value}, but adv and clean give {mean:.6f}"


def _count(cell: Cell) -> int:
    return cell.done - cell.undefined
