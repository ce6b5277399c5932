"""The page's section on time and memory, from the jobs' benchmark files."""

import math
from collections.abc import Sequence

import pandas as pd

from cosalpure import timing
from cosalpure.data.published import PUBLISHED
from cosalpure.labels import Entries
from cosalpure.report import plots, svg
from cosalpure.report.numbers import Numbers
from cosalpure.report.table_views import number, texts, whole
from cosalpure.report.view import Plot, Table, Times

GROUPS = sum(its.groups for its in PUBLISHED.values())  # of the paper's datasets
FAMILIES = ("degradations", "purifiers", "detectors")


def build(jobs: Sequence[timing.Job], numbers: Numbers, scores: pd.DataFrame, entries: Entries) -> Times | None:
    """Build the section; None where no job left a benchmark file."""
    if not jobs:
        return None
    rows = [[*texts(its.stage, str(its.jobs)), whole(its.seconds), whole(its.memory)] for its in timing.by_stage(jobs)]
    stages = Table(rows, ("stage", "jobs", "seconds, summed", "peak memory, MB"))
    found = [robustness(jobs, numbers, scores, *pair, entries) for pair in numbers.degraded()]
    return Times(stages, [plot for plot in found if plot], pace(jobs, entries), GROUPS)


def pace(jobs: Sequence[timing.Job], entries: Entries) -> Table | None:
    """Tabulate what the paper's groups would take at the pace of these jobs; None without a job of a GPU's stage."""
    times = {key: seconds for key, seconds in timing.seconds_a_group(jobs).items() if key[0] in timing.ON_GPU}
    if not times:
        return None
    rows = []
    for (stage, *names), seconds in times.items():
        labels = [entries.label(family, name) for family, name in zip(FAMILIES, names, strict=False)]
        rows.append([*texts(stage, ", ".join(labels)), number(seconds), number(seconds * GROUPS / 3600)])
    every = sum(times.values())
    rows.append([*texts("all", ""), number(every), number(every * GROUPS / 3600)])
    return Table(rows, ("stage", "entries", "seconds a group", f"hours, {GROUPS} groups"))


def robustness(
    jobs: Sequence[timing.Job],
    numbers: Numbers,
    scores: pd.DataFrame,
    dataset: str,
    degradation: str,
    entries: Entries,
) -> Plot | None:
    """Plot each purifier's seconds an image against its success on the attacked images, mean of the detectors."""
    images = len(scores[scores["dataset"] == dataset][["slug", "file"]].drop_duplicates())
    cells = numbers.cells(dataset, degradation)
    shown = cells[(cells["degradation"] == degradation) & (cells["metric"] == "sr") & (cells["split"] == "adv")]
    points = []
    for purifier, part in shown.groupby("purifier", sort=False):
        seconds = timing.total(timing.of_entry(jobs, "purify", dataset, degradation, str(purifier)))
        success = float(part["value"].mean())
        if seconds and not math.isnan(success):
            points.append((entries.label("purifiers", str(purifier)), seconds / images, success))
    if not points:
        return None
    name = f"{dataset}, {entries.label('degradations', degradation)}"
    heading = f"{name}: success against time, mean of the detectors"
    title = f"Success rate on the attacked images against the time of purification: {name}"
    return Plot(heading, title, svg.inline(plots.time_against_robustness(points), title))
