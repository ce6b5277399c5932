"""What a degradation costs, from what its jobs left behind: their records, and the losses of an attack by gradients."""

import csv
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cosalpure import record


class Step(NamedTuple):
    """A step of an attack on a group, as `write_losses` writes it."""

    step: int
    loss: float  # before the step
    gradient: float  # its mean size; NaN of an attack without gradients
    passes: int  # gradient passes through the group so far; of an attack without gradients, queries


def steps_of(degradation: str | Path) -> dict[str, list[Step]]:
    """Read the steps of an attack, {slug of the group: steps}, from the folder of the degradation; empty where there are none."""
    return {path.stem: list(_steps(path)) for path in sorted(Path(degradation, "attack").glob("*.csv"))}


def cost_of(stage: str | Path, dataset: str, degradation: str) -> dict[str, float]:
    """Average over groups what a degradation took: "passes" of an attack by gradients, and "seconds"; what is known.

    Args:
        stage: folder of the stage degrade.
        dataset: the dataset.
        degradation: the entry.
    """
    place, found = Path(stage, dataset, degradation), {}
    if passes := [steps[-1].passes for steps in steps_of(place).values() if steps and not isnan(steps[-1].gradient)]:
        found["passes"] = sum(passes) / len(passes)
    shards = sorted(place.glob("shards/*.parquet"))
    records = [its for path in shards if (its := record.read(path))]
    if records and len(records) == len(shards):
        groups = {slug for path in shards for slug in pd.read_parquet(path, columns=["slug"])["slug"]}
        found["seconds"] = sum(its.seconds for its in records) / len(groups)
    return found


def _steps(path: Path) -> Iterator[Step]:
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            yield Step(int(row["step"]), float(row["loss"]), float(row["gradient"] or "nan"), int(row["passes"]))
