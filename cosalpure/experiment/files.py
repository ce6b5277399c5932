"""Reading experiment files and variants.

An experiment is one complete YAML file; its first key is `experiment: NAME`. A variant has no such key: it changes a few
keys of an experiment and stands behind it in the list of files. A variant may name the experiments that it is made
for: `variant_of: [mini]`.
"""

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from cosalpure.errors import UserError, one_line
from cosalpure.yaml_text import read_yaml

DEFAULT = "config.yaml"  # the experiment that runs when none is named
File = str | PathLike[str]
Contents = Sequence[tuple[str, dict[str, Any]]]  # (path, values) of files that were read


def check_files(paths: Iterable[File]) -> None:
    """Check that the files are one experiment, then variants that fit it; else a UserError says what to type."""
    check_order(read_each(paths))


def read_files(paths: Iterable[File]) -> dict[str, Any]:
    """Read YAML files into one dictionary, later files over earlier ones, key by key; lists are replaced whole."""
    return merged(read_each(paths))


def read_each(paths: Iterable[File]) -> Contents:
    """Read YAML files, each for itself."""
    return [(str(path), _read(path)) for path in paths]


def check_order(contents: Contents) -> None:
    """Check that what was read is one experiment, then variants that fit it; else a UserError says what to type."""
    named = [(path, values["experiment"]) for path, values in contents if "experiment" in values]
    if not named:
        typed = " ".join([DEFAULT, *(path for path, _ in contents)])
        raise UserError(
            f"{contents[0][0]} is a variant (it has no key `experiment`): name an experiment before it, "
            f"for example: {typed}"
        )
    if len(named) > 1:
        raise UserError(
            f"{named[0][0]} and {named[1][0]} are two experiments; each is complete, so name one of them, then variants"
        )
    experiment, name = named[0]
    if contents[0][0] != experiment:
        typed = " ".join([experiment, *(path for path, _ in contents if path != experiment)])
        raise UserError(f"{contents[0][0]} is a variant and stands before its experiment; the order is: {typed}")
    for path, values in contents[1:]:
        wanted = values.get("variant_of")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if wanted and not isinstance(wanted, list):
            raise UserError(f"{path}: variant_of: expected the name of an experiment, found {wanted!r}")
        if wanted and name not in wanted:
            raise UserError(f"{path} is a variant of {' or '.join(map(str, wanted))}; {experiment} is named '{name}'")


def merged(contents: Contents) -> dict[str, Any]:
    """Merge what was read, later files over earlier ones."""
    found: dict[str, Any] = {}
    for _, values in contents:
        found = merge(found, values)
    return found


def merge(below: Any, above: Any) -> Any:
    """Merge two values: dictionaries key by key, anything else is replaced by `above`."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: merge(below.get(key), value) for key, value in above.items()}


def _read(path: File) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "; `cosalpure workflow DIR` writes one to a folder" if str(path) == DEFAULT else ""
        raise UserError(f"{path}: no such file{hint}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not YAML: {one_line(error, 300)}") from None
    values = read_yaml(text, str(path)) or {}
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected keys and values, found {type(values).__name__}")
    return values
