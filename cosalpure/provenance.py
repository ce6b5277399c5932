"""How the results of a run were made, from the records of its jobs: how many alike, and what is mixed.

    found = read(Layout("results"))     every job's record, None for a file without one
    origins(found)                      [Origin(commit="8e09fdf51f38", device="NVIDIA H100", ...): its jobs, ...]
    mixtures(found)                     ["2 commits: 8e09fdf51f38 (12 jobs), 2b9e163a1c02 (3 jobs)"]

A record's file is a dataset's manifest, a shard of a stage, or the scores of a condition (`cosalpure.record`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cosalpure import record
from cosalpure.experiment.layout import DEPTH, Layout, every
from cosalpure.record import Record
from cosalpure.tables import Condition

SHARDED = (
    "degrade",
    "concept",
    "purify",
    "detect",
)  # stages whose jobs leave shards, and whose results a device changes
SHOWN = 12  # characters of a commit
CHANGED = " with uncommitted changes"
NO_COMMIT = "unknown commit"  # no clone, or no git
NO_RECORD = "without a record"

Use = tuple[str, str]  # a stage with its method, and the settings
Key = TypeVar("Key")


@dataclass(frozen=True)
class Made:
    """The record that a job of a stage left; None in a file of an older version."""

    stage: str
    record: Record | None


@dataclass(frozen=True)
class Origin:
    """What jobs that were made alike have in common, as texts for a reader.

    `others` are the versions, and fingerprints of code, that are not the same in all jobs.
    """

    commit: str
    device: str = ""
    others: tuple[str, ...] = ()


def files(layout: Layout, conditions: Iterable[Condition] | None = None) -> list[tuple[str, Path]]:
    """List (stage, file) of the records on the disk: of these conditions and what they were made from, or of all."""
    known = list(conditions) if conditions is not None else [("*", "*", "*", "*")]
    names = {stage: every("/".join(its[:depth]) for its in known) for stage, depth in DEPTH.items()}
    patterns = [("data", layout.manifest(its)) for its in names["data"]]
    patterns += [(stage, layout.shard(stage, its, span="*")) for stage in SHARDED for its in names[stage]]
    patterns += [("score", layout.score(its)) for its in names["score"]]
    folder = Path(layout.results)
    return [
        (stage, path) for stage, its in patterns for path in sorted(folder.glob(str(Path(its).relative_to(folder))))
    ]


def read(layout: Layout, conditions: Iterable[Condition] | None = None) -> list[Made]:
    """Read the records on the disk: of these conditions and what they were made from, or of all."""
    found = files(layout, conditions)
    with ThreadPoolExecutor(8) as pool:  # thousands of small files, perhaps of a network's disk
        records = pool.map(record.read, [path for _, path in found])
        return [Made(stage, its) for (stage, _), its in zip(found, records, strict=True)]


def commit(its: Record) -> str:
    """Name the state of the code that a job ran."""
    return (its.commit[:SHOWN] if its.commit else NO_COMMIT) + (CHANGED if its.clean is False else "")


def device(its: Record) -> str:
    """Name what computed: the GPU, or the processor of a job that used none."""
    return its.device.removeprefix("cuda: ") if _on_gpu(its) else its.processor


def _on_gpu(its: Record) -> bool:
    return its.device != "cpu"


def versions(found: Iterable[Made]) -> dict[str, Counter[str]]:
    """Count the versions of every package, plug-ins and Python included, by how many jobs had them."""
    counted: dict[str, Counter[str]] = {}
    for its in (made.record for made in found if made.record):
        plugin, _, version = its.plugin.partition(" ")
        for name, one in {**its.versions, **({plugin: version} if plugin else {})}.items():
            counted.setdefault(name, Counter())[one] += 1
    return counted


def codes(found: Iterable[Made]) -> dict[Use, Counter[str]]:
    """Count the fingerprints of the code behind every method and its settings, by which the code may differ."""
    counted: dict[Use, Counter[str]] = {}
    for its in (made.record for made in found if made.record and made.record.code):
        counted.setdefault(_use(its), Counter())[its.code.removeprefix("code ")] += 1
    return counted


def _use(its: Record) -> Use:
    return f"{its.stage} {its.method}".strip(), json.dumps(its.settings, sort_keys=True)


def origins(found: Sequence[Made]) -> dict[Origin, list[Made]]:
    """Put the jobs together that were made alike, the oldest first; those without a record are last."""
    mixed = {name for name, _ in _several(versions(found))}, {use for use, _ in _several(codes(found))}
    grouped: dict[Origin, list[Made]] = {}
    for its in sorted(found, key=lambda made: (made.record is None, made.record.date if made.record else "")):
        grouped.setdefault(_origin(its, mixed), []).append(its)
    return grouped


def _origin(made: Made, mixed: tuple[set[str], set[Use]]) -> Origin:
    if not made.record:
        return Origin(NO_RECORD)
    others = [f"{name} {one}" for name, its in versions([made]).items() if name in mixed[0] for one in its]
    others += [f"{use[0]} {one}" for use, its in codes([made]).items() if use in mixed[1] for one in its]
    return Origin(commit(made.record), device(made.record), tuple(others))


def stages(jobs: Iterable[Made]) -> str:
    """Count jobs by stage: "data 1, purify 12"."""
    found = Counter(its.stage for its in jobs)
    return ", ".join(f"{stage} {found[stage]}" for stage in DEPTH if found[stage])


def dates(jobs: Iterable[Made]) -> tuple[str, str]:
    """Tell when the first and the last of the jobs had finished, UTC, to the minute; empty if unknown."""
    known = sorted(its.record.date for its in jobs if its.record and its.record.date)
    return (_minute(known[0]), _minute(known[-1])) if known else ("", "")


def _minute(date: str) -> str:
    return date[:16].replace("T", " ")


def mixtures(found: Sequence[Made]) -> list[str]:
    """Say what is mixed among the jobs: commits, code, versions or kinds of device, a text each; none if nothing is.

    Processors and GPUs are compared where they change results: in the stages of networks and images. There, a method that
    needs no GPU runs on the CPU beside others that use one; only the same method on both is mixed.
    """
    records = [its.record for its in found if its.record]
    commits = Counter(map(commit, records))
    said = [f"{len(commits)} states of the code: {_counted(commits)}{_same_code(found)}"] if len(commits) > 1 else []
    said += [
        f"{len(its)} fingerprints of the code of {name}: {_counted(its)}" for (name, _), its in _several(codes(found))
    ]
    said += [f"{len(its)} versions of {name}: {_counted(its)}" for name, its in _several(versions(found))]
    said += _devices([its for its in records if its.stage in SHARDED])
    if records and len(records) < len(found):
        rest = len(found) - len(records)
        said.append(
            f"{_jobs(rest)} {NO_RECORD}: an older version made {'it' if rest == 1 else 'them'}, nothing else is known"
        )
    return said


def _devices(records: Sequence[Record]) -> list[str]:
    """Say which kinds of device are mixed."""
    kinds = {on: Counter(device(its) for its in records if _on_gpu(its) == on) for on in (True, False)}
    said = [
        f"{len(its)} kinds of {'GPU' if on else 'processor'}: {_counted(its)}"
        for on, its in kinds.items()
        if len(its) > 1
    ]
    where: dict[str, Counter[str]] = {}
    for its in records:
        kind = "a GPU" if _on_gpu(its) else "the CPU"
        where.setdefault(_use(its)[0], Counter())[kind] += 1
    return said + [f"{name} ran on both: {_counted(its)}" for name, its in _several(where)]


def _same_code(found: Sequence[Made]) -> str:
    """Say that several commits have the same code, where every job's fingerprint is known."""
    known = codes(found)
    every_one = sum(its.total() for its in known.values()) == sum(bool(its.record) for its in found)
    return "; the code of every method is the same in all of them" if every_one and not _several(known) else ""


def _several(counted: Mapping[Key, Counter[str]]) -> list[tuple[Key, Counter[str]]]:
    return [(name, its) for name, its in counted.items() if len(its) > 1]


def _counted(its: Counter[str]) -> str:
    return ", ".join(f"{name} ({_jobs(count)})" for name, count in its.most_common())


def _jobs(count: int) -> str:
    return f"{count} job{'s' * (count != 1)}"


def lines(found: Sequence[Made]) -> list[str]:
    """Write a line for each set of jobs that were made alike."""
    said = []
    for origin, jobs in origins(found).items():
        first, last = dates(jobs)
        when = f"{first} to {last} UTC" if first != last else f"{first} UTC" if first else ""
        parts = [part for part in (origin.commit, origin.device, *origin.others, when) if part]
        said.append(f"{_jobs(len(jobs))} ({stages(jobs)}): {', '.join(parts)}")
    return said


def difference(a: Sequence[Made], b: Sequence[Made], names: tuple[str, str]) -> str:
    """Say in one sentence whether two runs were made by different commits, versions or devices."""
    for name, found in zip(names, (a, b), strict=True):
        if not any(its.record for its in found):
            return f"How {name} was made is unknown: it has no records."
    ours, theirs = _traits(a), _traits(b)
    parts = [
        f"{what} {', '.join(its)} against {', '.join(theirs[what])}"
        for what, its in ours.items()
        if what in theirs and its != theirs[what]
    ]
    uses = codes(a), codes(b)
    parts += every(
        f"the code of {use[0]}" for use, its in uses[0].items() if use in uses[1] and set(its) != set(uses[1][use])
    )
    return (
        f"Made differently: {'; '.join(parts)}." if parts else "Both were made by the same code, versions and devices."
    )


def _traits(found: Sequence[Made]) -> dict[str, list[str]]:
    """Collect what tells runs apart, sorted: their states of the code, devices and versions."""
    records = [its.record for its in found if its.record]
    alike = {
        "commit": {commit(its) for its in records},
        "device": {device(its) for its in records if its.stage in SHARDED},
        **{name: set(its) for name, its in versions(found).items()},
    }
    return {what: sorted(its) for what, its in alike.items() if its}
