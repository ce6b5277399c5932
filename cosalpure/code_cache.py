"""Fingerprints that are known already, kept beside Snakemake's own records until a file of the package changes.

Reading the whole package takes a third of a second, and every job and every dry run would do it again.
"""

import atexit
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(".snakemake")  # only where Snakemake was run
FILE = FOLDER / "cosalpure-code.json"


class Known:
    """The fingerprints of one state of a package's files."""

    def __init__(self, root: Path):
        self.state = _state(root)
        self.codes: dict[str, str] = {}
        try:
            found: Any = json.loads(FILE.read_text(encoding="utf-8"))
            if found["state"] == self.state:
                self.codes = {str(key): str(code) for key, code in found["codes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # not there yet, or damaged: made anew
        self.before = len(self.codes)
        atexit.register(self.save)

    def get(self, key: str, compute: Callable[[], str]) -> str:
        """Give the fingerprint of a key, computed if it is not known."""
        if key not in self.codes:
            self.codes[key] = compute()
        return self.codes[key]

    def save(self) -> None:
        """Write what is new, whole or not at all; where that is not possible, the next run computes it again."""
        if len(self.codes) == self.before or not FOLDER.is_dir():
            return
        partial = FILE.with_name(f"{FILE.name}.{os.getpid()}")
        try:
            partial.write_text(json.dumps({"state": self.state, "codes": self.codes}), encoding="utf-8")
            os.replace(partial, FILE)
        except OSError:
            partial.unlink(missing_ok=True)


def _state(root: Path) -> str:
    """Hash names, dates and sizes of all files below a folder."""
    lines = []
    for folder, _, files in os.walk(root):
        if "__pycache__" not in folder:
            stats = [(name, os.stat(os.path.join(folder, name))) for name in sorted(files)]
            lines += [f"{folder}/{name} {its.st_mtime_ns} {its.st_size}" for name, its in stats]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
