"""Old command names. They work for one release, with a hint on standard error."""

import sys
from pathlib import Path

RENAMED = {
    "complete": ["tables", "check"],
    "compare": ["tables", "compare"],
    "show": ["tables", "show"],
    "gate": ["train", "check"],
}


def current(arguments: list[str]) -> list[str]:
    """Replace an old command name by its present name and print a hint; other arguments are returned as they are."""
    old, new = arguments[:1], None
    if old and old[0] in RENAMED:
        new = RENAMED[old[0]]
    elif old == ["tables"] and _names_a_file(arguments[1:]):
        new = ["tables", "build"]
    if new is None:
        return arguments
    words = " ".join(new)
    hint = f"`cosalpure {old[0]}` is now `cosalpure {words}`; the old name will be removed in the next release"
    print(f"cosalpure: {hint}", file=sys.stderr)
    return [*new, *arguments[1:]]


def _names_a_file(arguments: list[str]) -> bool:
    """Tell whether `tables` is followed by its former arguments: a score file or an option, not by a command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        return False
    return arguments[0].startswith("-") or bool(Path(arguments[0]).suffix)
