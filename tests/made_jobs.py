"""Files of jobs that never ran: what they were made with is made up."""

from types import SimpleNamespace

import pandas as pd

from cosalpure import record

INDEX = ["group", "slug", "file", "sha256"]
OLD, NEW = "a" * 40, "b" * 40  # commits
COMMON = {
    "command": "snakemake --cores all",
    "commit": OLD,
    "clean": True,
    "versions": {"Python": "3.11.9", "torch": "2.8.0"},
    "device": "cpu",
    "processor": "Xeon with AVX-512",
    "date": "2026-01-02T03:04:05+00:00",
    "seconds": 1.5,
}


def leave(path, stage, table=None, **facts):
    """Write the file of a job of `stage`: `table` (default: an empty index), with a record of COMMON and `facts`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    its = record.Record(stage, **COMMON | facts)
    record.write(pd.DataFrame(columns=INDEX) if table is None else table, path, SimpleNamespace(finished=lambda _: its))
