"""Packages that only some parts need, and the extra that installs each: pip install 'cosalpure[report]'."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from cosalpure.errors import UserError

EXTRAS = {
    "gdown": "download",
    "huggingface_hub": "download",
    "requests": "download",
    "jinja2": "report",
    "markupsafe": "report",
    "matplotlib": "report",
    "snakemake": "workflow",
}


def command(package: str) -> str:
    """Write the command that installs a package: its extra if it has one."""
    extra = EXTRAS.get(package)
    return f"pip install 'cosalpure[{extra}]'" if extra else f"pip install {package}"


@contextmanager
def optional() -> Iterator[None]:
    """Say which extra to install where an import inside fails because it is missing.

    Raises:
        UserError: in one line, instead of ModuleNotFoundError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise UserError(f"{error.name} is not installed: {command(error.name)}") from None


def require(package: str) -> None:
    """Check that a package of an extra is installed, before something else fails without it."""
    with optional():
        import_module(package)
