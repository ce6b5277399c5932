"""The page's section on attacks that know what they attack: Table 5, checks of the attacks, and success against their bound."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import attacks, plots, svg
from cosalpure.report.attacks import Met, Where
from cosalpure.report.checks import CHECKS, ORDER, Check, Interval, Result, outcomes, worst
from cosalpure.report.numbers import Bootstrap, read
from cosalpure.report.sweep import COLUMNS
from cosalpure.report.table_views import ADAPTIVE, CONFIGURED, measured, tabbed, texts
from cosalpure.report.view import Adaptive, Cell, Plot, Tabbed, Table
from cosalpure.score.statistics import bootstrap_mean
from cosalpure.seeds import numpy_generator
from cosalpure.tables.build import Cells
from cosalpure.tables.definitions import OF_DRAWS, SR, Split
from cosalpure.tables.present import Cell as Measured
from cosalpure.tables.present import brackets, cells_of
from cosalpure.tables.rows import Row

SHOWN: tuple[Split, ...] = ("adv", "clean")
LEVELS = 255  # of 8-bit images: the unit of a bound on the axis

Place = tuple[str, str, str]  # label of the detector, dataset, purifier
Column = tuple[str, int]  # label of the attack, and how many of this label the purifier met before


class Rates:
    """Success rates from score rows, as Table 5 has them: the mean of draws where there are several."""

    def __init__(self, scores: pd.DataFrame, bootstrap: Bootstrap):
        self.cells, self.bootstrap = Cells(scores, **bootstrap), bootstrap
        self.metric = (OF_DRAWS[0] if "draws" in scores else SR).name

    def rate(self, met: Met) -> Interval:
        """Give the success rate on attacked images."""
        return self.cells.mean(Row(*met.condition), self.metric, "adv")[:3]

    def difference(self, a: Met, b: Met) -> Interval:
        """Give the success rate under `a` minus that under `b`, on the same attacked images."""
        return self.cells.difference(Row(*a.condition, minus=b.condition[1:3]), self.metric, "adv")[:3]

    def of_groups(self, values: Mapping[str, float], *key: str) -> Interval:
        """Give the mean of a value a group; `key` names it."""
        its = self.bootstrap
        generator = numpy_generator(its["seed"], "bootstrap", *key)
        return bootstrap_mean(list(values.values()), list(values), generator, its["samples"], its["level"])


def build(layout: Layout, scores: pd.DataFrame, entries: Entries, bootstrap: Bootstrap) -> Adaptive | None:
    """Build the section; None where there were no such attacks."""
    table = read(layout, ADAPTIVE, scores)
    if table.empty:
        return None
    met, rates = attacks.read(layout, scores, entries), Rates(scores, bootstrap)
    found = {check: outcomes(check, met, rates) for check in CHECKS}
    return Adaptive(
        by_attack(table, rates, entries, bootstrap["level"]),
        tabbed(table, bootstrap["level"]),
        summary(found),
        every(found, entries),
        against_epsilon(met, rates, entries),
        "draws" in scores,
    )


def by_attack(table: pd.DataFrame, rates: Rates, entries: Entries, level: float) -> list[Tabbed]:
    """Lay Table 5 out with a row a purifier and a column an attack: attacked images, the gain on them, clean images."""
    attacked, clean = (grid(table, rates.metric, split, entries) for split in SHOWN)
    reading = brackets(level)
    gained = f"Success rate minus that of no purification under an attack of the same kind, image by image. {reading}"
    found = [
        ("Success rate on attacked images", reading, {row: shown(cells) for row, cells in attacked.items()}),
        ("Gain over no purification on attacked images", gained, gains(attacked, rates, entries)),
        ("Success rate on clean images", reading, {row: shown(cells) for row, cells in clean.items()}),
    ]
    return [Tabbed(title, about, CONFIGURED, tabs(rows, entries)) for title, about, rows in found if rows]


def grid(table: pd.DataFrame, metric: str, split: Split, entries: Entries) -> dict[Place, dict[Column, Measured]]:
    """Collect the cells of a tidy table by what a purifier met, for one split of the images.

    Attacks with one label share a column, such as that of a concept and that of the same concept learned again; if one
    purifier met two of them, the second has a column of its own.
    """
    rows: dict[Place, dict[Column, Measured]] = {}
    for cell in cells_of(table[(table["metric"] == metric) & (table["split"] == split)]):
        row = rows.setdefault((cell.detector_label, cell.dataset, cell.purifier), {})
        label = entries.label("degradations", cell.degradation)
        row[label, sum(its == label for its, _ in row)] = cell
    return rows


def shown(cells: Mapping[Column, Measured]) -> dict[Column, Cell]:
    """Write what was measured."""
    return {column: measured(cell, bold=False) for column, cell in cells.items()}


def gains(
    rows: Mapping[Place, Mapping[Column, Measured]], rates: Rates, entries: Entries
) -> dict[Place, dict[Column, Cell]]:
    """Measure what each purifier gains over the reference on the same images; nothing where no reference was run."""
    found: dict[Place, dict[Column, Cell]] = {}
    references = {
        place[:2]: cells for place, cells in rows.items() if entries.role("purifiers", place[2]) == "reference"
    }
    for place, cells in rows.items():
        others = references.get(place[:2])
        if others is None or others is cells:
            continue
        found[place] = {}
        for column, its in cells.items():
            if (other := others.get(column)) is None:
                continue
            row = Row(its.dataset, its.degradation, its.purifier, its.detector, (other.degradation, other.purifier))
            value, low, high = rates.cells.difference(row, rates.metric, "adv")[:3]
            if not math.isnan(value):
                found[place][column] = Cell(f"{value:+.3f}", str(value), more=[f"[{low:+.2f}, {high:+.2f}]"])
    return found


def tabs(rows: Mapping[Place, Mapping[Column, Cell]], entries: Entries) -> dict[str, Table]:
    """Make a table a detector."""
    found = {}
    several = len({dataset for _, dataset, _ in rows}) > 1
    for detector in dict.fromkeys(detector for detector, *_ in rows):
        own = {(dataset, purifier): cells for (its, dataset, purifier), cells in rows.items() if its == detector}
        columns = list(dict.fromkeys(column for cells in own.values() for column in cells))
        lines = [
            [
                Cell(entries.label("purifiers", purifier)),
                *[Cell(dataset)] * several,
                *(cells.get(column, Cell("–", "")) for column in columns),
            ]
            for (dataset, purifier), cells in own.items()
        ]
        found[detector] = Table(lines, ["Purifier", *["Dataset"] * several, *(label for label, _ in columns)])
    return found


def summary(found: Mapping[Check, Mapping[Where, Result]]) -> Table:
    """Tabulate a row a check: its worst outcome, and what was measured or, for several pairs, how many have which outcome."""
    rows = []
    for check, results in found.items():
        outcome = worst(its.outcome for its in results.values())
        counts = {name: sum(its.outcome == name for its in results.values()) for name in ORDER}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        measured = "–" if not results else next(iter(results.values())).measured
        rows.append(texts(check.title, check.expected, told if len(results) > 1 else measured, outcome))
    return Table(rows, ("check", "expected", "measured", "outcome"))


def every(found: Mapping[Check, Mapping[Where, Result]], entries: Entries) -> Table:
    """Tabulate a row for each purifier and detector that a check was made for."""
    rows = [
        texts(
            check.title,
            entries.label("purifiers", where.purifier),
            entries.label("detectors", where.detector),
            where.dataset,
            *result,
        )
        for check, results in found.items()
        for where, result in results.items()
    ]
    return Table(rows, ("check", "purifier", "detector", "dataset", "measured", "outcome"))


def against_epsilon(met: Sequence[Met], rates: Rates, entries: Entries) -> list[Plot]:
    """Draw success against the bound of the noise, a line a detector, where attacks differ in it alone."""
    families: dict[tuple[str, str, str], list[list[Met]]] = {}
    for family in attacks.alike(met, "epsilon"):
        its = max(family, key=lambda each: each.epsilon or 0)
        label = entries.label("degradations", its.condition[1])
        families.setdefault((its.where.dataset, its.where.purifier, label), []).append(family)
    found = []
    for (dataset, purifier, label), of_detectors in families.items():
        name = f"{entries.label('purifiers', purifier)}, {label}, {dataset}"
        numbers = _numbers([its for family in of_detectors for its in family], met, rates)
        title = f"Success rate against the bound of the noise: {name}"
        drawing = plots.success_by_setting(numbers, "bound of the noise, of 255", entries, stacked=True)
        found.append(Plot(f"Success against the bound: {name}", title, svg.inline(drawing, title)))
    return found


def _numbers(family: Sequence[Met], met: Sequence[Met], rates: Rates) -> pd.DataFrame:
    """List the success rates of attacks as a sweep has them, by bound; the dashed line is that without any degradation."""
    clean = {its.where: its for its in met if its.role == "reference"}
    rows = []
    for its in sorted(family, key=lambda each: each.epsilon or 0):
        for split in SHOWN:
            value, low, high, _, done, *_ = rates.cells.mean(Row(*its.condition), rates.metric, split)
            before = clean.get(its.where)
            untouched = rates.cells.mean(Row(*before.condition), rates.metric, split)[0] if before else math.nan
            names = (its.where.detector, split, its.where.dataset, its.condition[1])
            rows.append((*names, LEVELS * (its.epsilon or 0), value, low, high, done, untouched))
    return pd.DataFrame(rows, columns=COLUMNS)
