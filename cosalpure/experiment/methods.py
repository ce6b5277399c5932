"""The settings classes of all methods: those of this package, and those of plug-ins."""

from importlib import import_module
from typing import Literal, cast, get_args

from cosalpure.degrade.settings import DEGRADATIONS
from cosalpure.detect.settings import DETECTORS
from cosalpure.errors import choose
from cosalpure.purify.settings import PURIFIERS
from cosalpure.schema import Model

Family = Literal["degradations", "purifiers", "detectors"]
FAMILIES: tuple[Family, ...] = get_args(Family)
BUILT_IN = cast(
    dict[Family, dict[str, type[Model]]],
    {"degradations": DEGRADATIONS, "purifiers": PURIFIERS, "detectors": DETECTORS},
)
STAGES: dict[Family, str] = {"degradations": "degrade", "purifiers": "purify", "detectors": "detect"}


def settings_class(family: Family, method: str, where: str | None = None) -> type[Model]:
    """Find the settings class of a built-in method, or the `Settings` of a plug-in's class."""
    if method in BUILT_IN[family]:
        return BUILT_IN[family][method]
    registry = getattr(import_module(f"cosalpure.{STAGES[family]}"), family.upper())
    choose(registry.kind, method, registry.names(), where)
    found: type[Model] = registry.get(method).Settings
    return found
