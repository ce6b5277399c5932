"""Weights on a node's own disk: copied there once a node, where COSALPURE_SCRATCH names a folder.

export COSALPURE_SCRATCH=/local/scratch    # docs/how-to/cluster-settings.md
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from cosalpure.io import whole_file, whole_folder

SCRATCH = "COSALPURE_SCRATCH"


def staged(path: str | Path) -> str | Path:
    """Copy a weights file or folder to the node's own disk, unless the copy is there, and give the copy's path.

    The path itself is given where COSALPURE_SCRATCH is not set, or where the copy fails, which standard error tells:
    a job is then slower, and its results are the same. A changed file is copied anew, since its size and time are part
    of the copy's name. Jobs of one node wait for each other.
    """
    scratch = os.environ.get(SCRATCH)
    if not scratch or not Path(path).exists():
        return path
    copy = Path(scratch) / "cosalpure" / _fingerprint(Path(path)) / Path(path).name
    try:
        _copy_once(Path(path), copy)
    except OSError as error:
        print(f"cosalpure: {path}: not copied to {SCRATCH}={scratch}, read from its place: {error}", file=sys.stderr)
        return path
    return copy


def _fingerprint(path: Path) -> str:
    """Name the content of a file or folder: by its place and by the sizes and times of its files."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]


def _copy_once(path: Path, copy: Path) -> None:
    """Make the copy, whole or not at all, if no other job of the node has made it."""
    from filelock import FileLock

    copy.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(copy.parent / "lock"):
        if copy.exists():
            return
        if path.is_dir():
            with whole_folder(copy) as partial:
                shutil.copytree(path, partial, dirs_exist_ok=True)
        else:
            with whole_file(copy) as partial:
                shutil.copyfile(path, partial)
