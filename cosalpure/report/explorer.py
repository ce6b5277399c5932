"""The page's plots of all methods, and its table of every metric: both show the same cells."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cosalpure.labels import Entries
from cosalpure.report import plots, svg
from cosalpure.report.numbers import METRICS, Numbers
from cosalpure.report.view import Explorer, ExplorerBlock, ExplorerCell, Plot, Success
from cosalpure.score import METRICS as DESCRIBED
from cosalpure.score.curves import DATASET_METRICS
from cosalpure.tables.build import score_column
from cosalpure.tables.definitions import metric_of
from cosalpure.tables.present import Cell, cells_of
from cosalpure.tables.write import cell_text


def build(numbers: Numbers, entries: Entries, backbones: Mapping[str, str]) -> tuple[Success, Explorer]:
    """Build both sections; `backbones` maps the detectors to the networks that they look with."""
    found, blocks = [], []
    for dataset, degradation in numbers.degraded():
        cells, name = numbers.cells(dataset, degradation), f"{dataset}, {entries.label('degradations', degradation)}"
        blocks.append(ExplorerBlock(name, list(map(_cell, cells_of(cells)))))
        found.append((name, [*cost_plot(cells, degradation, name, entries, backbones), *success_plots(cells, name)]))
    titles = {name: DESCRIBED[score_column(name)].title for name in METRICS}
    abouts = {name: about(name) for name in METRICS}
    return Success([its for its in found if its[1]]), Explorer(
        titles, abouts, blocks, list(map(about, DATASET_METRICS))
    )


def success_plots(cells: pd.DataFrame, name: str) -> list[Plot]:
    """Draw one condition's success rates on both halves, a plot a detector."""
    shown = cells[(cells["metric"] == "sr") & (cells["split"] != "avg")]
    found = []
    for detector, part in shown.groupby("detector_label", sort=False):
        rows: dict[str, dict[str, plots.Interval]] = {}
        for cell in cells_of(part):
            rows.setdefault(cell.label, {})[cell.split] = (cell.value, cell.low, cell.high)
        title = f"Success rate by method, attacked and clean images, with intervals: {name}, {detector}"
        drawing = plots.success_by_method(list(rows.items()))
        found.append(Plot(str(detector), title, svg.inline(drawing, title)))
    return found


def cost_plot(
    cells: pd.DataFrame, degradation: str, name: str, entries: Entries, backbones: Mapping[str, str]
) -> list[Plot]:
    """Make the plot of `draw_cost`, if there are several detectors to compare."""
    if cells["detector"].nunique() < 2:
        return []
    what = entries.label("degradations", degradation)
    title = (
        f"Success rate of every detector on the images that {what} changes, before and after, with intervals: {name}"
    )
    drawing = draw_cost(cells, degradation, entries, backbones)
    return [Plot("Every detector, without purification", title, svg.inline(drawing, title))]


def draw_cost(cells: pd.DataFrame, degradation: str, entries: Entries, backbones: Mapping[str, str]) -> Figure:
    """Draw what a degradation costs each detector without purification.

    A detector's row names its backbone: an attack is made on one architecture and transfers to the others more or less.
    """
    alone = cells["purifier"].map(lambda purifier: entries.role("purifiers", purifier) == "reference")
    rows: dict[str, dict[str, plots.Interval]] = {}
    for cell in cells_of(cells[(cells["metric"] == "sr") & (cells["split"] == "adv") & alone]):
        backbone = backbones.get(cell.detector)
        label = cell.detector_label + (f" ({backbone})" if backbone else "")
        key = "after" if cell.degradation == degradation else "before"
        rows.setdefault(label, {})[key] = (cell.value, cell.low, cell.high)
    (_, after), (_, before) = plots.SPLITS.values()
    series = {"before": ("unchanged images", before), "after": (entries.label("degradations", degradation), after)}
    return plots.success_by_method(list(rows.items()), series)


def about(metric: str) -> str:
    """Describe a metric in a line: its title, formula, direction and source."""
    its = metric_of(metric).score
    better = "larger" if its.larger_is_better else "smaller"
    return f"{its.title}: {its.formula}; {better} is better. {its.source}."


def as_data(section: Explorer) -> dict[str, Any]:
    """Give the explorer as the page's script reads it."""
    blocks = [{"name": block.name, "cells": [vars(cell) for cell in block.cells]} for block in section.blocks]
    return {"blocks": blocks, "metrics": section.about}


def _cell(row: Cell) -> ExplorerCell:
    value = None if math.isnan(row.value) else round(float(row.value), 5)
    return ExplorerCell(row.label, row.detector_label, row.metric, row.split, cell_text(row), value)
