"""Measure an entry again on this machine, by the workflow, and compare with the submitted numbers.

The entry's package must be installed. `leaderboard/remeasure.sh` installs it into an environment of its own first.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosalpure.errors import UserError
from cosalpure.experiment.files import DEFAULT
from cosalpure.experiment.layout import RESULTS, Layout
from cosalpure.experiment.parse import load_files
from cosalpure.extras import require
from cosalpure.leaderboard import check, submit
from cosalpure.leaderboard.entry import About, Entry, Facts, read_entry
from cosalpure.leaderboard.rows import FAMILY
from cosalpure.verify import SPREAD

ROOT = Path(__file__).parents[2]  # of the clone, where the Snakefile is
EXPERIMENT = "mini"  # the experiment that everybody can run
ROUNDING = 2e-6
MADE = {"venv", "entry.yaml", "results", "logs", ".snakemake", "leaderboard"}  # in the folder of the new run


def run(path: str, work: str, cores: int) -> int:
    """Check an entry, run it again below `work`, and print what is not the same.

    Args:
        path: the entry's JSON file.
        work: folder of the new run; the new entry is `work`/leaderboard/TRACK/NAME.json.
        cores: CPU cores.

    Returns:
        0, or 1 if the entry has faults, or if a number is further away than the known spread.
    """
    require("snakemake")
    if not (ROOT / "Snakefile").is_file():
        raise UserError("--remeasure needs a clone of the repository, with its Snakefile")
    if faults := check.faults(path):
        print("\n".join(f"{path}: {fault}" for fault in faults))
        return 1
    entry = read_entry(path)
    if entry.environment.experiment != EXPERIMENT:
        raise UserError(
            f"{path}: environment.experiment: only {EXPERIMENT} is measured again, not {entry.environment.experiment}"
        )
    if other := sorted(its.name for its in Path(work).glob("*") if its.name not in MADE):
        raise UserError(f"--work {work}: holds other files, such as {other[0]}; choose a new folder")
    files = prepare(entry, Path(work))
    _workflow(entry, files, Path(work), cores)
    again = read_entry(_submitted(entry, files, Path(work)))
    lines = list(compare(entry, again))
    print("\n".join(lines) or f"{path}: measured again, all scores within {SPREAD}")
    return 1 if lines else 0


def prepare(entry: Entry, work: Path) -> list[str]:
    """Write the variant that runs the entry's conditions, and give the experiment's files."""
    sizes = [str(ROOT / variant) for edition in entry.editions for variant in edition.variants]
    its = {"method": entry.method.method, **entry.method.settings}
    known = load_files([str(ROOT / DEFAULT)]).methods(FAMILY[entry.track])
    conditions = [
        {"datasets": [d], "degradations": [degradation], "purifiers": [purifier], "detectors": [detector]}
        for d, degradation, purifier, detector in (one.key for one in entry.measured)
    ]
    variant: dict[str, Any] = {"variant_of": EXPERIMENT, "conditions": conditions}
    if entry.entry not in known:
        variant[FAMILY[entry.track]] = {entry.entry: its}
    work.mkdir(parents=True, exist_ok=True)
    path = work / "entry.yaml"
    path.write_text(json.dumps(variant, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    return [str(ROOT / DEFAULT), *sizes, str(path.resolve())]


def _workflow(entry: Entry, files: list[str], work: Path, cores: int) -> None:
    wanted = [Layout().score(*its.key) for its in entry.measured]
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(work), *wanted, "--configfile", *files]
    if subprocess.run(command).returncode:
        raise UserError(f"the workflow failed; its messages stand above, its logs in {work}")


def _submitted(entry: Entry, files: list[str], work: Path) -> Path:
    facts = Facts(**entry.model_dump(include=set(About.model_fields)))
    output = work / "leaderboard"
    shutil.rmtree(output, ignore_errors=True)
    experiment = load_files(files)
    return submit.run(str(work / RESULTS), experiment, entry.track, entry.entry, facts, str(output), "re-measured")


def compare(entry: Entry, again: Entry) -> Iterator[str]:
    """List the scores that lie further apart than the known spread between processors."""
    for dataset, data in entry.data.items():
        if again.data.get(dataset) != data:
            yield f"data.{dataset}: not the same images"
    found = {its.key: its for its in again.measured}
    for number, its in enumerate(entry.measured):
        if its.key not in found:
            yield f"measured[{number}]: {'/'.join(its.key)} was not measured again"
            continue
        old, new = (one.metrics.model_dump() for one in (its, found[its.key]))
        for metric, splits in old.items():
            for split, cell in splits.items():
                values = cell["value"], new[metric][split]["value"]
                if not check.close(*values, SPREAD + ROUNDING):
                    place = f"measured[{number}].metrics.{metric}.{split}.value"
                    yield f"{place}: submitted {values[0]}, measured again {values[1]}, more than {SPREAD} apart"
