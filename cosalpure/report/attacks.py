"""What purifiers and detectors met, as it was run: the settings of degradations from the records of their jobs.

Nothing here is found by what an entry is called: attacks are compared by role and by settings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cosalpure import record
from cosalpure.degrade.cost import Step, steps_of
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.tables.build import conditions_in
from cosalpure.tables.rows import Condition

SAME = 1e-5  # bounds of noise, of [0, 1], that are nearer to each other are equal: 0.0627451 is 16/255
SPEED = ("recompute",)  # settings that change no result


class Where(NamedTuple):
    """A purifier and a detector, on a dataset."""

    dataset: str
    purifier: str
    detector: str


@dataclass(frozen=True)
class Met:
    """A degradation that a purifier and a detector met; of an attack by gradients also its steps on every group."""

    condition: Condition
    role: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Sequence[Step]] = field(default_factory=dict)

    @property
    def where(self) -> Where:
        """Whom it met."""
        dataset, _, purifier, detector = self.condition
        return Where(dataset, purifier, detector)

    @property
    def epsilon(self) -> float | None:
        """The bound of its noise; None if it has none."""
        found: float | None = self.settings.get("epsilon")
        return found

    def bound_of(self, other: "Met") -> bool:
        """Tell whether both have noise with the same bound."""
        return self.epsilon is not None and other.epsilon is not None and abs(self.epsilon - other.epsilon) < SAME

    def but_for(self, *keys: str) -> str:
        """Write all settings but some: equal for attacks that differ in nothing else."""
        kept = {key: value for key, value in self.settings.items() if key not in (*keys, *SPEED)}
        kept |= {"epsilon": round(self.epsilon / SAME)} if "epsilon" in kept and self.epsilon is not None else {}
        return json.dumps(kept, sort_keys=True)


def read(layout: Layout, scores: pd.DataFrame, entries: Entries) -> list[Met]:
    """Read what the conditions of score rows met, in their order."""

    @cache
    def of_jobs(dataset: str, degradation: str) -> tuple[Mapping[str, Any], Mapping[str, Sequence[Step]]]:
        shards = sorted(Path(layout.shard_folder("degrade", dataset, degradation)).glob("*.parquet"))
        its = record.read(shards[0]) if shards else None
        return (its.settings if its else {}), steps_of(layout.stage("degrade", dataset, degradation))

    return [Met(its, entries.role("degradations", its[1]), *of_jobs(*its[:2])) for its in conditions_in(scores)]


def alike(found: Iterable[Met], *keys: str) -> list[list[Met]]:
    """Put adaptive attacks together that differ in the settings `keys` alone, those with two at least."""
    families: dict[tuple[object, ...], list[Met]] = {}
    for its in found:
        if its.role == "adaptive" and keys[0] in its.settings:
            families.setdefault((its.where, its.but_for(*keys)), []).append(its)
    return [
        its for its in families.values() if len({str([each.settings.get(key) for key in keys]) for each in its}) > 1
    ]
