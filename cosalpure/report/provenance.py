"""How the results on the page were made, from the records of their jobs, and how the page itself was, from this process."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cosalpure import environment, provenance, record
from cosalpure.bundled import located
from cosalpure.data import file_hash
from cosalpure.experiment.layout import Layout
from cosalpure.provenance import Made as Job
from cosalpure.report.table_views import texts
from cosalpure.report.view import Cell, Made, Table
from cosalpure.tables.definitions import KEYS

COMMANDS = 5  # shown at most: jobs that were typed by hand have one each
LENGTH = 300  # characters of a command
WEIGHTS = (".safetensors", ".pth", ".pt", ".zip")


def jobs_behind(layout: Layout, scores: pd.DataFrame) -> list[Job]:
    """Read the records of the jobs that the score rows come from."""
    return provenance.read(layout, scores[list(KEYS)].drop_duplicates().itertuples(index=False, name=None))


def build(jobs: Sequence[Job], config: Mapping[str, Any], seed: int) -> Made:
    """Build the section: the jobs' records, this page's own moment, and the configuration that it was given."""
    own = Table([texts(*its) for its in of_page(config, seed).items()])
    return Made(origins(jobs), alike(jobs), own, json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False))


def origins(jobs: Sequence[Job]) -> Table | None:
    """Tabulate the jobs by how they were made; columns that say nothing are left out. None without any file of a job."""
    if not jobs:
        return None
    rows = []
    for origin, its in provenance.origins(jobs).items():
        plugins = sorted({job.record.plugin for job in its if job.record and job.record.plugin})
        about = texts(
            provenance.stages(its), origin.commit, origin.device, ", ".join(origin.others), ", ".join(plugins)
        )
        rows.append([Cell(str(len(its)), str(len(its))), *about, *texts(*provenance.dates(its))])
    header = ("jobs", "by stage", "commit", "device", "not the same in all", "plug-ins", "first, UTC", "last, UTC")
    kept = [number for number in range(len(header)) if any(row[number].text for row in rows)]
    return Table([[row[number] for number in kept] for row in rows], [header[number] for number in kept])


def alike(jobs: Sequence[Job]) -> Table:
    """Tabulate what else the records tell: commands, seeds, time at work, and the versions that all jobs had."""
    records = [job.record for job in jobs if job.record]
    commands = counted(record.command for record in records)
    rows = [("command", short(its)) for its in commands[:COMMANDS]]
    rows += [("command", f"and {len(commands) - COMMANDS} others")] * (len(commands) > COMMANDS)
    rows += [("seed", ", ".join(counted(str(its.seed) for its in records if its.seed is not None)))]
    rows += [("at work", f"{sum(its.seconds for its in records):,.0f} s, summed")]
    rows += [(name, next(iter(its))) for name, its in provenance.versions(jobs).items() if len(its) == 1]
    return Table([texts(*row) for row in rows] if records else [])


def counted(values: Iterator[str]) -> list[str]:
    """List texts, the most frequent first; with how many jobs have each, if there are several."""
    found = Counter(values).most_common()
    return [f"{text} ({count} job{'s' * (count > 1)})" if len(found) > 1 else text for text, count in found]


def short(text: str) -> str:
    """Cut a long text; a command that was typed by hand may hold a whole configuration."""
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"


def of_page(config: Mapping[str, Any], seed: int) -> dict[str, str]:
    """Describe what this page is made with; `config` is the configuration given to it, whose weights are hashed."""
    commit, clean = environment.git()
    state = {True: "", False: provenance.CHANGED, None: ""}[clean]
    rows = {"drawn": now(), "command": short(record.command()), "commit": f"{commit or provenance.NO_COMMIT}{state}"}
    rows |= {"seed of intervals": str(seed), "Python": environment.python(), "machine": environment.machine()}
    rows |= environment.versions(("cosalpure", *environment.PACKAGES))
    return rows | {name: f"sha256 {file_hash(file)}" for name, file in weight_files(config).items()}


def now() -> str:
    """Tell the time in UTC, to the minute."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def weight_files(config: Mapping[str, Any]) -> dict[str, Path]:
    """Find the weights that the configuration names and that are on this machine, those inside model folders too.

    Returns:
        the file behind each name, which is the configuration's and for folders ends in the file's place inside.
    """
    found: dict[str, Path] = {}
    for value in strings(config):
        path = Path(located(value))
        if "/" in value and path.is_file() and path.suffix in WEIGHTS:
            found[value] = path
        elif "/" in value and (path / "model_index.json").is_file():
            found |= {f"{value}/{file.relative_to(path)}": file for file in sorted(path.glob("**/*.safetensors"))}
    return found


def strings(value: Any) -> Iterator[str]:
    """Give every text inside nested dictionaries and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
