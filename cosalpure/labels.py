"""What tables, figures and the report know of an experiment's entries: label, role and reported row.

    entries = Entries.of({"purifiers": {"mine": {"label": "Mine", "role": "ours"}}})
    entries.label("purifiers", "mine")        -> "Mine"
    entries.role("purifiers", "source_only")  -> "reference"

Nothing here depends on what an entry is called. An entry that says nothing has the label and role of its method.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cosalpure.methods import METHODS
from cosalpure.protocols import Role
from cosalpure.seeds import split_repeat

FAMILIES = ("datasets", "degradations", "purifiers", "detectors")
Table = Literal["table1", "table2", "table3", "table4"]  # those of the paper
TABLES: tuple[Table, ...] = get_args(Table)

ROLES: dict[str, tuple[Role, ...]] = {
    "datasets": (),
    "degradations": ("reference", "attack", "adaptive", "corruption", "control"),
    "purifiers": ("reference", "baseline", "control", "ablation", "ours"),
    "detectors": (),
}


@dataclass(frozen=True)
class Entry:
    """One entry as tables and figures see it; `reported` maps a table to the row or column of the paper."""

    label: str
    role: Role | None = None
    reported: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, family: str, name: str, method: str | None = None, values: Mapping[str, Any] | None = None) -> "Entry":
        """Make the entry `name` of a method from the keys label, role and reported; what is missing is the method's."""
        values, method = values or {}, method or name
        known = METHODS[family].find(method) if family in METHODS else None
        label = known.label_of() if known and name == method else ""
        role = known.role if known and known.role else METHODS[family].role if family in METHODS else None
        reported = values.get("reported") or {}
        return cls(
            label=values.get("label") or label or name,
            role=values.get("role") or role,
            reported=dict.fromkeys(TABLES, reported) if isinstance(reported, str) else dict(reported),
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the entry as the dictionary that `Entries.of` reads."""
        return {"label": self.label, "role": self.role, "reported": dict(self.reported)}


def told_apart(labels: Mapping[Any, str]) -> dict[Any, str]:
    """Add the name behind a label to every label that is there twice; a name may be a tuple of names."""
    found = dict(labels)
    while len(set(found.values())) < len(found):
        printed = list(found.values())
        for name, text in found.items():
            if printed.count(text) > 1:
                found[name] = f"{text} ({', '.join(name) if isinstance(name, tuple) else name})"
    return found


class Entries:
    """The entries of an experiment, by family and name. An unknown name has its method's label and role."""

    def __init__(self, known: Mapping[str, Mapping[str, Entry]] | None = None):
        self._known = {family: dict((known or {}).get(family, {})) for family in FAMILIES}

    @classmethod
    def of(cls, values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> "Entries":
        """Make entries from nested dictionaries: {family: {name: {label, role, reported}}}."""
        return cls(
            {
                family: {name: Entry.of(family, name, its.get("method"), its) for name, its in entries.items()}
                for family, entries in values.items()
            }
        )

    def get(self, family: str, name: str) -> Entry:
        """Get the entry of a name; that of a further seed is the entry itself."""
        entry, _ = split_repeat(name)
        return self._known[family].get(entry) or Entry.of(family, entry)

    def label(self, family: str, name: str) -> str:
        """Get the printed name of an entry; of a further seed with its number."""
        _, seed = split_repeat(name)
        return self.get(family, name).label + ("" if seed is None else f", seed {seed}")

    def labels(self, family: str, names: list[str]) -> dict[str, str]:
        """Get the printed names of several entries, told apart by their own names where two labels are equal."""
        return told_apart({name: self.label(family, name) for name in names})

    def role(self, family: str, name: str) -> Role | None:
        """Get the role of an entry, None in a family without roles."""
        return self.get(family, name).role

    def made_by(self, degradation: str) -> str:
        """Say what a degradation makes of an image: an attacked, clean or degraded one."""
        made: dict[Role | None, str] = {"attack": "attacked", "adaptive": "attacked", "reference": "clean"}
        return made.get(self.role("degradations", degradation), "degraded")

    def reported(self, family: str, name: str, table: str) -> str | None:
        """Get the paper's name of an entry in one table, None where the paper reports nothing of it."""
        return self.get(family, name).reported.get(table)

    def is_clean(self, degradation: str, purifier: str) -> bool:
        """Tell whether a pair is the reference: nothing degraded, nothing purified."""
        return self.role("degradations", degradation) == self.role("purifiers", purifier) == "reference"

    def as_dict(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Give all entries as the nested dictionaries that `of` reads."""
        return {family: {name: its.as_dict() for name, its in known.items()} for family, known in self._known.items()}
