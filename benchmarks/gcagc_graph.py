"""GCAGC on a group: time and peak memory of ours against the dense official formulation.

    python benchmarks/gcagc_graph.py                          30 images of 224 x 224: minutes, 10 GB
    python benchmarks/gcagc_graph.py --images 10 --pairs 5    medians of five

The full HRNet-W48 network with random weights. Times are of the network alone, without loading; `graph_s` is what
follows the backbone.
"""

import time

from side_by_side import main, peak_megabytes


def measure(variant, options):
    """One process: {number: value} of one group, and its maps."""
    import torch

    from cosalpure import networks

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = networks.build("gcagc").eval().requires_grad_(False)
    if variant == "reference":
        from reference.gcagc_dense import make_dense

        make_dense(network)
    group = torch.randn(options.images, 3, options.side, options.side)
    network.cosalnet.prnet(group[:1])  # warm-up
    loaded, started = peak_megabytes(), time.perf_counter()
    maps = [network.cosalnet.prnet(batch)[1:] for batch in group.split(4)]
    features = [torch.cat(scale) for scale in zip(*maps, strict=True)]
    backbone = time.perf_counter()
    result = network.cosaliency(features, (options.side, options.side))
    ended = time.perf_counter()
    numbers = {"backbone_s": backbone - started, "graph_s": ended - backbone, "total_s": ended - started}
    return numbers | {"loaded_mb": loaded, "peak_mb": peak_megabytes()}, result


def arguments(parser):
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--side", type=int, default=224, help="px (%(default)s)")


if __name__ == "__main__":
    main(__doc__, __file__, "GCAGC-HRNet-W48", measure, arguments, tolerance=1e-4, unit="values")
