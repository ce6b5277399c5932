"""What the benchmarks share: ours against a reference procedure, A B A B, each in a process of its own.

With `--peer PATH`, a checkout of the code that the reference follows, this original is measured in turn with the two, so that the
table also says whether the reference is as fast as it. A process's peak of resident memory is then its own. Results are
compared: a faster but different answer does not count.
"""

import argparse
import csv
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

VARIANTS = ("ours", "reference", "original")
REPEATS = 3  # of a floor's passes
WARM = []  # whether a process has warmed up
SIGN = "measured: "  # before the numbers that a process prints
SIZES = (1, 2, 4, 8, 16)  # batches that a floor tries


def main(
    doc,
    file,
    title,
    measure,
    arguments,
    tolerance=None,
    unit="levels",
    measures=None,
    peers=(),
    prepare=None,
    whole=False,
):
    """A benchmark's command line. `measure(variant, options)` gives ({name: number}, tensor) of one run.

    `arguments(parser)` adds the benchmark's own options. Results further apart than `tolerance`, a number or a function
    of the options, end the benchmark with status 1. With `unit` "levels" they are images of [0, 1]; else values. `measures`
    {row: its name} are the rows that `cosalpure bench --peer` keeps, and `peers` the repositories that it takes. `prepare(folder, options)` writes, once and unmeasured, what
    all runs read from `options.folder`. With `whole` every run starts Python anew: its `process_cpu_s` counts.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--pairs", type=int, default=1, help="how often each is measured (%(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--summary", metavar="FILE", help="write the table's rows there too, as JSON")
    if peers:
        parser.add_argument("--peer", metavar="PATH", help=f"a checkout to measure, too: {' or '.join(peers)}")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant is None:
        with tempfile.TemporaryDirectory() as folder:
            if prepare:
                prepare(Path(folder), options)
            limit = tolerance(options) if callable(tolerance) else tolerance
            options.folder, options.whole = folder, whole
            sys.exit(compare(file, title, options, limit, unit, measures))
    serve(measure, options)


def serve(measure, options):
    """A variant's process: a measurement for each line that comes in."""
    import torch

    from cosalpure.memory import keep_freed

    if options.variant == "ours":  # as every command of ours does; the originals leave the allocator as it is
        keep_freed()
    torch.set_num_threads(options.threads)
    for _ in sys.stdin:
        numbers, result = measure(options.variant, options)
        torch.save(result, options.output)
        print(SIGN + json.dumps(numbers), flush=True)


def compare(file, title, options, tolerance=None, unit="levels", measures=None):
    """Alternates the variants; prints medians, ratios and how far the results are apart. 1 if that is too far, else 0."""
    variants = VARIANTS if getattr(options, "peer", None) else VARIANTS[:2]
    found, results = alternate(file, options, variants)
    apart = {name: difference(results["ours"], results[name]) for name in variants[1:]}
    if None in apart.values():
        print(f"{title}: the results are of different shapes, or undefined in different places")
        return 1
    hidden = ("variant", "output", "summary", "folder", "peer", "whole")
    chosen = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in vars(options).items() if key not in hidden)
    notes = [note(name, values, unit) for name, values in apart.items()]
    lines = [line(key, found) for key in found["ours"][0]]
    table = lay_out(lines, variants)
    print(f"{title}; {chosen}\n{os.cpu_count()} cores, medians. {' '.join(notes)}\n")
    print("\n".join(table))
    largest = {name: values.max().item() for name, values in apart.items()}
    if options.summary:
        summary = {"title": title, "options": chosen, "difference": largest["reference"], "differences": largest}
        summary |= {"rows": lines, "table": table, "measures": measures, "notes": [*notes, ""]}
        Path(options.summary).write_text(json.dumps(summary, indent=2) + "\n")
    if tolerance is not None and max(largest.values()) > tolerance:
        print(f"\nTHE RESULTS ARE NOT EQUAL: they differ by {max(largest.values()):.1e}, more than {tolerance:.1e}")
        return 1
    return 0


def difference(ours, other):
    """The absolute differences of two results, or None where they cannot be compared."""
    import torch

    if ours.shape != other.shape or not torch.equal(ours.isnan(), other.isnan()):
        return None
    return (ours - other).nan_to_num().abs()


def note(name, apart, unit):
    """A sentence on how far a variant's results are from ours."""
    whose = "The results" if name == "reference" else "Ours and the original's"
    text = f"{whose} differ by at most {apart.max().item():.1e}"
    if unit == "levels":
        text += f", in {(apart > 0.5 / 255).float().mean():.1%} of the values by more than half a level of 255"
    return f"{text}."


def alternate(file, options, variants):
    """A B A B: {variant: [numbers, one a run]} and {variant: its last result}. A variant's runs share a process unless `whole`."""
    import torch

    found, children = {variant: [] for variant in variants}, {}
    with tempfile.TemporaryDirectory() as place:
        outputs = {variant: Path(place) / f"{variant}.pt" for variant in variants}
        for pair in range(options.pairs):
            for variant in variants:
                output = Path(place) / f"{variant}-{pair}.pt" if options.whole else outputs[variant]
                if variant not in children:
                    children[variant] = start(file, options, variant, output)
                found[variant].append(ask(children[variant], Path(file).name, variant))
                if options.whole:
                    children.pop(variant).communicate()
                    outputs[variant] = output
        for child in children.values():
            child.communicate()
        return found, {variant: torch.load(outputs[variant], weights_only=True) for variant in variants}


def start(file, options, variant, output):
    """The process of a variant."""
    command = [sys.executable, file, *sys.argv[1:], "--folder", options.folder, "--variant", variant]
    command += ["--output", str(output)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(child, name, variant):
    """One measurement of a process, {number: value}."""
    child.stdin.write("once\n")
    child.stdin.flush()
    for printed in child.stdout:
        if printed.startswith(SIGN):
            return json.loads(printed.removeprefix(SIGN))
    sys.exit(f"{name}: {variant} ended with status {child.wait()}")


def line(key, found):
    """One number of the table: medians, their ratios, and the smallest and largest ratio of a pair.

    `ratio` and `range` are the reference's to ours, `original_ratio` and `original_range` the original's to ours,
    `agreement` and `agreement_range` the reference's to the original's. What a variant lacks (a floor, say) is None.
    """
    values = {variant: [run[key] for run in runs if key in run] for variant, runs in found.items()}
    row = {"name": key} | {name: statistics.median(its) if its else None for name, its in values.items()}
    row["ratio"], row["range"] = ratio(values["reference"], values["ours"])
    if "original" in values:
        row["original_ratio"], row["original_range"] = ratio(values["original"], values["ours"])
        row["agreement"], row["agreement_range"] = ratio(values["reference"], values["original"])
    return row


def ratio(above, below):
    """The ratio of two medians, and the [smallest, largest] of a pair; None where either lacks the number."""
    if not above or not below or not statistics.median(below):
        return None, None
    ratios = [a / b for a, b in zip(above, below, strict=True) if b]
    return statistics.median(above) / statistics.median(below), [min(ratios), max(ratios)] if len(ratios) > 1 else None


def lay_out(lines, variants):
    """The rows of `line` as a Markdown table."""
    pairs = [("reference / ours", "ratio", "range")]
    if "original" in variants:
        pairs += [
            ("original / ours", "original_ratio", "original_range"),
            ("reference / original", "agreement", "agreement_range"),
        ]
    heads = ["", *variants, *(head for name, *_ in pairs for head in (name, "by pair"))]
    table = [f"| {' | '.join(heads)} |".replace("|  |", "| |"), "|---" * len(heads) + "|"]
    for row in lines:
        cells = [row["name"], *(number(row.get(variant)) for variant in variants)]
        for _, one, low_high in pairs:
            its = row[low_high]
            cells += [f"{row[one]:.2f}" if row[one] is not None else "", f"{its[0]:.2f}-{its[1]:.2f}" if its else ""]
        table.append(f"| {' | '.join(cells)} |")
    return table


def number(value):
    """Three digits, thousands whole."""
    if value is None:
        return ""
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def warm_up(run):
    """Call `run` before a process's first measurement."""
    if not WARM:
        WARM.append(run())


def mini_group(index, count, size=64, variant="ours"):
    """Group `index` of the mini benchmark's dev split: its concept, and `count` images (count, 3, size, size).

    They lie in memory as ours reads them, the channels of a pixel together; for other variants plane by plane, as torchvision
    gives them.
    """
    import torch

    from cosalpure.data.mini import MiniWorld
    from cosalpure.seeds import numpy_generator

    world = MiniWorld(size=size)
    concepts = world.concepts("dev")
    label = concepts[index % len(concepts)]
    others = [concept for concept in concepts if concept != label]
    scenes, _ = world.group(numpy_generator(0, "benchmark", index), label, count, others)
    images = torch.from_numpy(scenes).permute(0, 3, 1, 2) / 255
    return label, images if variant == "ours" else images.contiguous()


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


def write_rows(path, rows):
    """Write rows {column: value} as CSV, below a line that says how and where they were measured."""
    from cosalpure.environment import processor

    with path.open("w", newline="") as file:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        file.write(f"# benchmarks/{command}, one thread, {time.strftime('%Y-%m-%d')}, {processor()}\n")
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def peak_megabytes():
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
