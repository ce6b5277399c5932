"""Every effective value of an experiment, beside the official code's and the paper's.

`constants.csv` holds one row per setting that the paper's conditions use: the value in the official code, the value in
the paper's text, the source, the paper experiment's own value, and the reason where that differs. A row with a method is
about the entries of that method; with `reported` ("table4: CosalPure"), only about the entry that reproduces that row.
"""

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from tabulate import tabulate

from cosalpure.experiment.experiment import SECTIONS, DatasetEntry, Experiment, MethodEntry, PurifierEntry
from cosalpure.experiment.files import Contents, File, read_each
from cosalpure.experiment.needs import trainings
from cosalpure.experiment.parse import load_contents
from cosalpure.labels import Entry
from cosalpure.methods import FAMILIES
from cosalpure.schema import Model

CONSTANTS = Path(__file__).with_name("constants.csv")
ANY = "any"  # a value of constants.csv that every experiment fills in itself
TOP = ("seed", "further_seeds", "sources")


@dataclass(frozen=True)
class Constant:
    """One row of constants.csv; values are parsed, None where the source says nothing (`states` tells it from null)."""

    key: str
    method: str
    reported: tuple[str, ...]
    official: object
    paper: object
    source: str
    ours: object
    reason: str
    states: frozenset[str]

    @property
    def deviates(self) -> bool:
        """Whether the paper experiment differs from the official code, or from the paper where there is no code."""
        reference = next((name for name in ("official", "paper") if name in self.states), None)
        return reference is not None and not same(self.ours, getattr(self, reference))


@dataclass(frozen=True)
class Value:
    """One effective value: its full key, where it comes from, and the constant it is held against (None: there is none).

    `speed` says that it is a setting of speed alone: results do not depend on it.
    """

    key: str
    value: object
    origin: str
    constant: Constant | None
    speed: bool = False

    @property
    def mark(self) -> str:
        """Give "=" (as the reference), "differs" or "ours" (with a reason), "DEVIATES", or "" where nothing is stated."""
        its = self.constant
        if its is None:
            return ""
        if its.ours != ANY and not same(self.value, its.ours):
            return "DEVIATES"
        if its.deviates:
            return "differs" if its.reason else "DEVIATES"
        return "=" if its.states else "ours" if its.reason else ""


def run(files: Sequence[File]) -> str:
    """Describe an experiment and its variants: a table of all effective values, then the reasons of deviations."""
    values = explain(files)
    reasons: dict[str, int] = {}
    rows = []
    for its in values:
        constant, mark = its.constant, its.mark
        if constant and mark in ("differs", "ours"):
            mark = f"{mark} [{reasons.setdefault(constant.reason, len(reasons) + 1)}]"
        columns = [shown(constant, name) for name in ("official", "paper")]
        mark = ", ".join(filter(None, [mark, "speed" if its.speed else ""]))
        rows.append([its.key, text(its.value), its.origin, *columns, mark])
    table = tabulate(rows, ("setting", "value", "from", "official code", "paper", ""), disable_numparse=True)
    notes = [f"[{number}] {reason}" for reason, number in reasons.items()]
    count = sum(its.mark == "DEVIATES" for its in values)
    marks = (
        "=: as in the official code (in the paper where there is no code). DEVIATES: not the paper experiment's value. "
        "speed: a change reruns nothing."
    )
    return "\n".join([table, "", marks, *notes, "", f"{len(values)} values, {count} unexplained deviations"])


def explain(files: Sequence[File]) -> list[Value]:
    """List every effective value of an experiment and its variants, in the order of the settings."""
    contents, constants = read_each(files), read_constants()
    experiment = load_contents(contents)
    values = [_value(key, getattr(experiment, key), (key,), contents, constants) for key in TOP]
    for section in SECTIONS:
        model = getattr(experiment, section)
        found = [_value(f"{section}.{key}", its, (section, key), contents, constants) for key, its in leaves(model)]
        values += _with_speed(found, model)
    for dataset in experiment.datasets.values():
        values += _entry_values(dataset, contents, constants)
    for family in FAMILIES:
        for entry in experiment.methods(family).values():
            values += _entry_values(entry, contents, constants)
    return values + _training_values(experiment, constants)


def read_constants() -> list[Constant]:
    """Read constants.csv."""
    with CONSTANTS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Constant(
            key=row["key"],
            method=row["method"],
            reported=tuple(row["reported"].split(": ")) if row["reported"] else (),
            official=_parsed(row["official"]),
            paper=_parsed(row["paper"]),
            source=row["source"],
            ours=_parsed(row["ours"]),
            reason=row["reason"],
            states=frozenset(name for name in ("official", "paper") if row[name]),
        )
        for row in rows
    ]


def leaves(model: Model) -> Iterable[tuple[str, object]]:
    """List the keys and values of a settings model."""
    return ((key, getattr(model, key)) for key in type(model).model_fields)


def same(a: object, b: object) -> bool:
    """Compare two values as YAML knows them: tuples are lists, numbers are equal within rounding."""
    a, b = plain(a), plain(b)
    if isinstance(a, float | int) and isinstance(b, float | int) and not isinstance(a, bool) | isinstance(b, bool):
        return math.isclose(a, b, rel_tol=1e-6)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def plain(value: object) -> object:
    """Turn a settings value into what YAML has: dictionaries, lists, numbers, texts."""
    if isinstance(value, Model):
        return plain(value.model_dump())
    return list(value) if isinstance(value, tuple) else value


def text(value: object) -> str:
    """Write a value on one line; a long one is cut."""
    value = plain(value)
    found = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return found if len(found) <= 48 else found[:45] + "..."


def shown(constant: Constant | None, name: str) -> str:
    """Write what the official code or the paper says; empty where it says nothing."""
    return text(getattr(constant, name)) if constant and name in constant.states else ""


def _parsed(found: str) -> object:
    # An empty cell states nothing; '' is the empty text. YAML would take {token} for a mapping.
    return found if found.startswith("{") else yaml.safe_load(found)


def _training_values(experiment: Experiment, constants: list[Constant]) -> list[Value]:
    found = []
    for training in trainings(experiment):
        section = f"train.{training.name}"
        contents = [(str(training.file), {section: dict(training.settings)})]
        for key, value in training.settings.items():
            found.append(_value(f"{section}.{key}", value, (section, key), contents, constants))
    return found


def _entry_values(entry: DatasetEntry | MethodEntry, contents: Contents, constants: list[Constant]) -> list[Value]:
    family, name, method = entry.family, entry.name, entry.method if isinstance(entry, MethodEntry) else ""
    values = list(leaves(entry.settings))
    if isinstance(entry, PurifierEntry):
        values += [("average_maps", entry.average_maps), ("draws", entry.draws)]
    if isinstance(entry, MethodEntry) and entry.learning:
        values.append(("concept_learning", entry.learning))
    found = []
    for key, value in values:
        mine = [its for its in constants if its.key == f"{family}.{key}" and its.method in ("", method)]
        mine = [its for its in mine if not its.reported or _is_about(its, entry)]
        found.append(_value(f"{family}.{name}.{key}", value, (family, name, key), contents, mine, exact=False))
    return _with_speed(found, entry.settings)


def _with_speed(values: list[Value], model: Model) -> list[Value]:
    """Note which values are of speed alone, by the class that their keys are of."""
    keys = model.speed_keys()
    return [replace(its, speed=its.key.rpartition(".")[2] in keys) for its in values]


def _is_about(constant: Constant, entry: Entry) -> bool:
    """Say whether a row about one reported entry is about this one; where nothing is reported, ours is Table 1's."""
    table, row = constant.reported
    if entry.reported:
        return entry.reported.get(table) == row
    return entry.role == "ours" and table == "table1"


def _value(
    key: str,
    value: object,
    place: tuple[str, ...],
    contents: Contents,
    constants: list[Constant],
    exact: bool = True,
) -> Value:
    found = [its for its in constants if not exact or its.key == key]
    return Value(key, value, _origin(place, contents), found[-1] if found else None)


def _origin(place: tuple[str, ...], contents: Contents) -> str:
    """Name the last file that sets a key, the entry that it is taken over from by `like`, or "default"."""
    for path, values in reversed(contents):
        node: object = values
        for part in place:
            node = node[part] if isinstance(node, dict) and part in node else _ABSENT
        if node is not _ABSENT:
            return path
    if len(place) == 3:
        family, name, key = place
        likes = [(values.get(family) or {}).get(name) for _, values in contents]
        like = next((its["like"] for its in reversed(likes) if isinstance(its, dict) and "like" in its), None)
        if like is not None:
            return f"{like}: {_origin((family, like, key), contents)}"
    return "default"


_ABSENT = object()
