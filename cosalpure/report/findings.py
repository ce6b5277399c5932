"""The page's first screen: what each degradation costs and what each purifier gives back."""

import math
from collections.abc import Sequence
from typing import Protocol, cast

import pandas as pd

from cosalpure import provenance
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.provenance import SHARDED, Made
from cosalpure.report import plots, sentences, strip, svg
from cosalpure.report.numbers import Numbers
from cosalpure.report.sentences import Gain, Gains, Rates
from cosalpure.report.view import Cell, Findings, Plot, Summary, Table
from cosalpure.tables.complete import count
from cosalpure.tables.present import Cell as Measured
from cosalpure.tables.present import cells_of

DEVICES = 2  # that are named
HEADER = ("Change", "Detector", "Points", "Low", "High", "Beyond chance", "Dataset", "Degradation")


class Difference(Measured, Protocol):
    """A row of the table of differences: a condition minus the one that `minus_` names."""

    minus_degradation: str


def build(
    layout: Layout, numbers: Numbers, scores: pd.DataFrame, every: pd.DataFrame, jobs: Sequence[Made], entries: Entries
) -> Findings:
    """Build the section.

    Args:
        layout: where the run's images and maps are.
        numbers: the run's cells and differences.
        scores: rows of scores.parquet, without further seeds.
        every: all rows, whose gaps are named.
        jobs: the records of the jobs behind the scores.
        entries: labels and roles.
    """
    role = {pair: entries.role("degradations", pair[1]) for pair in numbers.degraded()}
    conditions = [
        pair for pair in role if role[pair] != "adaptive"
    ]  # made for one purifier: they have their own section
    conditions.sort(key=lambda pair: role[pair] != "attack")  # attacks first, else as run
    summaries, rows = [], []
    for dataset, degradation in conditions:
        found = [cast(Difference, row) for row in numbers.differences(dataset, degradation).itertuples()]
        found = [row for row in found if not math.isnan(row.value)]
        summaries.append(summary(layout, numbers, scores, dataset, degradation, found, entries))
        rows += [line(row, entries) for row in found]
    gaps = [text for text, whole in count(every) if not whole]
    return Findings(made(scores, jobs), summaries, Table(rows, HEADER) if rows else None, gaps)


def made(scores: pd.DataFrame, jobs: Sequence[Made]) -> list[str]:
    """Say what was measured, when and on what."""
    images = scores.drop_duplicates(["dataset", "slug", "file"])
    groups, attacked = len(images[["dataset", "slug"]].drop_duplicates()), int(images["attacked"].sum())
    said = [
        f"{', '.join(images['dataset'].unique())}: {groups:,} groups, {len(images):,} images, {attacked:,} attacked"
    ]
    days = dict.fromkeys(date[:10] for date in provenance.dates(jobs) if date)
    devices = list(dict.fromkeys(provenance.device(its.record) for its in jobs if its.record and its.stage in SHARDED))
    more = [f"{len(devices) - DEVICES} others"] if len(devices) > DEVICES else []
    said += [f"measured {' to '.join(days)}"] if days else []
    return said + ([f"on {sentences.listed([*devices[:DEVICES], *more])}"] if devices else [])


def summary(
    layout: Layout,
    numbers: Numbers,
    scores: pd.DataFrame,
    dataset: str,
    degradation: str,
    found: Sequence[Difference],
    entries: Entries,
) -> Summary:
    """Sum up one condition from its paired differences."""
    name = f"{dataset}, {entries.label('degradations', degradation)}"
    gains = gains_of(found, entries)
    said = [harm(numbers, dataset, degradation, found, entries), *gain_sentences(gains, entries)]
    labels = entries.labels("purifiers", list(gains))
    rows = [(labels[name], its) for name, its in gains.items()]
    title = f"Change of the success rate on {images_of(degradation, entries)} against no purification: {name}"
    drawing = plots.paired_differences(rows) if rows else None
    plot = Plot("", title, svg.inline(drawing, title)) if drawing else None
    return Summary(name, said, plot, strip.build(layout, scores, dataset, degradation, entries))


def images_of(degradation: str, entries: Entries) -> str:
    """Name the images that a degradation changed."""
    return f"{entries.made_by(degradation)} images"


def harm(numbers: Numbers, dataset: str, degradation: str, found: Sequence[Difference], entries: Entries) -> str:
    """Put the harm of a degradation in words."""
    cells = numbers.cells(dataset, degradation)
    cells = cells[(cells["metric"] == "sr") & (cells["split"] == "adv")]
    references = [entries.role("purifiers", name) == "reference" for name in cells["purifier"]]
    alone: dict[bool, dict[str, float]] = {True: {}, False: {}}  # by whether it is degraded
    for its in cells_of(cells[references]):
        alone[its.degradation == degradation].setdefault(its.detector_label, its.value)
    rates = {name: Rates(alone[False].get(name, math.nan), value) for name, value in alone[True].items()}
    changes = {row.detector_label: gain(row) for row in found if is_harm(row)}
    return sentences.harm(entries.label("degradations", degradation), images_of(degradation, entries), rates, changes)


def gains_of(found: Sequence[Difference], entries: Entries) -> dict[str, Gains]:
    """Collect the paired differences to no purification, by purifier and detector."""
    gains: dict[str, dict[str, Gain]] = {}
    for row in found:
        if not is_harm(row):
            gains.setdefault(row.purifier, {})[row.detector_label] = gain(row)
    return dict(gains)


def gain_sentences(gains: dict[str, Gains], entries: Entries) -> list[str]:
    """Say what our purifier gives back, and what the best of the others does; of several, by the mean over detectors."""
    labels = entries.labels("purifiers", list(gains))
    means = {name: sum(its.value for its in found.values()) / len(found) for name, found in gains.items()}
    ours = [name for name in gains if entries.role("purifiers", name) == "ours"]
    others = [name for name in gains if name not in ours]
    said = []
    for kind, names in (("ours", ours), ("other", others)):
        if names:
            best = max(names, key=lambda name: means[name])
            among = f"The best of {len(names)} {'other ' * bool(ours and kind == 'other')}purifiers"
            said.append(sentences.gain(labels[best], gains[best], among if len(names) > 1 else ""))
    return said or ["No purifier was compared with no purification."]


def line(row: Difference, entries: Entries) -> list[Cell]:
    """Write a difference as a row of the table."""
    degradation = entries.label("degradations", row.degradation)
    change = "degradation alone" if is_harm(row) else entries.label("purifiers", row.purifier)
    numbers = [_points(value) for value in (row.value, row.low, row.high)]
    beyond = "unknown" if math.isnan(row.low) else "yes" if gain(row).beyond_chance else "no"
    return [Cell(change), Cell(row.detector_label), *numbers, Cell(beyond), Cell(row.dataset), Cell(degradation)]


def is_harm(row: Difference) -> bool:
    """Whether a difference is that of the degradation itself."""
    return bool(row.minus_degradation != row.degradation)


def gain(row: Difference) -> Gain:
    """Take the difference and its interval."""
    return Gain(row.value, row.low, row.high)


def _points(value: float) -> Cell:
    return Cell("–", "") if math.isnan(value) else Cell(f"{100 * value:+.1f}", f"{value:.6f}")
