"""The one exception for a user's mistake: shown as a single line, without a traceback."""

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")
Choice = TypeVar("Choice")


class UserError(Exception):
    """Something that the user can fix: the message names the file or key, the expectation and the choices."""


def choose(kind: str, name: Choice, choices: Iterable[Choice], where: str | None = None) -> Choice:
    """Return `name` if it is one of `choices`, else raise a UserError that lists them and guesses what was meant."""
    if name in choices:
        return name
    close = difflib.get_close_matches(str(name), [str(choice) for choice in choices], n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    place = f"{where}: " if where else ""
    raise UserError(f"{place}unknown {kind} '{name}'{hint}; choose from: {', '.join(map(str, choices))}")


def or_exit(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return what `function` returns; on a UserError, end the program with its lines on standard error and status 1."""
    try:
        return function(*arguments)
    except UserError as error:
        sys.exit("\n".join(f"cosalpure: {line}" for line in str(error).splitlines()))


def one_line(error: BaseException, limit: int) -> str:
    """Write an error's text on one line of at most `limit` characters; its class where it says nothing."""
    return " ".join(str(error).split())[:limit] or type(error).__name__
