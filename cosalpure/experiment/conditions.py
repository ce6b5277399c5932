"""What is run: the conditions that a file's blocks stand for, their repetitions, and the points of its sweeps."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from cosalpure.errors import UserError, choose
from cosalpure.experiment.experiment import DatasetEntry, Experiment, MethodEntry, Point, Sweep
from cosalpure.experiment.file_format import ConditionBlock, SweepKeys
from cosalpure.seeds import repeat_name
from cosalpure.tables import Condition

Pair = tuple[str, str]  # dataset, degradation


def expand(
    blocks: Iterable[ConditionBlock], datasets: Sequence[str], detectors: Sequence[str]
) -> tuple[Condition, ...]:
    """List every combination of every block as (dataset, degradation, purifier, detector), in order, each once."""
    found = (
        product(its.datasets or datasets, its.degradations, its.purifiers, its.detectors or detectors) for its in blocks
    )
    return tuple(dict.fromkeys(condition for combinations in found for condition in combinations))


def against(
    conditions: Iterable[Condition], asked: Mapping[str, Sequence[str]]
) -> tuple[tuple[Condition, ...], dict[str, dict[str, str]]]:
    """Give attacks that name no purifier or detector those of each condition they are run in.

    `asked` says which of the two an entry leaves open: {"pgd": ["purifier", "detector"]}. Such a condition is about an entry
    of its own, called pgd.cosalpure.gicd, and about no other purifier and detector. Also returns what each of these names:
    {"pgd.cosalpure.gicd": {"like": "pgd", "purifier": "cosalpure", "detector": "gicd"}}.
    """
    found: list[Condition] = []
    made: dict[str, dict[str, str]] = {}
    for dataset, degradation, purifier, detector in conditions:
        its = {"purifier": purifier, "detector": detector}
        named = {key: its[key] for key in asked.get(degradation, ())}
        name = ".".join([degradation, *named.values()])
        if named:
            made[name] = {"like": degradation} | named
        found.append((dataset, name, purifier, detector))
    return tuple(found), made


def repeat(
    conditions: Iterable[Condition],
    seeds: Iterable[int],
    degradations: Mapping[str, MethodEntry],
    purifiers: Mapping[str, MethodEntry],
) -> tuple[Condition, ...]:
    """List the repetitions under further seeds, whose degradation is called jadena.seed7.

    What has nothing random in it is not repeated.
    """
    random = [its for its in conditions if degradations[its[1]].random or purifiers[its[2]].random]
    return tuple((d, repeat_name(g, seed), p, n) for seed in seeds for d, g, p, n in random)


def make_sweep(name: str, keys: SweepKeys, experiment: Experiment) -> Sweep:
    """Find the points of a sweep along its axis; a UserError names what is not run.

    Degradations are taken on the first dataset that runs all of them, datasets under the first that degrades.
    """
    where = f"sweeps.{name}"
    run = [its[:2] for its in experiment.once if experiment.purifiers[its[2]].role == "reference"]
    entries: Sequence[DatasetEntry | MethodEntry]
    if set(keys.entries) <= set(experiment.datasets):
        pairs = _of_datasets(keys, experiment, run)
        entries = [experiment.datasets[entry] for entry in keys.entries]
    else:
        for entry in keys.entries:
            choose("entry", entry, list(experiment.degradations), f"{where}.entries")
        pairs = _of_degradations(keys, experiment, run)
        entries = [experiment.degradations[entry] for entry in keys.entries]
    values = [_value(its, keys, where) for its in entries]
    if not pairs or not set(pairs) <= set(run):
        raise UserError(f"{where}: not every entry is run with the reference purifier; add them to `conditions`")
    points = [Point(*pair, value) for pair, value in zip(pairs, values, strict=True)]
    return Sweep(name, keys.setting, keys.label or keys.setting, tuple(sorted(points, key=lambda its: its.value)))


def _of_datasets(keys: SweepKeys, experiment: Experiment, run: Iterable[Pair]) -> list[Pair]:
    attacks = [pair[1] for pair in run if experiment.degradations[pair[1]].role != "reference"]
    return [(entry, attacks[0]) for entry in keys.entries] if attacks else []


def _of_degradations(keys: SweepKeys, experiment: Experiment, run: Iterable[Pair]) -> list[Pair]:
    known = set(run)
    fit = [dataset for dataset in experiment.datasets if {(dataset, entry) for entry in keys.entries} <= known]
    return [(fit[0], entry) for entry in keys.entries] if fit else []


def _value(entry: DatasetEntry | MethodEntry, keys: SweepKeys, where: str) -> float:
    place = f"{where}.setting of '{entry.name}'"
    choose("setting", keys.setting, list(type(entry.settings).model_fields), place)
    value = getattr(entry.settings, keys.setting)
    if not isinstance(value, int | float):
        raise UserError(f"{place}: expected a number, found {value!r}")
    return value * keys.scale
