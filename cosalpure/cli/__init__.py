"""The command `cosalpure`, one file a command. What a rule of the workflow runs can also be typed by hand.

Every command imports its stage inside its function, so that `cosalpure --help` answers at once.
"""

import os
import sys
from collections.abc import Sequence

import typer

from cosalpure.cli.application import app
from cosalpure.errors import UserError
from cosalpure.extras import optional
from cosalpure.memory import keep_freed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    Args:
        arguments: the words after `cosalpure`; None takes them from `sys.argv`.

    Returns:
        0; 1 after a mistake, with a line each on standard error; 2 for a misused command or option.
    """
    for library in ("TRANSFORMERS", "DIFFUSERS"):  # read when they are imported; their remarks are for developers
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    keep_freed()
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except UserError as error:
        for line in str(error).splitlines():
            _complain(line)
    except PermissionError as error:
        _complain(f"{error.filename}: no permission to write or read here")
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        _complain(f"{error.filename or 'disk'}: {error.strerror}")
    except KeyboardInterrupt:
        _complain("interrupted; finished groups are kept")
    return 1


def _run(arguments: list[str]) -> int:
    """Run the command without Typer's own handling of errors, which would hide KeyboardInterrupt and OSError."""
    command = typer.main.get_command(app)
    try:
        with optional(), command.make_context("cosalpure", arguments) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as end:  # after --help and --version
        return end.exit_code
    except typer.TyperException as error:
        if at := getattr(error, "ctx", None):
            print(f"{at.get_usage()}\nHelp: {at.command_path} --help", file=sys.stderr)
        _complain(error.format_message())
        return 2


def _complain(line: str) -> None:
    print(f"cosalpure: {line}", file=sys.stderr)
