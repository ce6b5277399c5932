"""Names with a tag: `gicd.mini` is the entry gicd of the mini experiment, `gicd.official` the method's own defaults.

The settings behind a tag have one home: config.yaml and two of its variants for `.mini`, config/paper.yaml and one of its
variants for `.paper`, and the settings classes for `.official`, which is also meant where there is no tag.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cosalpure.bundled import is_bundled, located
from cosalpure.errors import UserError, choose
from cosalpure.methods import METHODS, Family
from cosalpure.schema import Model
from cosalpure.weights import fetch, read_sources
from cosalpure.workflow import source

if TYPE_CHECKING:
    from cosalpure.experiment.experiment import Experiment

VARIANTS = Path("config", "variants")
EXPERIMENTS = {
    "mini": ("config.yaml", VARIANTS / "purifiers.yaml", VARIANTS / "detectors.yaml"),
    "paper": (Path("config", "paper.yaml"), VARIANTS / "recent-detectors.yaml"),
}
OFFICIAL = "official"
TAGS = (*EXPERIMENTS, OFFICIAL)
WEIGHTS = "weights"  # folder of the published weights in the settings' defaults
CACHE = "COSALPURE_WEIGHTS"  # environment variable: the folder to which published weights are downloaded

Settings = TypeVar("Settings", bound=Model)


@cache
def experiment_of(tag: str) -> "Experiment":
    """Read the experiment behind a tag, with the variants that add entries to it."""
    from cosalpure.experiment.parse import load_files

    return load_files([source() / file for file in EXPERIMENTS[choose("tag", tag, list(EXPERIMENTS))]])


def split_tag(name: str) -> tuple[str, str]:
    """Split a name into (name, tag); without a tag it is `official`."""
    plain, _, tag = name.rpartition(".")
    return (plain, tag) if plain and tag in TAGS else (name, OFFICIAL)


def names_with_tags(family: Family) -> list[str]:
    """List every name of a family with every tag that it has, built-in methods first, then plug-ins."""
    own = [f"{name}.{OFFICIAL}" if name in METHODS[family].builtin else name for name in METHODS[family].names()]
    return own + [f"{name}.{tag}" for tag in EXPERIMENTS for name in experiment_of(tag).methods(family)]


def resolve(family: Family, name: str) -> tuple[str, Model]:
    """Find (method, settings) behind a name with or without a tag.

    Raises:
        UserError: names the choices.
    """
    if not isinstance(name, str):
        raise UserError(f"expected the name of a {family[:-1]}, found {name!r}")
    plain, tag = split_tag(name)
    if tag == OFFICIAL:
        return plain, METHODS[family].get(plain).settings()
    entries = experiment_of(tag).methods(family)
    choose(family[:-1], name, [f"{its}.{tag}" for its in entries])
    return entries[plain].method, entries[plain].settings


def with_files(settings: Settings, keys: tuple[str, ...]) -> Settings:
    """Replace the files that settings name by files that are there: published ones are downloaded."""
    found: dict[str, str | tuple[str, ...]] = {}
    for key in keys:
        named = getattr(settings, key, None)
        if isinstance(named, str):
            found[key] = local(named)
        elif named:
            found[key] = tuple(map(local, named))
    return settings.model_copy(update=found)


def local(path: str) -> str:
    """Find a file or folder that settings name: as it is, among the bundled files, or among the published weights.

    A published file that is not there is downloaded and verified. It comes to the folder that the environment variable
    COSALPURE_WEIGHTS names, by default ~/.cache/cosalpure/weights. Any other path is returned as it is.
    """
    if is_bundled(path) or path.startswith("hf:") or Path(path).exists():
        return located(path)
    wanted = path.removeprefix(f"{WEIGHTS}/")
    source = next((its for its in read_sources().values() if wanted in (its.file.rstrip("/"), its.marker)), None)
    if source is None or wanted == path:
        return path
    return str(fetch(source, os.environ.get(CACHE) or Path.home() / ".cache" / "cosalpure" / "weights"))
