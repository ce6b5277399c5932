"""`cosalpure bench`: speed beside reference procedures and floors, measured here, for docs/results/performance.md.

With `--peer PATH` the same is measured beside other authors' published code, which stays in the user's checkout.

The measurements are the scripts in benchmarks/ of a clone, each of which can be run by itself; here they run with one
number of pairs and their tables come together. A section of the file is replaced whole or stays.
"""

import csv
import datetime
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cosalpure.environment import git, installed, processor, python
from cosalpure.errors import UserError, choose
from cosalpure.io import whole_file
from cosalpure.peers import Work, check_packages, of_stages, recognise

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
STAGES = {  # stage: (script, its options, those of the smallest run)
    "degrade": ("jadena_batch.py", [], ["--images", "2", "--side", "32"]),
    "concept": ("textual_inversion.py", ["--steps", "60"], ["--steps", "2", "--batch", "2", "--images", "2"]),
    "purify": ("purify_group.py", [], ["--images", "1", "--groups", "1"]),
    "detect": ("gcagc_graph.py", ["--images", "10"], ["--images", "2", "--side", "64"]),
    "score": ("metrics.py", [], ["--images", "3", "--side", "32"]),
    "growth": ("growth.py", [], ["--times", "1", "2", "--images", "2"]),
}
PAIRED = [stage for stage in STAGES if stage != "growth"]  # what is run if no stage is named
HEADER = "<!-- Written by `cosalpure bench`, a section for each stage. docs/results/performance.md explains the numbers. -->\n"


def run(stages: Sequence[str], pairs: int, quick: bool, output: str | Path | None) -> int:
    """Measure `stages` (none: all pairs), print their tables, write them to the Markdown file `output` if given.

    1 if results are not equal to the reference's, else 0.
    """
    stages = [choose("stage", stage, list(STAGES)) for stage in stages] or PAIRED
    failed = []
    for stage in stages:
        script, full, smallest = STAGES[stage]
        options = [*(smallest if quick else full), *([] if stage == "growth" else ["--pairs", str(pairs)])]
        load = os.getloadavg()[0]
        summary = measured(stage, script, options)
        if summary is None:
            failed.append(stage)
        elif output:
            replace(Path(output), stage, section(stage, summary, load))
    return 1 if failed else 0


def run_peer(path: str | Path, stages: Sequence[str], pairs: int, quick: bool, output: str | Path | None) -> int:
    """Measure ours, the reference and the original in the checkout at `path`, and write rows to the CSV file `output` if given.

    1 if results are not equal, else 0.
    """
    if quick and output:
        raise UserError("bench --peer --quick: its times mean nothing and are not written; leave --output out")
    peer, failed = recognise(path), []
    works = of_stages(peer, stages)
    check_packages(peer)
    for work in works:
        options = [*work.options, *(work.smallest if quick else []), "--pairs", str(pairs)]
        options += ["--peer", str(Path(path).absolute())]
        summary = measured(f"{work.stage}: {peer.name}", work.script, options)
        if summary is None:
            failed.append(work)
        elif output:
            write_rows(Path(output), peer_rows(peer.name, work, summary))
    return 1 if failed else 0


def measured(name: str, script: str, options: Sequence[str]) -> dict[str, Any] | None:
    """Run a script of benchmarks/, which prints its table; return its summary, or None if it failed.

    Raises:
        UserError: if there is no clone.
    """
    if not FOLDER.is_dir():
        raise UserError(f"{FOLDER}: no such folder; benchmarks need a clone of the repository")
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder, "summary.json")
        command = [sys.executable, str(FOLDER / script), *options, "--summary", str(summary)]
        done = subprocess.run(command, cwd=FOLDER.parent)
        if done.returncode or not summary.exists():
            print(f"cosalpure: bench {name}: ended with status {done.returncode}", file=sys.stderr)
            return None
        found: dict[str, Any] = json.loads(summary.read_text())
        return found


def peer_rows(peer: str, work: Work, summary: dict[str, Any]) -> list[dict[str, str]]:
    """Make the CSV rows of a comparison, one for each of the script's measures: the work itself, perhaps whole processes."""
    rows = []
    for key, measure in summary["measures"].items():
        found = next(row for row in summary["rows"] if row["name"] == key)
        row = {"work": work.work, "measure": measure, "original": peer}
        row |= {f"{name}, CPU s": _digits(found.get(name)) for name in ("ours", "reference", "original")}
        row |= {
            "original / ours": _with_range(found["original_ratio"], found["original_range"]),
            "reference / original": _with_range(found["agreement"], found["agreement_range"]),
            "largest difference": _digits(summary["differences"].get("original"), 2),
        }
        rows.append(row)
    return rows


def _digits(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _with_range(ratio: float | None, low_high: Sequence[float] | None) -> str:
    """Write a ratio as in "1.19 (1.08 - 1.27)"."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}" + (f" ({low_high[0]:.2f} - {low_high[1]:.2f})" if low_high else "")


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows to the CSV file in the place of those of the same work, measure and peer; the others stay."""
    kept: list[dict[str, str]] = []
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    key = ("work", "measure", "original")
    new = {tuple(row[name] for name in key): row for row in rows}
    kept = [new.pop(tuple(row[name] for name in key), row) for row in kept]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept, *new.values()])
    versions = f"Python {python()}, torch {installed('torch')}, diffusers {installed('diffusers')}"
    head = "# cosalpure bench --peer: one thread, medians (smallest - largest ratio of a pair); last row written at commit "
    head += f"{(git()[0] or 'unknown')[:7]}, {datetime.date.today()}, {processor()}, {versions}\n"
    with whole_file(path) as temporary:
        temporary.write_text(head + text.getvalue(), encoding="utf-8")


def section(stage: str, summary: dict[str, Any], load: float) -> str:
    """Write a stage's part of the file from the script's summary; `load` is the machine's load before it began."""
    machine = f"{processor()}, {os.cpu_count()} cores, load {load:.1f} before it began"
    versions = f"Python {python()}, torch {installed('torch')}, diffusers {installed('diffusers')}"
    lines = [f"## {stage}: {summary['title']}", "", f"{summary['options']}.", ""]
    lines += [*summary["table"], "", *summary.get("notes", [])]
    return "\n".join([*lines, f"{datetime.date.today()}, {machine}; {versions}."])


def replace(path: Path, stage: str, text: str) -> None:
    """Write a stage's section into the file in the order of `STAGES`; the others stay."""
    found = {}
    if path.exists():
        pattern = r"<!-- bench: (\w+) -->\n(.*?)\n<!-- end -->"
        text_before = path.read_text(encoding="utf-8", errors="replace")
        if not text_before.startswith(HEADER):
            raise UserError(f"{path}: not a file of `cosalpure bench`; choose another --output")
        found = dict(re.findall(pattern, text_before, re.S))
    found[stage] = text
    parts = [f"<!-- bench: {name} -->\n{found[name]}\n<!-- end -->\n" for name in STAGES if name in found]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join([HEADER, *parts]), encoding="utf-8")
