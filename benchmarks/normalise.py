"""Normalising a data set of CoSOD3k's size: seconds, images a second, peak memory, by the number of processes.

CPU seconds are the sum over the processes: what a busy machine does not distort.

    python benchmarks/normalise.py                              3316 images in 160 groups, 1 and 2 processes
    python benchmarks/normalise.py --images 200 --threads 1 2 4

Synthetic photographs of 500 x 375 px (JPEG) with masks (PNG) are made first, which is not timed. Each measurement is
the command `cosalpure data` in a process of its own, start of Python included; the results must not differ in a byte.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

GROUPS, IMAGES = 160, 3316  # of CoSOD3k
SIZE = (500, 375)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help="in all (%(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of processes (1 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        megabytes = make_photographs(source, options.images)
        print(f"{options.images} images of {SIZE[0]} x {SIZE[1]} px, {megabytes:.0f} MB, {os.cpu_count()} cores\n")
        print("| processes | seconds | images a second | CPU seconds | largest process, MB |")
        print("|---|---|---|---|---|")
        results = set()
        for threads in options.threads:
            output = Path(scratch, f"out{threads}")
            seconds, cpu, peak = measure(source, output, threads)
            results.add(digest(output))
            print(
                f"| {threads} | {seconds:.1f} | {options.images / seconds:.1f} | {cpu:.1f} | {peak:.0f} |", flush=True
            )
    print(f"\nresults: {'equal to the byte' if len(results) == 1 else 'DIFFERENT'}")


def make_photographs(folder, count):
    """`count` images with masks in CoSOD3k's layout, at most 160 groups of equal size; their megabytes."""
    rng, groups, total = np.random.default_rng(0), min(GROUPS, max(1, count // 20)), 0
    for index in range(count):
        coarse = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)).astype(int)
        pixels = (smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8)
        mask = np.zeros(SIZE[::-1], np.uint8)
        mask[60:300, 100 + index % 50 : 380] = 255
        for kind, suffix, image in (("Image", "jpg", pixels), ("GroundTruth", "png", mask)):
            path = folder / kind / f"group {index % groups}" / f"{index:05d}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, quality=90)
            total += path.stat().st_size
    return total / 1e6


def measure(source, output, threads):
    """One run of the command: (seconds, CPU seconds, peak memory of its largest process in MB)."""
    settings = f"{{path: {source}, size: 224, problems: strict}}"
    command = [sys.executable, "-m", "cosalpure", "data", "photos", "--output", str(output)]
    start = time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen([*command, "--settings", settings, "--threads", str(threads)], stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the command failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def digest(folder):
    """The sha256 over all files of a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


if __name__ == "__main__":
    main()
