"""`cosalpure bench`: speed beside reference procedures and floors, measured here, for docs/results/performance.md.

The measurements are the scripts in benchmarks/ of a clone, each of which can be run by itself; here they run with one
number of pairs and their tables come together. A section of the file is replaced whole or stays.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cosalpure.environment import installed, processor, python
from cosalpure.errors import UserError, choose
from cosalpure.io import whole_file

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
    if not FOLDER.is_dir():
        raise UserError(f"{FOLDER}: no such folder; benchmarks need a clone of the repository")
    failed = []
    for stage in stages:
        script, full, smallest = STAGES[stage]
        command = [sys.executable, str(FOLDER / script), *(smallest if quick else full)]
        command += [] if stage == "growth" else ["--pairs", str(pairs)]
        with tempfile.TemporaryDirectory() as folder:
            summary = Path(folder, "summary.json")
            load = os.getloadavg()[0]
            done = subprocess.run([*command, "--summary", str(summary)], cwd=FOLDER.parent)
            if done.returncode or not summary.exists():
                failed.append(stage)
                print(f"cosalpure: bench {stage}: ended with status {done.returncode}", file=sys.stderr)
            elif output:
                replace(Path(output), stage, section(stage, json.loads(summary.read_text()), load))
    return 1 if failed else 0


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
        found = dict(re.findall(pattern, path.read_text(encoding="utf-8"), re.S))
    found[stage] = text
    parts = [f"<!-- bench: {name} -->\n{found[name]}\n<!-- end -->\n" for name in STAGES if name in found]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join([HEADER, *parts]), encoding="utf-8")
