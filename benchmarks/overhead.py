"""What a run of the workflow costs beside its work: the share of the cores' time that is neither models nor arithmetic.

    python benchmarks/overhead.py RUN [RUN ...]         folders in which snakemake has finished, with its logs
    python benchmarks/overhead.py --cores 2 before after

Of wall time x cores: what lies outside of jobs (Snakemake, idle cores), and inside jobs the start of Python and the imports,
which are measured here and now for each kind of job and counted as often as there were jobs. Loading weights is work.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LATENT = (
    "from diffusers import AutoencoderKL, UNet2DConditionModel; from transformers import CLIPTextModel, CLIPTokenizer"
)
IMPORTS = {  # kind of job: what it imports before it begins
    "data": "import cosalpure.data.stage",
    "degrade": "import cosalpure.degrade.stage, torch, cosalpure.degrade.jadena",
    "concept": f"import cosalpure.concept.stage; {LATENT}",
    "purify": f"import cosalpure.purify.stage; {LATENT}",
    "purify, no model": "import cosalpure.purify.stage, torch",
    "detect": "import cosalpure.detect.stage, torch",
    "score": "import cosalpure.score, pandas, skimage.metrics",
    "tables": "import cosalpure.tables.stage",
    "report": "import cosalpure.report.page",
}
LAST = ("complete", "tables")  # of tables
WITHOUT_MODEL = ("source_only", "jpeg", "cosalpure_no_inversion")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="working folder of a finished run")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="that the run had (%(default)s)")
    options = parser.parse_args()
    starts = {kind: start(statement) for kind, statement in IMPORTS.items()}
    print("| run | jobs | wall, s | in jobs | of it starting Python, imports | outside of jobs | overhead |")
    print("|---|---|---|---|---|---|---|")
    for run in options.runs:
        wall, jobs = elapsed(run), job_times(run)
        whole, inside = wall * options.cores, sum(seconds for _, seconds in jobs)
        importing = sum(starts[kind] for kind, _ in jobs)
        outside = whole - inside
        shares = [inside / whole, importing / whole, outside / whole, (outside + importing) / whole]
        print(f"| {run} | {len(jobs)} | {wall:.0f} | {' | '.join(f'{share:.1%}' for share in shares)} |")


def start(statement):
    """Wall seconds of starting Python with these imports, the second time, from a warm disk cache."""
    for _ in range(2):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, cwd=ROOT)
        seconds = time.perf_counter() - began
    return seconds


def elapsed(run):
    """Seconds of the longest run of Snakemake in a folder: the one that did the work."""
    texts = [path.read_text() for path in (run / ".snakemake/log").glob("*.log")]
    found = [re.search(r"Elapsed time: (\d+):(\d+):([\d.]+)", text) for text in texts]
    times = [int(its[1]) * 3600 + int(its[2]) * 60 + float(its[3]) for its in found if its]
    if not times:
        sys.exit(f"{run}: no log of a finished run under .snakemake/log")
    return max(times)


def job_times(run):
    """[(kind of job, wall seconds), ...] of Snakemake's benchmark files."""
    from cosalpure.timing import read_jobs

    found = []
    for job in read_jobs(run / "logs/benchmarks"):
        kind = "tables" if job.stage in LAST else job.stage
        if job.stage == "purify" and job.names[2] in WITHOUT_MODEL:
            kind = "purify, no model"
        found.append((kind, job.numbers["s"]))
    return found


if __name__ == "__main__":
    main()
