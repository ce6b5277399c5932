"""The continuous representation (LIIF) of images: ours against one query a pixel, as the official code asks.

python benchmarks/liif_resize.py                              8 images of 64 px at 128 px, the bundled network
python benchmarks/liif_resize.py --network official           the published widths, random weights
python benchmarks/liif_resize.py --peer ../liif               the official code in turn with them
"""

from side_by_side import Clock, main, mini_group, peak_megabytes, warm_up


def measure(variant, options):
    """One process: {number: value} of the images, and the resized ones."""
    import torch

    from cosalpure import networks

    torch.manual_seed(0)
    if options.network == "bundled":
        network = networks.load("liif", "bundled:mini/weights/liif.safetensors")
    else:
        network = networks.build("liif").eval().requires_grad_(False)
    resize, clock = resizer(variant, network, options), Clock()
    images, size = mini_group(0, options.images, options.side, variant)[1], (2 * options.side, 2 * options.side)
    warm_up(lambda: resize(images[:1], size))
    with torch.no_grad(), clock("resize"):
        found = torch.cat([resize(image[None], size) for image in images])
    return clock.numbers(len(images)) | {"peak_mb": peak_megabytes()}, found


def resizer(variant, network, options):
    """`resize(image, size)` of a variant."""
    if variant == "original":
        from originals.liif import resizer

        return resizer(options.peer, network)
    if variant == "reference":
        from reference.liif_plain import resize

        return lambda image, size: resize(network, image, size)
    from cosalpure.networks.representation import ContinuousRepresentation

    return ContinuousRepresentation(network)


def arguments(parser):
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=64, help="px, doubled (%(default)s)")
    parser.add_argument("--network", choices=["bundled", "official"], default="bundled")


if __name__ == "__main__":
    kept = {"measures": {"resize_cpu_s": "an image"}, "peers": ["yinboc/liif"]}
    main(__doc__, __file__, "LIIF", measure, arguments, 1e-4, **kept)
