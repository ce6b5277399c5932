"""Are the results on the disk what the jobs wrote? Every file against the sha256 that its job recorded.

A job leaves a record of its files, STAGE/.../shards/A-B.parquet, or a dataset's manifest.parquet. Where a file is not
what the record says (a bad disk, an editor, a full quota under a program that did not notice), `--repair` removes the
record: the next run makes this shard again if anything that is still to be made needs it, and what was made from it too.
Where results that are there may come from the damaged file, name the removed records as targets of a run: all that
depends on them is older then, and made again. Nothing else is touched.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cosalpure import provenance
from cosalpure.data import MANIFEST, file_hash
from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout

KINDS = ("images", "maps", "groups")  # the folder beside a stage's shards/ that holds a subfolder a group


@dataclass(frozen=True)
class Damage:
    """A file that is not what its `record` says; the record itself if that cannot be read."""

    file: Path
    trouble: str
    record: Path


def run(results: str | Path, repair: bool = False) -> list[Damage]:
    """Compare all files under a folder of results with the records of their jobs.

    Args:
        results: the folder.
        repair: remove the records of damaged files.

    Returns:
        Each damaged file, with what is wrong and its record.

    Raises:
        UserError: if there is no such folder.
    """
    results = Path(results)
    if not results.is_dir():
        raise UserError(f"{results}: no such folder of results")
    records = sorted(results.rglob("*.parquet"))
    with ThreadPoolExecutor(8) as pool:  # hashing waits for the disk
        found = [damage for damages in pool.map(_damages, records) for damage in damages]
    if repair:
        for damage in found:
            damage.record.unlink(missing_ok=True)
    return found


def report(results: str | Path, repair: bool = False) -> int:
    """Print how the results were made, what is damaged, and what to do; the exit status: 1 if anything is left damaged."""
    found = run(results, repair)
    for line in provenance.lines(provenance.read(Layout(str(results)))):
        print(line)
    for damage in found:
        print(f"{damage.file}: {damage.trouble}")
    if not found:
        print(f"{results}: no file was modified since it was written")
    elif repair:
        removed = dict.fromkeys(str(damage.record) for damage in found)
        print(f"removed, for the next run to make again: {' '.join(removed)}")
    else:
        print(f"{len(found)} damaged; with --repair their records are removed, and the next run makes them again")
    return int(bool(found) and not repair)


def _damages(record: Path) -> list[Damage]:
    """List what is damaged of the files that one record names; tables and scores are their own record."""
    import pandas as pd

    try:
        rows = pd.read_parquet(record)
    except Exception as error:
        return [Damage(record, f"not a readable Parquet file ({type(error).__name__})", record)]
    folder: Path | None
    if record.name == MANIFEST:
        folder = record.parent / "images"
    elif record.parent.name == "shards":
        folder = next((record.parents[1] / kind for kind in KINDS if (record.parents[1] / kind).is_dir()), None)
    else:
        return []
    if folder is None:
        return [Damage(record, "the folder of its files is missing", record)]
    files = [
        (folder / slug / file, sha256)
        for slug, file, sha256 in zip(rows["slug"], rows["file"], rows["sha256"], strict=True)
    ]
    troubles = [(file, _trouble(file, sha256)) for file, sha256 in files]
    return [Damage(file, trouble, record) for file, trouble in troubles if trouble]


def _trouble(file: Path, sha256: str | None) -> str:
    """Say what is wrong with a file; empty if nothing is."""
    if not file.exists():
        return "missing"
    return "" if file_hash(file) == sha256 else "modified since it was written (sha256 mismatch)"
