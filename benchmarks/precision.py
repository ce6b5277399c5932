"""What bfloat16 costs and saves: concept learning and purifiers in both number formats, on attacked groups of mini.

    python benchmarks/precision.py                                       12 groups, every stage
    python benchmarks/precision.py --groups 2 diffpure                   one stage
    python benchmarks/precision.py --output docs/results/data/precision.csv

A stage runs in two processes, one for each format, on one thread. Every group gives a ratio of CPU seconds, without loading; the
table has the median (smallest - largest). Images are compared as 8-bit levels, and by the success of three detectors on them.
Learned concepts are compared by the cosine of the two vectors.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import write_rows

LEARNING = "concept learning"
STAGES = (LEARNING, "cosalpure", "diffpure", "dda")  # and entries of mini
FORMATS = ("float32", "bfloat16")
DETECTORS = ("gicd.mini", "gcagc.mini", "poolnet.mini")
COLUMNS = (
    "stage",
    "groups",
    "float32, CPU s a group",
    "bfloat16, CPU s a group",
    "float32 / bfloat16",
    "mean difference, levels",
    "largest difference, levels",
    "cosine",
    "successes changed",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"among {', '.join(STAGES)}; default: all")
    parser.add_argument("--groups", type=int, default=12, help="of mini's test split (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="CSV that is written")
    parser.add_argument("--run", nargs=3, metavar=("STAGE", "FORMAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        measure(*options.run, options.groups)
        return
    if unknown := set(options.stages) - set(STAGES):
        parser.error(f"{', '.join(sorted(unknown))}: no such stage; there are: {', '.join(STAGES)}")
    rows = [compared(stage, options.groups) for stage in options.stages or STAGES]
    for row in rows:
        print(", ".join(f"{column} {value}" for column, value in row.items() if value != ""))
    if options.output:
        write_rows(options.output, rows)


def compared(stage, groups):
    """The row of one stage: both formats, each in a process of its own."""
    import torch

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            file = Path(folder) / f"{name}.pt"
            command = [sys.executable, __file__, "--groups", str(groups), "--run", stage, name, str(file)]
            subprocess.run(command, check=True)
            found[name] = torch.load(file, weights_only=True)
    full, short = (found[name] for name in FORMATS)
    ratios = [a / b for a, b in zip(full["seconds"], short["seconds"], strict=True)]
    row = dict.fromkeys(COLUMNS, "") | {"stage": stage, "groups": groups}
    for name in FORMATS:
        row[f"{name}, CPU s a group"] = f"{statistics.median(found[name]['seconds']):.3g}"
    row["float32 / bfloat16"] = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
    if stage == LEARNING:
        cosines = torch.nn.functional.cosine_similarity(full["results"], short["results"])
        row["cosine"] = f"{cosines.median():.4f}, at least {cosines.min():.4f}"
        return row
    levels = ((full["results"] - short["results"]).abs() * 255).round()
    row["mean difference, levels"] = f"{levels.mean():.2f}"
    row["largest difference, levels"] = f"{levels.max():.0f}"
    changed = (full["successes"] != short["successes"]).sum((1, 2)).tolist()
    row["successes changed"] = f"{' / '.join(map(str, changed))} of {full['successes'][0].numel()}"
    return row


def measure(stage, name, file, groups):
    """Run a stage in the number format `name`: CPU seconds of each group, results, and successes of each detector."""
    import torch

    import cosalpure as cp
    from cosalpure.memory import keep_freed
    from cosalpure.tags import experiment_of

    keep_freed()
    torch.set_num_threads(1)
    mini = experiment_of("mini")
    model = mini.text_to_image.model_copy(update={"dtype": name})
    attack = cp.create_attack("jadena.mini")
    purifier, needs_concept = None, False
    if stage != LEARNING:
        entry = mini.purifiers[stage]
        needs_concept = "concept" in entry.needs
        own = {"dtype": name} if "dtype" in type(entry.settings).model_fields else {}
        purifier = cp.create_purifier(f"{stage}.mini", model, **own)
    detectors = [cp.create_detector(each) for each in DETECTORS]

    seconds, results, successes = [], [], [[] for _ in detectors]
    for number in range(-1, groups):  # the first one warms up
        group = attack(cp.load_group("mini", max(number, 0)))
        concept = cp.learn_concept(group, "mini", steps=1) if needs_concept else None
        started = time.process_time()
        if purifier is None:
            result = cp.learn_concept(group, model, **mini.concept.model_dump()).vector
        else:
            result = purifier(group, concept)
        if number < 0:
            continue
        seconds.append(time.process_time() - started)
        results.append(result if purifier is None else (result.images * 255).round() / 255)
        if purifier is not None:
            for hits, detector in zip(successes, detectors, strict=True):
                scores = cp.evaluate(detector(result), group, per_image=True)
                hits.append(torch.tensor(scores["success"].to_numpy(dtype="float32")))
    found = {"seconds": seconds, "results": torch.stack(results)}
    torch.save(found | ({"successes": torch.stack([torch.stack(its) for its in successes])} if purifier else {}), file)


if __name__ == "__main__":
    main()
