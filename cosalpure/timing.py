"""Times and memory of jobs, from the benchmark files that Snakemake leaves under logs/benchmarks.

A file's place says what its job did: STAGE/DATASET/.../SPAN.tsv, as `Layout.benchmark` names it. `max_rss` is in MB, `s`
(wall time) and `cpu_time` are in seconds.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

STAGES = ("data", "degrade", "concept", "purify", "detect", "score")  # that work on the images of a dataset
ON_GPU = ("degrade", "concept", "purify", "detect")  # of them those whose jobs handle shards of groups
WHOLE = ("data", "score")  # those whose jobs handle a dataset or a condition as a whole

Key = tuple[str, ...]  # a stage, then entries without the dataset: ("purify", "jadena", "cosalpure")


@dataclass(frozen=True)
class Job:
    """A job that left a benchmark file; `names` is its place below the stage, the file's name last."""

    stage: str
    names: tuple[str, ...]
    numbers: dict[str, float]


@dataclass(frozen=True)
class StageTime:
    """The jobs of one stage together: how many there are, their wall time in s, and the largest memory in MB."""

    stage: str
    jobs: int
    seconds: float
    memory: float


def read_benchmark(path: str | Path) -> dict[str, float]:
    """Read the numbers of a job by column, as Snakemake recorded them; empty for a file that is none of its.

    What is no number, such as "-" or h:m:s, is left out.
    """
    try:
        header, *rows = (line.split("\t") for line in Path(path).read_text().splitlines())
        row = dict(zip(header, rows[-1], strict=True))
    except (ValueError, IndexError):
        return {}
    return {key: float(text) for key, text in row.items() if re.fullmatch(r"[\d.]+(e[-+]?\d+)?", text)}


def read_jobs(folder: str | Path) -> list[Job]:
    """Read every benchmark file below a folder, in the order of their paths; none where there is no such folder."""
    jobs = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        stage, *names = path.relative_to(folder).with_suffix("").parts
        jobs.append(Job(stage, tuple(names), read_benchmark(path)))
    return jobs


def by_stage(jobs: Iterable[Job]) -> list[StageTime]:
    """Sum jobs stage by stage, in the order in which the stages appear."""
    stages: dict[str, list[Job]] = {}
    for job in jobs:
        stages.setdefault(job.stage, []).append(job)
    return [StageTime(stage, len(its), total(its), _peak(its)) for stage, its in stages.items()]


def total(jobs: Iterable[Job]) -> float:
    """Sum the wall time of jobs, in s; what was not measured counts nothing."""
    return sum(job.numbers.get("s", 0.0) for job in jobs)


def _peak(jobs: Iterable[Job]) -> float:
    """Find the largest memory of jobs, in MB; NaN where none was measured."""
    return max((job.numbers["max_rss"] for job in jobs if "max_rss" in job.numbers), default=math.nan)


def of_entry(jobs: Iterable[Job], stage: str, *names: str) -> list[Job]:
    """Select the jobs of a stage's entry: of_entry(jobs, "purify", "mini", "jadena", "cosalpure")."""
    return [job for job in jobs if job.stage == stage and job.names[:-1] == names]


def times_by_size(jobs: Iterable[Job]) -> dict[Key, list[tuple[int, float]]]:
    """List (groups, wall time in s) of every entry's jobs, on whatever dataset.

    A job over a dataset or a condition as a whole counts as one group.
    """
    times: dict[Key, list[tuple[int, float]]] = {}
    for job in jobs:
        found = _key_and_groups(job)
        if found and "s" in job.numbers:
            key, groups = found
            times.setdefault(key, []).append((groups, job.numbers["s"]))
    return times


def seconds_a_group(jobs: Iterable[Job]) -> dict[Key, float]:
    """Average the wall time of every entry over its groups, as `times_by_size` counts them."""
    return {key: mean_a_group(its) for key, its in times_by_size(jobs).items()}


def mean_a_group(times: Iterable[tuple[int, float]]) -> float:
    """Average jobs of (groups, s) over their groups."""
    groups, seconds = zip(*times, strict=True)
    return float(sum(seconds) / sum(groups))


def _key_and_groups(job: Job) -> tuple[Key, int] | None:
    """Tell a job's key and how many groups it handled; None for a job that belongs to no dataset."""
    if job.stage not in STAGES or len(job.names) < (1 if job.stage == "data" else 2):
        return None
    *folders, last = job.names
    if span := re.fullmatch(r"(\d{4})-(\d{4})", last):
        return (job.stage, *folders[1:]), int(span[2]) - int(span[1])
    return ((job.stage, *job.names[1:]), 1) if job.stage in WHOLE else None
