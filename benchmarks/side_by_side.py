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
import time
from contextlib import contextmanager
from pathlib import Path

VARIANTS = ("ours", "reference")
REPEATS = 3  # of a floor's passes
SIZES = (1, 2, 4, 8, 16)  # batches that a floor tries


def main(doc, file, title, measure, arguments, tolerance=None, unit="levels"):
    """A benchmark's command line. `measure(variant, options)` gives ({name: number}, tensor) of one run.

    `arguments(parser)` adds the benchmark's own options. Results further apart than `tolerance`, a number or a function
    of the options, end the benchmark with status 1. With `unit` "levels" they are images of [0, 1]; else values.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--pairs", type=int, default=1, help="how often each is measured (%(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--summary", metavar="FILE", help="write the table's rows there too, as JSON")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant is None:
        sys.exit(compare(file, title, options, tolerance(options) if callable(tolerance) else tolerance, unit))
    import torch

    from cosalpure.memory import keep_freed

    if options.variant == "ours":  # as every command of ours does; the originals leave the allocator as it is
        keep_freed()
    numbers, result = measure(options.variant, options)
    torch.save(result, options.output)
    print(json.dumps(numbers))


def compare(file, title, options, tolerance=None, unit="levels"):
    """Alternates the two; prints medians, ratios and how far the results are apart. 1 if that is too far, else 0."""
    import torch

    found, (ours, reference) = alternate(file, options.pairs)
    if ours.shape != reference.shape or not torch.equal(ours.isnan(), reference.isnan()):
        print(f"{title}: the results are of different shapes, or undefined in different places")
        return 1
    difference = (ours - reference).nan_to_num().abs()
    hidden = ("variant", "output", "summary")
    chosen = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in vars(options).items() if key not in hidden)
    largest = difference.max().item()
    note = f"The results differ by at most {largest:.1e}"
    if unit == "levels":
        share = (difference > 0.5 / 255).float().mean()
        note += f", in {share:.1%} of the values by more than half a level of 255"
    lines = [line(key, found) for key in found["ours"][0]]
    table = ["| | ours | reference | reference / ours | by pair |", "|---|---|---|---|---|"]
    table += [f"| {' | '.join(cells(row))} |" for row in lines]
    print(f"{title}; {chosen}\ntorch {torch.__version__}, {os.cpu_count()} cores, medians. {note}.\n")
    print("\n".join(table))
    if options.summary:
        summary = {"title": title, "options": chosen, "difference": largest, "rows": lines}
        summary |= {"table": table, "notes": [f"{note}.", ""]}
        Path(options.summary).write_text(json.dumps(summary, indent=2) + "\n")
    if tolerance is not None and largest > tolerance:
        print(f"\nTHE RESULTS ARE NOT EQUAL: they differ by {largest:.1e}, more than {tolerance:.1e}")
        return 1
    return 0


def alternate(file, pairs):
    """A B A B: {variant: [numbers, one a run]} and the two variants' last results."""
    import torch

    found = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        files = {variant: Path(folder) / f"{variant}.pt" for variant in VARIANTS}
        for _ in range(pairs):
            for variant in VARIANTS:
                command = [sys.executable, file, *sys.argv[1:], "--variant", variant, "--output", str(files[variant])]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found[variant].append(json.loads(done.stdout))
        return found, [torch.load(files[variant], weights_only=True) for variant in VARIANTS]


def line(key, found):
    """One number of the table: the medians, their ratio, and the smallest and largest ratio of a pair.

    What only ours has (a floor, say) has no ratio.
    """
    ours, reference = ([run[key] for run in found[variant] if key in run] for variant in VARIANTS)
    row = {"name": key, "ours": statistics.median(ours), "reference": None, "ratio": None, "range": None}
    if reference:
        ratios = [b / a for a, b in zip(ours, reference, strict=True) if a]
        row["reference"] = statistics.median(reference)
        row["ratio"] = row["reference"] / row["ours"] if row["ours"] else None
        row["range"] = [min(ratios), max(ratios)] if len(ratios) > 1 else None
    return row


def cells(row):
    """A row of `line` as text, five columns."""
    low_high = f"{row['range'][0]:.2f}-{row['range'][1]:.2f}" if row["range"] else ""
    ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else ""
    return [row["name"], number(row["ours"]), number(row["reference"]), ratio, low_high]


def number(value):
    """Three digits, thousands whole."""
    if value is None:
        return ""
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def mini_group(index, count, size=64):
    """Group `index` of the mini benchmark's dev split: its concept, and `count` images (count, 3, size, size)."""
    import torch

    from cosalpure.data.mini import MiniWorld
    from cosalpure.seeds import numpy_generator

    world = MiniWorld(size=size)
    concepts = world.concepts("dev")
    label = concepts[index % len(concepts)]
    others = [concept for concept in concepts if concept != label]
    scenes, _ = world.group(numpy_generator(0, "benchmark", index), label, count, others)
    return label, torch.from_numpy(scenes).permute(0, 3, 1, 2) / 255


def fastest(run, rows):
    """CPU seconds a row of `run(size)` at the best batch size of at most `rows`, medians; what floors are made of."""
    sizes = [size for size in SIZES if size <= rows]
    taken = {size: [] for size in sizes}
    run(sizes[0])  # warm-up
    for _ in range(REPEATS):
        for size in sizes:
            started = time.process_time()
            run(size)
            taken[size].append((time.process_time() - started) / size)
    return min(map(statistics.median, taken.values()))


class Clock:
    """`with clock("learn"):` adds the block's CPU seconds to `clock.cpu["learn"]` and its wall time to `clock.wall`.

    CPU seconds (of all threads) are what a busy machine distorts least.
    """

    def __init__(self):
        self.cpu, self.wall = {}, {}

    @contextmanager
    def __call__(self, name):
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall

    def numbers(self, shares):
        """{name: seconds} of each of `shares`: CPU seconds by name and in all, and the wall time in all."""
        numbers = {f"{name}_cpu_s": seconds / shares for name, seconds in self.cpu.items()}
        return numbers | {
            "total_cpu_s": sum(self.cpu.values()) / shares,
            "total_wall_s": sum(self.wall.values()) / shares,
        }


def peak_megabytes():
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
