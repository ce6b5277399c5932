"""Jadena on a group: time and peak memory of the batched attack against the official one-image-at-a-time procedure.

    python benchmarks/jadena_batch.py                                   8 images of 64 px, the mini benchmark's surrogate
    python benchmarks/jadena_batch.py --surrogate official --side 224   resneta50b at full size, random weights

Each measurement is a process of its own, A B A B; times are of the attack alone, on a group of the mini benchmark
at the size asked for. In float32 rounding flips a sign step on some images, whose attacks then part; in float64 the two
agree.
"""

import time

from side_by_side import main, mini_group, peak_megabytes


def measure(variant, options):
    """One process: {number: value} of the attack on one group, and the attacked images."""
    import torch

    from cosalpure import networks
    from cosalpure.degrade.jadena import Jadena

    torch.set_num_threads(options.threads)
    torch.set_default_dtype(getattr(torch, options.dtype))
    torch.manual_seed(0)
    if options.surrogate == "slim":
        network = networks.load("resneta50b", "resources/mini/weights/resneta50b.safetensors")
    else:
        network = networks.build("resneta50b").eval().requires_grad_(False)

    network.to(torch.get_default_dtype())

    def surrogate(images):
        return network.stages(networks.normalise(images), (1, 2, 3))

    if variant == "reference":
        from reference.jadena_one_by_one import attack

        run = lambda images: attack(surrogate, images)  # noqa: E731
    else:
        run = Jadena(surrogate)
    _, images = mini_group(0, options.images, options.side)
    run(images[:1])  # warm-up
    loaded, started = peak_megabytes(), time.perf_counter()
    attacked = run(images)
    seconds = (time.perf_counter() - started) / len(images)
    return {"seconds_an_image": seconds, "loaded_mb": loaded, "peak_mb": peak_megabytes()}, attacked


def arguments(parser):
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=64, help="px (%(default)s)")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--surrogate", choices=["slim", "official"], default="slim")


if __name__ == "__main__":
    main(__doc__, __file__, "Jadena, augment, 20 steps", measure, arguments)
