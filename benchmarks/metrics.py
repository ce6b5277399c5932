"""Metrics: `cosalpure.score` against the official evaluation's formulas written plainly, on made-up maps.

    python benchmarks/metrics.py                                                     600 images of 224 px
    python benchmarks/metrics.py --images 7269 --side 224 --detectors 3              the paper's four datasets

    python benchmarks/metrics.py --peer ../CosalPure                                 the official notebook in turn with them

Of the metrics alone, without reading files. Maps are soft blobs beside their ground truths, with every grey level; a few ground truths
are empty and a few are grey at the edge. Unequal results end it with status 1.
"""

from side_by_side import Clock, main, peak_megabytes, warm_up

NAMES = ("ap", "f_beta", "mae", "iou", "success")


def measure(variant, options):
    """One process: {number: value}, and the scores (maps, 5)."""
    import torch

    score, rows, clock = scorer(variant, options), [], Clock()
    warm_up(lambda: score(*make_maps(0, options.side, 1)[1], make_maps(0, options.side, 1)[0]))
    for index in range(options.images):
        truth, maps = make_maps(index, options.side, options.detectors)
        with clock("score"):
            rows += [score(one, truth) for one in maps]
    seconds = clock.cpu["score"]
    numbers = {"map_cpu_s": seconds / len(rows), "images_a_second": options.images / seconds}
    numbers |= {"total_cpu_s": seconds, "total_wall_s": clock.wall["score"], "peak_mb": peak_megabytes()}
    return numbers, torch.tensor(rows, dtype=torch.float64)


def scorer(variant, options):
    """`score(map, ground truth)` of a variant: a list in the order of `NAMES`."""
    if variant == "reference":
        from reference.metrics_plain import score

        return score
    if variant == "original":
        from originals.cosalpure_metrics import scorer

        return scorer(options.peer)
    from cosalpure.score import score_map

    def ours(one, truth):
        scores = score_map(one, truth)
        return [scores[name] for name in NAMES]

    return ours


def make_maps(index, side, detectors):
    """Image `index`: its truth, and one map a detector, uint8 (side, side) each."""
    import numpy as np

    rng = np.random.default_rng(index)
    y, x = np.mgrid[:side, :side] / side
    cx, cy, radius = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.3)
    inside = radius - np.hypot(x - cx, y - cy)
    truth = ((inside * side).clip(0, 1) if index % 7 == 0 else inside > 0) * 255.0
    if index % 50 == 49:
        truth[:] = 0
    maps = []
    for _ in range(detectors):
        shift, noise = rng.normal(0, 0.05), rng.normal(0, 0.08, (side, side))
        maps.append(((1 / (1 + np.exp(-25 * (inside + shift))) + noise).clip(0, 1) * 255).astype(np.uint8))
    return truth.astype(np.uint8), maps


def arguments(parser):
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--side", type=int, default=224, help="px (%(default)s)")
    parser.add_argument("--detectors", type=int, default=1, help="maps an image (%(default)s)")


if __name__ == "__main__":
    kept = {"unit": "values", "measures": {"map_cpu_s": "a map"}, "peers": ["V1len/CosalPure"]}
    main(__doc__, __file__, "Metrics", measure, arguments, 1e-5, **kept)
