"""GCAGC on a group of N images: time and peak memory of ours against the dense official formulation, in one run.

    python benchmarks/gcagc_graph.py                          30 images of 224 x 224, one pair: minutes, 10 GB
    python benchmarks/gcagc_graph.py --images 10 --pairs 5    medians of five

The full HRNet-W48 network with random weights. Each measurement is a process of its own, A B A B, so that its peak of
resident memory is its own; times are of the network alone, without loading. The maps are compared.
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
from pathlib import Path


def measure(variant, images, threads, output):
    """One process: the group's maps once; seconds and peak megabytes as JSON, the maps into `output`."""
    import torch

    from cosalpure import networks

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = networks.build("gcagc").eval().requires_grad_(False)
    if variant == "dense":
        from reference.gcagc_dense import make_dense

        make_dense(network)
    group = torch.randn(images, 3, 224, 224)
    loaded = peak_megabytes()
    started = time.perf_counter()
    maps = [network.cosalnet.prnet(batch)[1:] for batch in group.split(4)]
    features = [torch.cat(scale) for scale in zip(*maps, strict=True)]
    backbone = time.perf_counter()
    result = network.cosaliency(features, (224, 224))
    ended = time.perf_counter()
    torch.save(result, output)
    numbers = {"backbone_s": backbone - started, "group_s": ended - backbone, "total_s": ended - started}
    print(json.dumps(numbers | {"loaded_mb": loaded, "peak_mb": peak_megabytes()}))


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(variant, options, output):
    command = [sys.executable, __file__, "--variant", variant, "--output", str(output)]
    command += ["--images", str(options.images), "--threads", str(options.threads)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def compare(options):
    """Alternates ours and dense; prints medians, ratios and the largest difference of the maps."""
    import torch

    found = {"ours": [], "dense": []}
    with tempfile.TemporaryDirectory() as folder:
        files = {variant: Path(folder) / f"{variant}.pt" for variant in found}
        for _ in range(options.pairs):
            for variant in found:
                found[variant].append(run(variant, options, files[variant]))
        maps = [torch.load(file, weights_only=True) for file in files.values()]
    print(
        f"GCAGC-HRNet-W48, {options.images} images of 224 x 224, {options.threads} thread(s) of {os.cpu_count()} cores"
    )
    print(f"torch {torch.__version__}, {options.pairs} pair(s), medians; largest difference of the maps:", end=" ")
    print(f"{(maps[0] - maps[1]).abs().max():.1e}\n")
    print("| | ours | dense | dense / ours |\n|---|---|---|---|")
    for key in found["ours"][0]:
        ours, dense = (statistics.median(line[key] for line in found[variant]) for variant in found)
        print(f"| {key} | {ours:,.1f} | {dense:,.1f} | {dense / ours:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--variant", choices=["ours", "dense"], help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        measure(options.variant, options.images, options.threads, options.output)
    else:
        compare(options)


if __name__ == "__main__":
    main()
