"""GCAGC on a group: time and peak memory of ours against the dense official formulation.

    python benchmarks/gcagc_graph.py                          30 images of 224 x 224: minutes, 10 GB
    python benchmarks/gcagc_graph.py --images 10 --pairs 5    medians of five
    python benchmarks/gcagc_graph.py --images 10 --group 5 --peer ../GCAGC-CVPR2020      the official code, groups of 5

The full HRNet-W48 network with random weights. CPU seconds are of the network alone, without loading, from images to
co-saliency maps.
"""

from side_by_side import Clock, main, peak_megabytes, warm_up

CPU_BATCH = 4  # of ours: the backbone treats images independently


def measure(variant, options):
    """One process: {number: value} of the images, and their maps."""
    import torch

    from cosalpure import networks

    torch.manual_seed(0)
    network = networks.build("gcagc").eval().requires_grad_(False)
    for layer in network.modules():  # random weights whose maps differ from each other
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.bias.normal_(0, 0.1)
    images = torch.randn(options.images, 3, options.side, options.side)
    run, clock = runner(variant, network, options), Clock()
    warm_up(lambda: network.cosalnet.prnet(images[:1]))
    loaded = peak_megabytes()
    with torch.no_grad(), clock("detect"):
        result = torch.cat([run(group) for group in images.split(options.group or options.images)])
    return clock.numbers(1) | {"loaded_mb": loaded, "peak_mb": peak_megabytes()}, result


def runner(variant, network, options):
    """`run(group)` of a variant: a group of images -> co-saliency maps."""
    import torch

    if variant == "original":
        from originals.gcagc import head

        return head(options.peer, network)
    if variant == "reference":
        from reference.gcagc_dense import make_dense

        make_dense(network)
    batch = options.images if variant == "reference" else CPU_BATCH

    def run(group):
        maps = [network.cosalnet.prnet(part)[1:] for part in group.split(batch)]
        features = [torch.cat(scale) for scale in zip(*maps, strict=True)]
        return network.cosaliency(features, group.shape[-2:])

    return run


def arguments(parser):
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--group", type=int, help="images of a group (all)")
    parser.add_argument("--side", type=int, default=224, help="px (%(default)s)")


if __name__ == "__main__":
    peers = ["ltp1995/GCAGC-CVPR2020", "V1len/CosalPure"]
    kept = {"unit": "values", "measures": {"detect_cpu_s": "all images"}, "peers": peers}
    main(__doc__, __file__, "GCAGC-HRNet-W48", measure, arguments, 1e-4, **kept)
