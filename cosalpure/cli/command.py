"""What every command of `cosalpure` adds to Typer's: options with several values, and help that lists the methods."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


def spread(arguments: list[str], options: set[str]) -> list[str]:
    """Repeat an option before each of its values: `--only a b` becomes `--only a --only b`.

    Typer takes one value a repetition. The workflow and people type all values after one option, as in argparse. The
    values end at the next argument that begins with a dash.

    Args:
        arguments: the words after the command's name.
        options: the names of the options that take several values, such as {"--only"}.
    """
    result: list[str] = []
    option, values = None, 0
    for position, argument in enumerate(arguments):
        if argument == "--":
            return result + arguments[position:]
        if argument.startswith("-"):
            option, values = (argument if argument in options else None), 0
        elif option:
            result += [option] if values else []
            values += 1
        result.append(argument)
    return result


def _methods(stage: str, registry: str) -> Callable[[], list[str]]:
    """Return a function that lists a registry's names, plug-ins included; the stage is imported only then."""
    return lambda: getattr(import_module(f"cosalpure.{stage}"), registry).names()


def _keys(module: str, constant: str) -> Callable[[], list[str]]:
    """Return a function that lists a constant of a module, or its keys; the module is imported only then."""
    return lambda: list(getattr(import_module(f"cosalpure.{module}"), constant))


CHOICES = {  # {name in a help text: the names to print there}
    "{degradations}": _methods("degrade", "DEGRADATIONS"),
    "{purifiers}": _methods("purify", "PURIFIERS"),
    "{detectors}": _methods("detect", "DETECTORS"),
    "{datasets}": _keys("data.settings", "DATASETS"),
    "{published}": _keys("data.published", "PUBLISHED"),
    "{tables}": _keys("tables", "NAMES"),
    "{stages}": _keys("bench", "STAGES"),
}


def with_choices(text: str) -> str:
    """Fill the names of CHOICES in a help text."""
    for name, choices in CHOICES.items():
        if name in text:
            text = text.replace(name, ", ".join(choices()))
    return text


class Command(TyperCommand):
    """A command that takes several values after one option, and lists choices when its help is shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after options of several values are spread over repeated options."""
        several = {name for param in self.params if getattr(param, "multiple", False) for name in param.opts}
        try:
            return super().parse_args(ctx, spread(args, several))
        except typer.TyperException as error:
            misuse: Any = error
            misuse.ctx = getattr(error, "ctx", None) or ctx  # Typer omits it where an option lacks its value
            raise

    def get_help(self, ctx: Any) -> str:
        """Write the help with the choices of each option."""
        params: list[Any] = self.params
        for param in params:
            param.help = with_choices(param.help or "")
        return super().get_help(ctx)


def new_app(**about: Any) -> typer.Typer:
    """Make a Typer application, or a family of commands, with the conventions of all commands."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=settings, **about)
