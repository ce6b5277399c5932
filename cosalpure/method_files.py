"""Methods that are named by their file and class: "path/to/my_file.py:MyDetector". Used by `cosalpure.registry` alone."""

import hashlib
import re
import sys
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from cosalpure.errors import UserError, choose, one_line

_read: dict[str, tuple[Path, bytes]] = {}  # of every module: the file and its content


def in_a_file(name: str) -> bool:
    """Tell whether a method is named by its file, not by a registered name."""
    return ":" in name or name.endswith(".py")


def load(name: str, where: str) -> tuple[str, Any]:
    """Give the path and the class of a method that is named by its file.

    Args:
        name: "path/to/my_file.py:MyDetector", relative to the working directory.
        where: begins the message of an error.

    Raises:
        UserError: in one line, if there is no such file or class, or the file cannot be imported.
    """
    path, _, attribute = name.rpartition(":")
    if not path.endswith(".py") or not attribute.isidentifier():
        raise UserError(f"{where}: expected FILE.py:CLASS, such as my_detector.py:MyDetector")
    module = _module(path, where)
    classes = [key for key, its in vars(module).items() if getattr(its, "__module__", "") == module.__name__]
    if not hasattr(module, attribute):
        public = [key for key in classes if not key.startswith("_")]
        choose("class", attribute, public or ["(the file has none)"], f"{where}: {path}")
    return path, getattr(module, attribute)


def line_of(error: BaseException, path: str) -> int | None:
    """Find the line of a Python file that an exception passed last; of a mistake of syntax, where that is."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    return lines[-1] if lines else None


def told(error: BaseException, path: str = "") -> str:
    """Write an exception on one line, with the line of the file that it passed last."""
    line, text = line_of(error, path), error.msg if isinstance(error, SyntaxError) else one_line(error, 300)
    place = f"{path}, line {line}: " if line else ""
    return f"{place}{type(error).__name__}: {text}"


def _module(path: str, where: str) -> ModuleType:
    """Import a file as a module whose name follows from the path as it is written, again only if it has changed."""
    try:
        file, source = Path(path).resolve(), Path(path).read_bytes()
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise UserError(f"{where}: {path}: {reason}") from None
    name = "_".join([re.sub(r"\W", "_", file.stem), hashlib.sha256(path.encode()).hexdigest()[:12]])
    if name in sys.modules and _read.get(name) == (file, source):
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module  # pydantic and dataclasses look their classes' module up
    try:
        exec(compile(source, path, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(f"{where}: cannot be imported: {told(error, path)}") from None
    _read[name] = file, source
    return module
