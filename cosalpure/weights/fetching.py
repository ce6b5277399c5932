"""A published file comes into its folder once, verified; and a table of what is there already."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cosalpure.errors import UserError
from cosalpure.weights.addresses import page
from cosalpure.weights.checks import content_fault, kind_fault, verify
from cosalpure.weights.downloads import download
from cosalpure.weights.sources import Source

OFFLINE = ("COSALPURE_OFFLINE", "HF_HUB_OFFLINE")  # environment variables


def fetch(source: Source, folder: str | Path) -> Path:
    """Return the verified path of `source` in `folder`: what lies there already, else from the first source that works.

    A file that is there is never overwritten or deleted. A stopped download goes on where it stopped.
    """
    path = source.path(folder)
    if _is_there(path):
        verify(source, path)
        return path
    if any(os.environ.get(name, "0").lower() not in ("", "0", "false", "no") for name in OFFLINE):
        raise UserError(
            f"{source.name}: {path} is missing and this machine is set to be offline. {advice(source, path)}"
        )
    with _alone(Path(folder) / ".partial" / f"{source.name}.lock"):
        if not _is_there(path):
            return _from_first_that_works(source, folder)
    verify(source, path)  # another process has brought it meanwhile
    return path


def state(source: Source, folder: str | Path) -> str:
    """Say "have", "missing", "unusable" with the reason, or "partial" with the megabytes that have arrived."""
    if _is_there(source.path(folder)):
        fault = kind_fault(source, source.path(folder))
        return f"unusable: {fault}" if fault else "have"
    parts = (Path(folder) / ".partial").glob(f"{source.name}-*/**/*")
    megabytes = sum(part.stat().st_size for part in parts if part.is_file()) / 1e6
    return f"partial, {megabytes:.0f} MB" if megabytes >= 0.5 else "missing"


def listing(sources: dict[str, Source], folder: str | Path) -> str:
    """Write a table of all `sources`: have, missing or partial; size, licence, purpose, where to get it."""
    from tabulate import tabulate

    rows = [
        (its.name, state(its, folder), f"{its.megabytes:,.0f} MB", its.licence, its.used_for, its.path(folder))
        + ("\n".join(map(page, its.sources)),)
        for its in sources.values()
    ]
    headers = ("name", "state", "size", "licence", "for", "file", "where to get it")
    table: str = tabulate(rows, headers, tablefmt="simple", maxcolwidths=[None, None, None, 20, 28, None, None])
    return table


def advice(source: Source, path: Path) -> str:
    """Say how to get a file by hand."""
    what = "the folder" if source.is_folder else "the file"
    return f"Download {what} from {' or '.join(map(page, source.sources))} and put it as {path}"


def _from_first_that_works(source: Source, folder: str | Path) -> Path:
    """Download `source` into `folder`, its addresses tried in order; return the path."""
    path, failures = source.path(folder), []
    for number, address in enumerate(source.sources):
        staging = Path(folder) / ".partial" / f"{source.name}-{number}"
        staging.mkdir(exist_ok=True)
        try:
            arrived = download(address, staging / path.name, source.name)
            _check_download(source, path, arrived)
            os.replace(arrived, path)
            shutil.rmtree(staging)
            return path
        except UserError as error:
            failures.append(f"{address}: {error}")
    raise UserError(f"{source.name}: no source worked ({'; '.join(failures)}). {advice(source, path)}")


def _check_download(source: Source, path: Path, arrived: Path) -> None:
    """Refuse what is not the file, and remove it: a later try must not go on from it."""
    fault = kind_fault(source, arrived) or content_fault(source, path, arrived)
    if fault:
        shutil.rmtree(arrived.parent)
        raise UserError(fault)


def _is_there(path: Path) -> bool:
    """Say whether a file, or a folder with anything in it, is there."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock `path`, waiting for it: two processes must not write the same partial file.

    The system lets go of a killed process's lock.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        print(f"{path.stem}: another process is downloading it; waiting for that one ({path})", file=sys.stderr)
        held = lock.acquire(poll_interval=0.5)
    with held:
        yield
