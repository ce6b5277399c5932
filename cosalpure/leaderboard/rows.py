"""Which conditions of an experiment an entry is measured in, and what each of them is to it."""

from cosalpure.errors import UserError, choose
from cosalpure.experiment.experiment import Experiment, MethodEntry
from cosalpure.leaderboard.entry import Role, Track
from cosalpure.methods import Family
from cosalpure.tables import Condition, clean_reference
from cosalpure.tables.rows import Treatment

FAMILY: dict[Track, Family] = {"detector": "detectors", "purifier": "purifiers", "attack": "degradations"}
PLACE: dict[Track, int] = {"attack": 1, "purifier": 2, "detector": 3}  # in a condition


def entry_of(experiment: Experiment, track: Track, name: str) -> MethodEntry:
    """Find the configured entry of a track."""
    return experiment.methods(FAMILY[track])[name]


def conditions_of(experiment: Experiment, track: Track, name: str) -> list[Condition]:
    """List an entry's conditions and those that it is compared with, in the experiment's order.

    A detector is measured without a purifier, a purifier and an attack in all of their conditions. A purifier is compared
    with clean images, with no purification and with the controls; an attack with clean images.
    """
    choose(track, name, experiment.methods(FAMILY[track]), "--entry")
    own = [its for its in experiment.once if _is_own(experiment, track, name, its)]
    if not own:
        raise UserError(f"--entry {name}: no condition of the experiment has this {track}")
    blocks = {its[:2] for its in own}
    beside = [its for its in experiment.once if _is_compared(experiment, track, its, blocks, {i[0] for i in own})]
    wanted = {*own, *beside}
    return [its for its in experiment.once if its in wanted]


def _is_own(experiment: Experiment, track: Track, name: str, condition: Condition) -> bool:
    if condition[PLACE[track]] != name:
        return False
    return track != "detector" or experiment.entries.role("purifiers", condition[2]) == "reference"


def _is_compared(
    experiment: Experiment, track: Track, condition: Condition, blocks: set[tuple[str, str]], datasets: set[str]
) -> bool:
    dataset, degradation, purifier, _ = condition
    if track == "detector" or dataset not in datasets:
        return False
    if experiment.entries.is_clean(degradation, purifier):
        return True
    role = experiment.entries.role("purifiers", purifier)
    return track == "purifier" and condition[:2] in blocks and role in ("reference", "control")


def role_of(experiment: Experiment, track: Track, condition: Condition) -> Role:
    """Tell what a condition is in a track."""
    if experiment.entries.is_clean(condition[1], condition[2]):
        return "ceiling"
    found = {"reference": "floor", "control": "control"}
    role = experiment.entries.role("purifiers", condition[2]) or ""
    return found.get(role, "entry") if track == "purifier" else "entry"  # type: ignore[return-value]


def label_of(experiment: Experiment, track: Track, condition: Condition) -> str:
    """Print what a condition has of the track's kind."""
    if track != "detector" and experiment.entries.is_clean(condition[1], condition[2]):
        return "Clean"
    return experiment.entries.label(FAMILY[track], condition[PLACE[track]])


def pairs_of(
    experiment: Experiment, track: Track, name: str, conditions: list[Condition]
) -> list[tuple[Condition, Treatment]]:
    """List an entry's paired differences: of a purifier to no purification, of others to clean images."""
    found = []
    for its in conditions:
        minus = _minus(experiment, track, its, conditions)
        if its[PLACE[track]] == name and minus and minus != its[1:3] and (its[0], *minus, its[3]) in conditions:
            found.append((its, minus))
    return found


def _minus(experiment: Experiment, track: Track, condition: Condition, every: list[Condition]) -> Treatment | None:
    if track != "purifier":
        return clean_reference([its for its in every if its[0] == condition[0]], experiment.entries)
    here = [its for its in every if its[:2] == condition[:2]]
    return next((its[1:3] for its in here if experiment.entries.role("purifiers", its[2]) == "reference"), None)
