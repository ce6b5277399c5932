"""The one exception for a user's mistake: shown as a single line, without a traceback."""

import difflib
import sys
from collections.abc import Callable, Collection
from typing import Any, TypeVar

T = TypeVar("T")


class UserError(Exception):
    """Something the user can mend: the message names the file or key, the expectation and the choices."""


def choose(kind: str, name: str, choices: Collection[str], where: str | None = None) -> str:
    """`name` if it is one of `choices`, else a UserError that lists them and guesses what was meant."""
    if name in choices:
        return name
    close = difflib.get_close_matches(str(name), [str(choice) for choice in choices], n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    place = f"{where}: " if where else ""
    raise UserError(f"{place}unknown {kind} '{name}'{hint}; choose from: {', '.join(map(str, choices))}")


def or_exit(function: Callable[..., T], *arguments: Any) -> T:
    """What `function` returns; on a UserError the program ends with its lines on standard error, status 1."""
    try:
        return function(*arguments)
    except UserError as error:
        sys.exit("\n".join(f"cosalpure: {line}" for line in str(error).splitlines()))


def one_line(error: object, limit: int) -> str:
    """An error's text on one line of at most `limit` characters; its class where it says nothing."""
    return " ".join(str(error).split())[:limit] or type(error).__name__
