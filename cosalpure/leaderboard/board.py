"""The tables of the leaderboard: entries that may be compared stand in one table, ranked, with their controls below.

A table holds one dataset in one version (data and metrics), one degradation and one detector; that of detectors all of
them, that of attacks all attacks. Rows of different versions never stand in one table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cosalpure.leaderboard.entry import Adaptive, Cell, Entry, Measured, Metrics
from cosalpure.leaderboard.versions import edition_of, is_present

TRACKS = ("purifier", "detector", "attack")  # in the page's order
RANKED = "avg"  # split of the success rate
ORDER = ("ceiling", "floor", "control")  # of the rows below the competitors


@dataclass(frozen=True, order=True)
class Key:
    """What the rows of a table have in common; empty where they differ."""

    track: str
    dataset: str
    manifest: str
    metric_version: int
    degradation: str
    detector: str


@dataclass(frozen=True)
class Line:
    """One row of a table."""

    entry: Entry
    its: Measured
    rank: int | None = None
    scaled: float | None = None  # 0: as without purification, 1: as without attack
    difference: Cell | None = None
    reported: float | None = None
    adaptive: Adaptive | None = None

    @property
    def metrics(self) -> Metrics:
        """The numbers of the row."""
        return self.its.metrics

    @property
    def is_control(self) -> bool:
        """Whether the row is no competitor."""
        return self.its.role != "entry"

    @property
    def is_own(self) -> bool:
        """Whether it is the entry's own row, not one that it is compared with."""
        place = {"attack": self.its.degradation, "purifier": self.its.purifier, "detector": self.its.detector}
        return self.its.role != "ceiling" and place[self.entry.track] == self.entry.entry

    @property
    def name(self) -> str:
        """The row as printed."""
        return self.entry.name if self.is_own else self.its.label


@dataclass(frozen=True)
class Board:
    """One table: competitors in their order, and controls."""

    key: Key
    title: str
    lines: list[Line] = field(default_factory=list)
    controls: list[Line] = field(default_factory=list)

    @property
    def present(self) -> bool:
        """Whether it is of the present version."""
        return is_present(self.key.dataset, self.key.manifest, self.key.metric_version)

    @property
    def edition(self) -> str:
        """The dataset and its size as printed."""
        return edition_name(self.key.dataset, self.key.manifest)

    @property
    def columns(self) -> list[str]:
        """The headings of its numbers."""
        purifiers = self.key.track == "purifier"
        beside = ["SR, scaled"] if purifiers else []
        difference = f"SR minus {'unpurified' if purifiers else 'clean'}"
        rest = ["AP", "Fβ", "MAE", "SR reported", "Best known adaptive", "Images"]
        return ["SR", *beside, "SR attacked", "SR clean", difference, *rest]

    @property
    def version(self) -> str:
        """The version as printed."""
        return f"data {self.key.manifest[:12]}, metrics {self.key.metric_version}"


def boards(entries: Iterable[Entry]) -> list[Board]:
    """Make all tables, those of the present version first."""
    found: dict[Key, Board] = {}
    for entry in entries:
        for its in entry.measured:
            if its.role == "ceiling":
                continue
            key = key_of(entry, its)
            board = found.setdefault(key, Board(key, title_of(entry, its)))
            board.lines.append(line_of(entry, its))
            board.lines.extend(line_of(entry, clean, its.degradation) for clean in _ceilings(entry, its))
    ready = [_ordered(board) for board in found.values()]
    return sorted(ready, key=lambda board: (not board.present, TRACKS.index(board.key.track), board.key))


def key_of(entry: Entry, its: Measured) -> Key:
    """Tell the table of a row."""
    data = entry.data[its.dataset]
    degradation = "" if entry.track == "attack" else its.degradation
    detector = "" if entry.track == "detector" else its.detector
    return Key(entry.track, its.dataset, data.manifest_sha256, entry.metric_version, degradation, detector)


def title_of(entry: Entry, its: Measured) -> str:
    """Name the table of a row."""
    kind = {"purifier": "Purifiers", "detector": "Detectors", "attack": "Attacks"}[entry.track]
    parts = [f"degradation {its.degradation}"] if entry.track != "attack" else []
    parts += [f"detector {its.detector_label}"] if entry.track != "detector" else []
    return f"{kind} on {edition_name(its.dataset, entry.data[its.dataset].manifest_sha256)}: {', '.join(parts)}"


def edition_name(dataset: str, manifest: str) -> str:
    """Name the edition of a dataset, or the dataset where it has none."""
    found = edition_of(dataset, manifest)
    return found.name if found else dataset


def line_of(entry: Entry, its: Measured, degradation: str | None = None) -> Line:
    """Collect a row: what was measured, and what stands beside it."""
    found = (its_own.sr.avg for its_own in entry.differences if its_own.key == its.key)
    scaled = scaled_of(entry, its, degradation or its.degradation)
    return Line(entry, its, None, scaled, next(found, None), reported_of(entry, its), adaptive_of(entry, its))


def _ceilings(entry: Entry, its: Measured) -> list[Measured]:
    """List the rows of clean images that belong to a row."""
    same = (its.dataset, its.detector)
    return [other for other in entry.measured if other.role == "ceiling" and (other.dataset, other.detector) == same]


def scaled_of(entry: Entry, its: Measured, degradation: str) -> float | None:
    """Scale the success rate of a purifier by its own run: 0 is without purification, 1 without attack."""
    if entry.track != "purifier":
        return None
    same = (its.dataset, degradation, its.detector)
    floors = [
        one for one in entry.measured if one.role == "floor" and (one.dataset, one.degradation, one.detector) == same
    ]
    values = [one[0].metrics.sr.avg.value for one in (floors, _ceilings(entry, its)) if one]
    value = its.metrics.sr.avg.value
    if len(values) < 2 or value is None or values[0] is None or values[1] is None or values[1] <= values[0]:
        return None
    return (value - values[0]) / (values[1] - values[0])


def reported_of(entry: Entry, its: Measured) -> float | None:
    """Find the published success rate of all images of a condition."""
    names = (its.dataset, its.degradation, {its.detector.lower(), its.detector_label.lower()})
    for claim in entry.claimed if its.role == "entry" else ():
        if (claim.metric, claim.split) == ("sr", RANKED) and claim.dataset == names[0]:
            if claim.degradation.lower() == names[1].lower() and claim.detector.lower() in names[2]:
                return claim.value
    return None


def adaptive_of(entry: Entry, its: Measured) -> Adaptive | None:
    """Find the best known attack on a row: that which leaves the lowest success rate."""
    same = [one for one in entry.adaptive if (one.dataset, one.detector) == (its.dataset, its.detector)]
    return min(same, key=lambda one: one.sr, default=None) if its.role == "entry" else None


def _ordered(board: Board) -> Board:
    """Rank the competitors, and keep each control once: its own entry's, else that of an entry that was measured again."""
    lower = board.key.track == "attack"
    rest = [line for line in board.lines if not line.is_control]
    purifiers = list(dict.fromkeys(line.its.purifier for line in rest)) if lower else [""]
    rest.sort(key=lambda line: (purifiers.index(line.its.purifier) if lower else 0, *_value(line, lower)))
    ranks: dict[str, list[float]] = {}
    lines = []
    for line in rest:
        value = line.metrics.sr.avg.value
        peers = ranks.setdefault(line.its.purifier if lower else "", [])
        if value is not None:
            peers.append(value)
        lines.append(replace(line, rank=peers.index(value) + 1 if value is not None else None))
    controls = [line for line in board.lines if line.is_control]
    controls.sort(key=lambda line: (not line.is_own, line.entry.status != "re-measured", line.entry.entry))
    once = {line.its.key: line for line in reversed(controls)}
    kept = sorted(once.values(), key=lambda line: (ORDER.index(line.its.role), line.its.label))
    return replace(board, lines=lines, controls=kept)


def _value(line: Line, lower: bool) -> tuple[bool, float, str]:
    value = line.metrics.sr.avg.value
    return (value is None, 0.0 if value is None else value if lower else -value, line.name)


@dataclass(frozen=True)
class Reported:
    """Published numbers of a condition that nobody measured here."""

    entry: Entry
    sources: list[str]
    names: tuple[str, str, str, str]
    values: dict[tuple[str, str], float]


def reported_only(entries: Iterable[Entry]) -> list[Reported]:
    """List the published numbers of conditions that the entry was not measured in."""
    found: dict[tuple[str, ...], Reported] = {}
    for entry in entries:
        measured = {its.dataset for its in entry.measured}
        for claim in entry.claimed:
            if claim.dataset in measured:
                continue
            names = (claim.dataset, claim.degradation, claim.purifier, claim.detector)
            line = found.setdefault((entry.track, entry.entry, *names), Reported(entry, [], names, {}))
            if claim.source not in line.sources:
                line.sources.append(claim.source)
            line.values[claim.metric, claim.split] = claim.value
    return sorted(
        found.values(), key=lambda its: (TRACKS.index(its.entry.track), its.names[0], its.names[3], its.entry.name)
    )
