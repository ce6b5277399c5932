"""Which results were made by which code, settings and machine, and what would run again and why. Nothing is computed.

The code, the commit and the device of a result are read from its record, in the metadata of its Parquet file. What would run
is asked of Snakemake.
"""

import json
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosalpure.errors import UserError
from cosalpure.experiment.files import File
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.layout import DEPTH, KEYS, every
from cosalpure.experiment.parse import load_files
from cosalpure.extras import require
from cosalpure.record import Record, read

CODE = re.compile(r"'?(code [0-9a-f]{12}[^',]*)'?")  # in the parameters that Snakemake recorded
NAME = 254  # characters of a name in Snakemake's folder of records
COLUMNS = 6  # of snakemake --summary
HEADER = ("stage", "entry", "done", "code", "commit", "device", "would run", "why")


@dataclass(frozen=True)
class Planned:
    """What an entry of a stage consists of: its files, and the fingerprint of the code that would make them."""

    stage: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    code: str


def run(files: Sequence[File]) -> None:
    """Print the state of the results of an experiment, a line for each entry of each stage."""
    from tabulate import tabulate

    jobs = Jobs(load_files(files))
    entries, pending = planned(jobs), summary(files)
    print(tabulate([row(its, pending) for its in entries], HEADER, disable_numparse=True))
    count = sum(file in pending for its in entries for file in its.files)
    print(f"\n{count} of these jobs would run" if count else "\nnothing would run")


def planned(jobs: Jobs) -> list[Planned]:
    """List the entries of all stages, in the order of the stages."""
    entries: dict[str, Sequence[tuple[str, ...]]] = {
        stage: every(its[: DEPTH[stage]] for its in jobs.conditions) for stage in DEPTH
    }
    entries |= {"concept": every(its[:2] for its in jobs.reading), "score": jobs.scored_conditions}
    found = []
    for stage, all_names in entries.items():
        for names in all_names:
            its = {"data": [jobs.layout.manifest(names[0])], "score": [jobs.layout.score(*names)]}.get(stage)
            made = its or jobs.shards(stage, *names)
            code = jobs.code(stage, **dict(zip(KEYS, names, strict=False)))
            found.append(Planned(stage, names, tuple(made), code))
    tables = [Planned("tables", (name,), (jobs.layout.table(name),), jobs.code("tables")) for name in jobs.tables]
    return found + tables


def row(entry: Planned, pending: Mapping[str, str]) -> list[str]:
    """Give the line of an entry; `pending` has Snakemake's status of the files that would be made."""
    done = [file for file in entry.files if Path(file).is_file()]
    records = {file: read(file) for file in done}
    codes = [(its.code if its else "") or recorded_code(file) or "unknown" for file, its in records.items()]
    waiting = [why(file, pending[file], entry.code) for file in entry.files if file in pending]
    return [
        entry.stage,
        "/".join(entry.names),
        f"{len(done)}/{len(entry.files)}",
        distinct(map(short, codes)),
        distinct(map(_commit, records.values())),
        distinct((its.device if its else "") or "unknown" for its in records.values()),
        str(len(waiting) or ""),
        distinct(waiting),
    ]


def distinct(values: Iterable[str]) -> str:
    """Write different values, with their counts if there are several: "0a1b2c (3), 4d5e6f (1)"."""
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count})" for value, count in counts.most_common())


def _commit(its: Record | None) -> str:
    """Write the commit of a record, and whether the code was changed since."""
    if its is None or not its.commit:
        return "unknown"
    return its.commit[:7] + (" with changes" if its.clean is False else "")


def summary(files: Sequence[File]) -> dict[str, str]:
    """Ask Snakemake which files it would make: {file: its status}; a UserError if it does not get that far."""
    require("snakemake")
    command = [sys.executable, "-m", "snakemake", "--summary", "--nolock", "--configfile", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it failed"]
        raise UserError(f"snakemake --summary: {lines[-1]}")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0]: row[-2] for row in rows if len(row) == COLUMNS and row[-1] == "update pending"}


def why(file: str, status: str, code: str) -> str:
    """Say why Snakemake would make a file, from its `status` there and the `code` that would make it."""
    if status == "ok":
        return "earlier results run"
    if status != "params changed":
        return status
    before = recorded_code(file)
    if before is None:
        return "made before code was recorded"
    return f"code was {short(before)}, is {short(code)}" if before != code else "settings changed"


def recorded_code(file: str) -> str | None:
    """Read the code that Snakemake has recorded for a file, as it was made or accepted."""
    name = urlsafe_b64encode(file.encode()).decode()
    parts = [name[start : start + NAME] for start in range(0, len(name), NAME)]
    path = Path(".snakemake/metadata", *(f"@{part}" for part in parts[:-1]), parts[-1])
    try:
        params = json.loads(path.read_text()).get("params") or []
    except (OSError, ValueError):
        return None
    return next((found[1] for its in params if (found := CODE.fullmatch(str(its)))), None)


def short(code: str) -> str:
    """Write a fingerprint without the word before it."""
    return code.removeprefix("code ")
