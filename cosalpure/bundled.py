"""Files that ship with the package: `bundled:mini/weights/gicd.safetensors` is one, wherever the package is installed.

    located("bundled:sources.csv")      "cosalpure/assets/sources.csv", seen from a clone
    located("my/own.csv")               "my/own.csv"

Settings, commands and records keep the short name, so that results do not depend on where the package lies.
"""

import os
from importlib.resources import files
from pathlib import Path

from cosalpure.errors import UserError

ASSETS = Path(str(files("cosalpure"))) / "assets"
PREFIX = "bundled:"
EXPECTED = f"expected the name of a file that ships with CosalPure after '{PREFIX}'"


def located(path: str | os.PathLike[str]) -> str:
    """Give the path of a file or folder that settings name: of a bundled one where it lies, any other as it is.

    Raises:
        UserError: for a bundled name that leads out of the package.
    """
    name = os.fspath(path)
    if leads_out(name):
        raise UserError(f"{name}: {EXPECTED}")
    return seen_from_here(ASSETS / name.removeprefix(PREFIX)) if name.startswith(PREFIX) else name


def leads_out(name: str) -> bool:
    """Tell whether a name is a bundled one that leads out of the package."""
    inside = name.removeprefix(PREFIX)
    return inside != name and (os.path.isabs(inside) or os.path.normpath(inside).split(os.sep)[0] == os.pardir)


def is_bundled(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path, or what settings name, is a file of the package."""
    return Path(located(path)).absolute().is_relative_to(ASSETS)


def seen_from_here(path: Path) -> str:
    """Give an absolute path relative to the working directory if it lies below it, so that a folder can be moved."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
