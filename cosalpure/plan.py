"""What a configuration will need before it is run: jobs, hours of a GPU, gigabytes. Nothing has to be there yet.

Groups and images of a published dataset are counted by what was published, those of a folder by what is in it. Times
are those of earlier jobs of the same entry, on whatever dataset, which Snakemake leaves under logs/benchmarks: seconds a group,
or, where jobs of different sizes were recorded, a straight line with its 95 % interval. So a first run on two groups a dataset
says what the whole will take. Sizes are upper bounds: PNG as large as
its pixels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosalpure.data.layouts import groups_of
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import Dataset
from cosalpure.experiment.experiment import Experiment
from cosalpure.experiment.files import File
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.layout import DEPTH, Layout, every
from cosalpure.experiment.needs import Need, missing
from cosalpure.experiment.parse import load_files
from cosalpure.line_fit import fit
from cosalpure.seeds import split_repeat
from cosalpure.timing import ON_GPU, STAGES, Key, mean_a_group, read_jobs, times_by_size

BENCHMARKS = Layout().benchmarks
UNKNOWN = "unknown"  # hours of what was never measured
HEADS = ("stage", "jobs", "hours", "GB at most", "jobs without a time", "hours, 95 % interval")
CHANNELS = {"data": 4, "degrade": 3, "purify": 3, "detect": 1}  # bytes a pixel that a stage writes: image and mask, ...


@dataclass(frozen=True)
class Work:
    """One entry of a stage on one dataset: `names` as under results/, its jobs, groups and images."""

    stage: str
    names: tuple[str, ...]
    jobs: int
    groups: int
    images: int
    size: int  # px

    @property
    def gigabytes(self) -> float:
        """What it writes at most, in GB."""
        return self.images * self.size**2 * CHANNELS.get(self.stage, 0) / 1e9

    @property
    def key(self) -> Key:
        """What its time is looked up by: the stage and the entries, not the dataset."""
        return (self.stage, *[split_repeat(name)[0] for name in self.names[1:]])


def run(files: Sequence[File], benchmarks: str = BENCHMARKS) -> None:
    """Print the plan of a configuration, YAML files of which later ones go over earlier ones."""
    from tabulate import tabulate

    from cosalpure.doctor import needs_lines

    experiment = load_files(files)
    needs = missing(experiment)
    provided = [need for need in needs if need.provided]
    if provided:
        print("\n".join([*needs_lines(provided), ""]))
    work, times = all_work(experiment), times_by_size(read_jobs(benchmarks))
    rows = [_row(stage, [item for item in work if item.stage == stage], times) for stage in STAGES]
    total = [sum(row[column] for row in rows) for column in (1, 3)]
    shown = [[*row[:2], row[2] if row[2] == UNKNOWN else f"{row[2]:.2f}", *row[3:]] for row in rows]
    print(tabulate(shown, HEADS, floatfmt=".1f", disable_numparse=[2, 5], colalign=["left", *["right"] * 5]))
    print(f"\n{total[0] + 1} jobs with the tables; {_hours(rows, benchmarks)}")
    print(f"at most {total[1]:.1f} GB of results; {_downloads(needs)}")


def all_work(experiment: Experiment) -> list[Work]:
    """List the work of all stages but the tables and figures, by the same `Jobs` as the rules."""
    jobs, datasets = Jobs(experiment), experiment.datasets
    images = {name: count_images(datasets[name].settings, groups) for name, groups in jobs.groups.items()}
    entries: dict[str, Sequence[tuple[str, ...]]] = {
        stage: every(its[: DEPTH[stage]] for its in jobs.conditions) for stage in STAGES
    }
    entries |= {"concept": every(its[:2] for its in jobs.reading), "score": jobs.scored_conditions}
    work = []
    for stage in STAGES:
        for names in entries[stage]:
            count = len(jobs.spans(stage, *names)) if stage in ON_GPU else 1
            dataset = names[0]
            size = datasets[dataset].settings.size
            work.append(Work(stage, names, count, jobs.groups[dataset], images[dataset], size))
    return work


def count_images(dataset: Dataset, groups: int) -> int:
    """Say how many images a dataset will have; of a part of a published set, as many a group as the whole has."""
    if dataset.source == "mini":
        return groups * dataset.images
    if dataset.source in PUBLISHED:
        return round(PUBLISHED[dataset.source].images * groups / PUBLISHED[dataset.source].groups)
    if dataset.path and Path(dataset.path).is_dir():
        return sum(len(found.photos) for found in groups_of(dataset)[0])
    return 0  # an archive, or not there yet: unknown


def _row(stage: str, work: list[Work], times: Mapping[Key, Sequence[tuple[int, float]]]) -> list[Any]:
    """Make a row of the plan.

    Returns:
        [stage, jobs, hours or "unknown", gigabytes, jobs without a recorded time, interval of the hours or ""].
    """
    known = [item for item in work if item.key in times]
    found = [_seconds(item, times[item.key]) for item in known]
    hours, reach = sum(seconds for seconds, _ in found) / 3600, [its for _, its in found if its is not None]
    around = math.hypot(*reach) / 3600
    interval = f"{max(hours - around, 0):.2f} to {hours + around:.2f}" if found and len(reach) == len(found) else ""
    jobs = sum(item.jobs for item in work)
    unknown = jobs - sum(item.jobs for item in known)
    gigabytes = sum(item.gigabytes for item in work)
    return [stage, jobs, hours if known else UNKNOWN, gigabytes, unknown, interval]


def _seconds(item: Work, times: Sequence[tuple[int, float]]) -> tuple[float, float | None]:
    """Predict the seconds of an entry from (groups, s) of earlier jobs, and the half-width of the 95 % interval.

    Without jobs of different sizes, or if the line falls below zero, it is the mean time a group, without an interval.
    """
    if item.stage in ON_GPU:
        line = fit(times)
        if line and min(line.fixed, line.each) >= 0:
            return line.predict(item.jobs, item.groups)
    units = item.groups if item.stage in ON_GPU else 1
    return units * mean_a_group(times), None


def _hours(rows: list[list[Any]], benchmarks: str) -> str:
    """Write the GPU hours in words; unknown where no job of any stage left a time."""
    on_gpu = [row for row in rows if row[0] in ON_GPU]
    known = [row[2] for row in on_gpu if row[2] != UNKNOWN]
    unknown = sum(row[4] for row in on_gpu)
    if not known:
        return f"GPU hours unknown: no job of them has left a time under {benchmarks} (run a pilot: docs/how-to/cluster.md)"
    rest = f", and {unknown} GPU jobs without a recorded time under {benchmarks}" if unknown else ""
    return f"{sum(known):.1f} GPU hours recorded{rest}"


def _downloads(needs: list[Need]) -> str:
    """Write what has to be fetched: only what is not there."""
    sizes = [need.megabytes for need in needs if need.megabytes]
    return f"{sum(sizes) / 1000:.1f} GB to download in {len(sizes)} files or folders"
