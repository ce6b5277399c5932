"""Jadena on a group: time and peak memory of the batched attack against the official one-image-at-a-time procedure.

    python benchmarks/jadena_batch.py                                   8 images of 64 px, the mini benchmark's surrogate
    python benchmarks/jadena_batch.py --surrogate official --side 224   resneta50b at full size, random weights
    python benchmarks/jadena_batch.py --peer ../jadena                  the official code in turn with them

Each measurement is a process of its own, A B A B; times are of the attack alone, on a group of the mini benchmark
at the size asked for, in float32. There rounding flips a sign step on some images, whose attacks then part; so what is
compared is the attack on the first image in float64, where the two must agree. The floor is the surrogate alone: bare
forward and backward passes, as many as the attack needs, at the batch size that is fastest.
"""

from side_by_side import Clock, fastest, main, mini_group, peak_megabytes, warm_up

STEPS, VIEWS = 20, 4
EXACT = []  # the attack in float64


def measure(variant, options):
    """One process: {number: value} of the attack on one group, and the attacked images."""
    import torch

    from cosalpure import networks

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)
    if options.surrogate == "slim":
        network = networks.load("resneta50b", "bundled:mini/weights/resneta50b.safetensors")
    else:
        network = networks.build("resneta50b").eval().requires_grad_(False)

    def surrogate(images):
        return network.stages(networks.normalise(images), (1, 2, 3))

    run = attacker(variant, surrogate, options)
    _, images = mini_group(0, options.images, options.side, variant)
    warm_up(lambda: run(images[:1, :, :64, :64]))
    loaded, clock = peak_megabytes(), Clock()
    with clock("attack"):
        run(images)
    numbers = clock.numbers(len(images)) | {"loaded_mb": loaded, "peak_mb": peak_megabytes()}
    if variant == "ours" and not options.peer:
        numbers["floor_cpu_s"] = floor(surrogate, images) / len(images)
        numbers["overhead"] = numbers["attack_cpu_s"] / numbers["floor_cpu_s"]
    if not EXACT:  # once a process
        torch.set_default_dtype(torch.float64)
        network.double()
        EXACT.append(run(images[:1].double()))
    return numbers, EXACT[0]


def attacker(variant, surrogate, options):
    """The attack of a variant, a function of images."""
    if variant == "reference":
        from reference.jadena_one_by_one import attack

        return lambda images: attack(surrogate, images)
    if variant == "original":
        from originals.jadena import attacker

        return attacker(options.peer, surrogate)
    from cosalpure.degrade.jadena import Jadena
    from cosalpure.degrade.settings import JadenaSettings

    return Jadena(JadenaSettings(images_per_batch=8), surrogate)  # as mini


def floor(surrogate, images):
    """CPU seconds of the bare passes: forward of every view once, forward and backward of every image at every step."""
    import torch

    def forward(rows):
        with torch.no_grad():
            surrogate(images[:1].expand(rows, -1, -1, -1))

    def both(rows):
        batch = images[:1].expand(rows, -1, -1, -1).clone().requires_grad_()
        torch.autograd.grad(sum(maps.sum() for maps in surrogate(batch)), batch)

    count = len(images)
    return count * (VIEWS * fastest(forward, VIEWS * count) + STEPS * fastest(both, count))


def arguments(parser):
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=64, help="px (%(default)s)")
    parser.add_argument("--surrogate", choices=["slim", "official"], default="slim")


if __name__ == "__main__":
    kept = {"measures": {"attack_cpu_s": "an image"}, "peers": ["tsingqguo/jadena"]}
    main(__doc__, __file__, "Jadena, augment, 20 steps", measure, arguments, 1e-9, **kept)
