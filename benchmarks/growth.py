"""Cost as work grows: CPU seconds and peak memory of every stage for 1 to 64 times the groups.

    python benchmarks/growth.py                       1 to 64 groups of 8 images, the default configuration's methods
    python benchmarks/growth.py --times 1 2 4

Each stage is the command that the workflow's rule runs, in a process of its own, on one thread. A straight line, a fixed
cost and a cost a group, is fitted to the CPU seconds (`cosalpure.line_fit`), and read at the 328 groups of the paper's datasets
in one job, all with 95 % intervals. Tables and the plan of the workflow (`snakemake -n`) are of so many times the default run's
groups.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = 20  # of learning a concept, a third of the default run's
DEFAULT_GROUPS = 24  # of config.yaml
PAPER_GROUPS = 328  # of the paper's four datasets
PER_GROUPS = ("tables", "plan")  # measured on multiples of DEFAULT_GROUPS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64], help="groups (%(default)s)")
    parser.add_argument("--images", type=int, default=8, help="a group (%(default)s)")
    parser.add_argument("--summary", metavar="FILE", help="write the table there too, as JSON")
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for groups in options.times:
            for stage, command in commands(Path(folder) / str(groups), groups, options.images).items():
                if stage == "tables":
                    prepare(Path(folder) / str(groups), groups, options.times[0])
                found.setdefault(stage, []).append(measured(command, Path(folder)))
    rows = [row(stage, options.times, numbers) for stage, numbers in found.items()]
    table = lay_out(rows, options.times)
    print("\n".join(table))
    if options.summary:
        chosen = f"{options.images} images a group, {STEPS} steps of learning; CPU seconds by number of groups"
        note = f"Tables and plan: of so many times {DEFAULT_GROUPS} groups. ±: 95 % interval. Memory: smallest and largest peak."
        summary = {"title": "cost as work grows", "options": chosen, "table": table, "notes": [note, ""], "rows": rows}
        Path(options.summary).write_text(json.dumps(summary, indent=2) + "\n")


def commands(folder, groups, images):
    """{stage: the command of a job on `groups` groups}, in the order in which they need each other."""
    from cosalpure.experiment.parse import load_files

    its = load_files([ROOT / "config.yaml"])
    data = its.datasets["mini"].settings.model_copy(update={"groups": groups, "images": images})
    learning = its.concept.model_copy(update={"steps": STEPS})
    attack, purifier = its.degradations["jadena"].settings, its.purifiers["cosalpure"].settings
    detector = its.detectors["gicd"].settings
    attacked, concepts, purified, maps = (folder / name for name in ("attacked", "concepts", "purified", "maps"))
    model = ["--text-to-image", its.text_to_image.model_dump_json()]
    read = ["--data", folder / "data", "--images"]

    def ours(*words, settings, output):
        return [sys.executable, "-m", "cosalpure", *words, "--settings", settings, "--output", output]

    def text(model):
        return model.model_dump_json()

    condition = ["--condition", "mini", "jadena", "cosalpure", "gicd"]
    tables = ["tables", "build", folder / "many.parquet", "--only", "table1"]
    planned = ["--snakefile", ROOT / "Snakefile", "--configfile", ROOT / "config.yaml"]
    planned += ["--config", f"datasets={{mini: {{groups: {DEFAULT_GROUPS * groups}}}}}"]
    return {
        "data": ours("data", "mini", settings=text(data), output=folder / "data"),
        "degrade": ours("degrade", "jadena", *read[:2], settings=text(attack), output=attacked),
        "concept": ours("concept", *read, attacked, *model, settings=text(learning), output=concepts),
        "purify": ours(
            *("purify", "cosalpure", *read, attacked, "--concepts", concepts, *model),
            settings=text(purifier),
            output=purified,
        ),
        "detect": ours("detect", "gicd", *read, purified, settings=text(detector), output=maps),
        "score": ours(
            *("score", *read, purified, "--maps", maps, *condition),
            settings=text(its.score),
            output=folder / "score.parquet",
        ),
        "tables": ours(*tables, settings=text(its.statistics), output=folder / "tables"),
        "plan": [sys.executable, "-m", "snakemake", "-n", "--quiet", "--directory", folder, *planned],
    }


def prepare(folder, times, first):
    """For tables and plan: the scores of the smallest run so often that there are `times` times the default run's groups
    (`many.parquet`)."""
    import pandas as pd

    rows = pd.read_parquet(folder.parent / str(first) / "score.parquet")
    copies = DEFAULT_GROUPS * times // rows["slug"].nunique()
    parts = [rows.assign(slug=rows["slug"] + f"-{i}") for i in range(copies)]
    pd.concat(parts).to_parquet(folder / "many.parquet")


def measured(command, folder):
    """(CPU seconds, peak memory in MB) of a command and its children; its output is shown if it fails."""
    log = folder / "log"
    with open(log, "w") as file:
        process = subprocess.Popen([str(word) for word in command], stdout=file, stderr=file, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command[:5]))} ... failed:\n{log.read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def row(stage, times, numbers):
    """A stage's line: seconds by number of groups, and of the fitted line the fixed cost, a group's, and the paper's groups'.

    Each of these is (seconds, half-width of the 95 % interval; None of two measurements).
    """
    from cosalpure.line_fit import fit

    seconds, memory = zip(*numbers, strict=True)
    line, unit = fit(list(zip(times, seconds, strict=True))), DEFAULT_GROUPS if stage in PER_GROUPS else 1
    fixed, one = line.predict(1, 0), line.predict(0, 1)
    each = [None if its is None else its / unit for its in one]
    found = {"fixed": fixed, "each": each, "paper": line.predict(1, PAPER_GROUPS / unit)}
    return {"stage": stage, "seconds": seconds, **found, "memory": [min(memory), max(memory)]}


def lay_out(rows, times):
    """The rows as a Markdown table."""
    heads = [
        "stage",
        *(f"{count}" for count in times),
        "fixed, s",
        "a group, s",
        f"{PAPER_GROUPS} groups, s",
        "memory, MB",
    ]
    lines = [heads, ["---"] * len(heads)]
    for its in rows:
        numbers = [f"{value:.2f}" for value in its["seconds"]]
        numbers += [with_interval(its["fixed"], 2), with_interval(its["each"], 3), with_interval(its["paper"], 0)]
        low, high = its["memory"]
        lines.append([its["stage"], *numbers, f"{low:.0f}-{high:.0f}"])
    return [f"| {' | '.join(line)} |" for line in lines]


def with_interval(found, digits):
    """Seconds and the half-width of their interval as text."""
    seconds, around = found
    return f"{seconds:.{digits}f}" + (f" ± {around:.{digits}f}" if around is not None else "")


if __name__ == "__main__":
    main()
