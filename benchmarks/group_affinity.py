"""MCCL or GCoNet+ on a group: time and peak memory of ours against the dense official formulation.

    python benchmarks/group_affinity.py                                     MCCL, 60 images of 256 x 256
    python benchmarks/group_affinity.py --network gconet_plus --pairs 3     medians of three

Full size, random weights. Ours is the detector: backbone and decoder in batches, similarities image by image. The
reference passes the whole group at once and holds the similarities of all pixels. Both take images in [0, 1] of 256 px to
logits; `affinity_cpu_s` is the group module alone.
"""

import time

from side_by_side import main, peak_megabytes

DEEPEST = {"mccl": "co_x4", "gconet_plus": "co_x5"}


def timed(module):
    """A list that gets the CPU seconds of every call of `module` from now on."""
    own, spent = module.forward, []

    def forward(*arguments):
        started = time.process_time()
        weighted = own(*arguments)
        spent.append(time.process_time() - started)
        return weighted

    module.forward = forward
    return spent


def measure(variant, options):
    """One process: {number: value} of one group, and its logits."""
    import torch

    from cosalpure import networks
    from cosalpure.detect.gconet_plus import GCoNetPlus
    from cosalpure.detect.mccl import MCCL

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = networks.build(options.network).eval().requires_grad_(False)
    module, batch = getattr(network, DEEPEST[options.network]), 8
    if variant == "reference":
        from reference.affinity_dense import make_dense

        make_dense(module.all_attention)
        batch = options.images
    spent = timed(module)
    detector = {"mccl": MCCL, "gconet_plus": GCoNetPlus}[options.network](None, network, "cpu", batch)
    group = torch.rand(options.images, 3, options.side, options.side)
    detector.logits(group[:1])  # warm-up
    loaded, started, wall = peak_megabytes(), time.process_time(), time.perf_counter()
    logits = detector.logits(group)  # random weights: GCoNet+'s maps would be 0 or 1
    numbers = {"affinity_cpu_s": spent[-1], "total_cpu_s": time.process_time() - started}
    numbers |= {"total_s": time.perf_counter() - wall, "loaded_mb": loaded, "peak_mb": peak_megabytes()}
    return numbers, logits


def arguments(parser):
    parser.add_argument("--network", choices=DEEPEST, default="mccl")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--side", type=int, default=256, help="px of the images (%(default)s)")


if __name__ == "__main__":
    main(__doc__, __file__, "Group affinity", measure, arguments, tolerance=1e-3, unit="logits")
