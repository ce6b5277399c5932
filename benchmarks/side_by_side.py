"""What the benchmarks share: ours against a reference procedure, A B A B, each measurement in a process of its own.

A process's peak of resident memory is then its own. Results are compared: a faster but different answer does not count.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

VARIANTS = ("ours", "reference")


def main(doc, file, title, measure, arguments):
    """A benchmark's command line. `measure(variant, options)` gives ({name: number}, tensor) of one run.

    `arguments(parser)` adds the benchmark's own options.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--pairs", type=int, default=1, help="how often each is measured (%(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant is None:
        compare(file, title, options)
        return
    import torch

    numbers, result = measure(options.variant, options)
    torch.save(result, options.output)
    print(json.dumps(numbers))


def compare(file, title, options):
    """Alternates the two; prints medians, ratios and how far the results are apart."""
    import torch

    found = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        files = {variant: Path(folder) / f"{variant}.pt" for variant in VARIANTS}
        for _ in range(options.pairs):
            for variant in VARIANTS:
                command = [sys.executable, file, *sys.argv[1:], "--variant", variant, "--output", str(files[variant])]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found[variant].append(json.loads(done.stdout))
        ours, reference = (torch.load(files[variant], weights_only=True) for variant in VARIANTS)
    chosen = {key: value for key, value in vars(options).items() if key not in ("variant", "output")}
    difference = (ours - reference).abs()
    print(f"{title}; {', '.join(f'{key} {value}' for key, value in chosen.items())}")
    print(
        f"torch {torch.__version__}, {os.cpu_count()} cores, medians; results differ by at most {difference.max():.1e},"
    )
    print(f"in {(difference > 0.5 / 255).float().mean():.1%} of the values by more than half a level of 255\n")
    print("| | ours | reference | reference / ours |\n|---|---|---|---|")
    for key in found["ours"][0]:
        a, b = (statistics.median(line[key] for line in found[variant]) for variant in VARIANTS)
        print(
            f"| {key} | {a:,.3g} | {b:,.3g} | {b / a:.1f} |"
            if a < 100
            else f"| {key} | {a:,.0f} | {b:,.0f} | {b / a:.1f} |"
        )


def peak_megabytes():
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
