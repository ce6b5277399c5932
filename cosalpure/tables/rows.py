"""Which rows a table has: chosen from the conditions of a run by the roles of their entries, never by their names.

Every function here takes a `Request` and lists the rows of one kind of table, in order. None where nothing of it was run.
Nothing is computed: the rules ask the same functions which score files a table is made of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cosalpure.labels import Entries
from cosalpure.seeds import split_repeat

ABLATED = ("reference", "ablation", "ours")  # roles of Table 3's rows

Condition = tuple[str, str, str, str]  # dataset, degradation, purifier, detector
Treatment = tuple[str, str]  # degradation, purifier
Difference = tuple[Treatment, Treatment]  # a treatment, and the one that is taken away


class Row(NamedTuple):
    """One row of a table under one detector; of a difference also the treatment that is taken away."""

    dataset: str
    degradation: str
    purifier: str
    detector: str
    minus: Treatment | None = None

    @property
    def condition(self) -> Condition:
        """The condition whose scores the row shows."""
        return (self.dataset, self.degradation, self.purifier, self.detector)

    @property
    def other(self) -> Condition | None:
        """The condition that is taken away, if any."""
        return (self.dataset, *self.minus, self.detector) if self.minus else None


@dataclass(frozen=True)
class Request:
    """What a table is asked for: the conditions of a run, the degradation that the tables are about, and a selection.

    Without a selection, all datasets, purifiers and detectors that met the degradation are shown, as they appear.
    """

    conditions: Sequence[Condition]
    degradation: str
    entries: Entries
    datasets: Sequence[str] | None = None
    purifiers: Sequence[str] | None = None
    detectors: Sequence[str] | None = None
    pairs: Sequence[Difference] | None = None

    def first_seed(self) -> list[Condition]:
        """List the conditions without those of further seeds."""
        return [its for its in self.conditions if split_repeat(its[1])[1] is None]

    def is_run(self) -> bool:
        """Tell whether anything met the degradation."""
        return any(its[1] == self.degradation for its in self.conditions)

    def names(self) -> tuple[list[str], list[str], list[str]]:
        """List the datasets, purifiers and detectors to show; those that are not asked for met the degradation."""
        here = [its for its in self.conditions if its[1] == self.degradation]
        datasets, purifiers, detectors = (
            list(dict.fromkeys(its[key] for its in here) if asked is None else asked)
            for key, asked in ((0, self.datasets), (2, self.purifiers), (3, self.detectors))
        )
        return datasets, purifiers, detectors


def purifier_rows(request: Request) -> list[Row]:
    """List the purifiers under the degradation; first the clean reference where it was run.

    A condition that is asked for by name and was not run is a row, too: the table says that it has no scores.
    """
    if not request.is_run():
        return []
    datasets, purifiers, detectors = request.names()
    rows = []
    for dataset in datasets:
        shown = [(request.degradation, purifier) for purifier in purifiers]
        clean = clean_reference([its for its in request.conditions if its[0] == dataset], request.entries)
        if clean is not None and clean not in shown:
            shown.insert(0, clean)
        rows += [Row(dataset, *treatment, detector) for treatment in shown for detector in detectors]
    return rows


def ablation_rows(request: Request) -> list[Row]:
    """List reference, ablations and ours; none unless an ablation stands beside another of them."""
    roles = {
        its[2]: request.entries.role("purifiers", its[2]) for its in request.conditions if its[1] == request.degradation
    }
    found = [name for name, role in roles.items() if role in ABLATED]
    if len(found) < 2 or "ablation" not in roles.values():
        return []
    return purifier_rows(replace(request, purifiers=found))


def reported_rows(table: str, request: Request) -> list[Row]:
    """List the purifiers under the degradation that reproduces the paper's `table`, whatever the others are about."""
    found = reported_degradation(table, request.first_seed(), request.entries)
    return [] if found is None else purifier_rows(replace(request, degradation=found))


def degradation_rows(request: Request) -> list[Row]:
    """List all degradations under the reference, or under the first purifier where no reference was run."""
    first = request.first_seed()
    purifiers = list(dict.fromkeys(its[2] for its in first))
    references = [name for name in purifiers if request.entries.role("purifiers", name) == "reference"]
    chosen = (references or purifiers)[:1]
    own = [its for its in first if its[2] in chosen]
    rows: dict[Row, None] = {}
    for degradation in dict.fromkeys(its[1] for its in own):
        asked = replace(request, conditions=own, degradation=degradation, purifiers=chosen)
        rows |= dict.fromkeys(purifier_rows(asked))
    return list(rows)


def adaptive_rows(request: Request) -> list[Row]:
    """List what every purifier met that an adaptive attack was made for, purifier by purifier; none without such an attack.

    Beside these attacks: nothing, the attacks that do not know the purifier, and the controls.
    """

    def role(condition: Condition) -> str | None:
        return request.entries.role("degradations", condition[1])

    first = request.first_seed()
    attacked = {(its[0], its[2], its[3]) for its in first if role(its) == "adaptive"}
    shown = [its for its in first if (its[0], its[2], its[3]) in attacked and role(its) != "corruption"]
    purifiers = {name: number for number, name in enumerate(dict.fromkeys(its[2] for its in shown))}
    return sorted((Row(*its) for its in shown), key=lambda row: (row.dataset, purifiers[row.purifier]))


def difference_rows(request: Request) -> list[Row]:
    """List the paired differences: `difference_pairs`, or the pairs that are asked for; those with both conditions."""
    pairs = request.pairs
    if pairs is None:
        pairs = difference_pairs(request.conditions, request.degradation, request.entries)
    if not pairs:
        return []
    datasets, _, detectors = request.names()
    rows = [
        Row(dataset, *this, detector, minus=other)
        for dataset in datasets
        for this, other in pairs
        for detector in detectors
    ]
    run = set(request.conditions)
    return [row for row in rows if row.condition in run and row.other in run]


def seed_rows(request: Request) -> list[Row]:
    """List the purifiers under all seeds of the degradation; none unless a further seed was run."""
    repeats = [its for its in request.conditions if split_repeat(its[1])[0] == request.degradation]
    if all(its[1] == request.degradation for its in repeats):
        return []
    return list(dict.fromkeys(Row(its[0], request.degradation, its[2], its[3]) for its in repeats))


def reported_degradation(table: str, conditions: Iterable[Condition], entries: Entries) -> str | None:
    """Find the degradation that reproduces the paper's `table`; None if it is not run."""
    run = dict.fromkeys(its[1] for its in conditions if split_repeat(its[1])[1] is None)
    return next((name for name in run if entries.reported("degradations", name, table)), None)


def table4_degradation(conditions: Iterable[Condition], entries: Entries) -> str | None:
    """Find the degradation that reproduces the paper's Table 4; None if it is not run."""
    return reported_degradation("table4", conditions, entries)


def clean_reference(conditions: Iterable[Condition], entries: Entries) -> Treatment | None:
    """Find (degradation, purifier) of the reference without any degradation; None if it is not run."""
    return next(((its[1], its[2]) for its in conditions if entries.is_clean(its[1], its[2])), None)


def difference_pairs(conditions: Sequence[Condition], degradation: str, entries: Entries) -> list[Difference]:
    """List the paired differences that a run can show: [((degradation, purifier), the pair taken away), ...].

    They are: the degradation's harm; every purifier against no purification; ours against every other purifier.
    """
    here = list(dict.fromkeys(its[2] for its in conditions if its[1] == degradation))
    clean = clean_reference(conditions, entries)
    alone = [name for name in here if entries.role("purifiers", name) == "reference"][:1]
    pairs = [((degradation, name), clean) for name in alone if clean and clean != (degradation, name)]
    pairs += [((degradation, name), (degradation, none)) for none in alone for name in here if name != none]
    ours = [name for name in here if entries.role("purifiers", name) == "ours"]
    pairs += [
        ((degradation, name), (degradation, other)) for name in ours for other in here if other not in (name, *alone)
    ]
    return pairs
