"""DiffPure and DDA on a group, with the mini benchmark's diffusion model: ours against the official loops.

    python benchmarks/baselines.py --method ddpm                          8 images of 64 px; or sde, dda
    python benchmarks/baselines.py --method dda --peer ../DDA             the official code in turn with them

All draw the same noise. The official SDE is timed with its own Brownian motion, and run once more on our draws, which is compared. DDA's
distance is the whole batch's, as published; ours takes each image's by default.
"""

from side_by_side import Clock, main, mini_group, peak_megabytes, warm_up

FILES = ["config.yaml", "config/variants/purifiers.yaml"]
ENTRIES = {"ddpm": "diffpure", "sde": "diffpure_sde", "dda": "dda"}
OTHER = []  # what is compared where it is not what is timed
PEERS = {"ddpm": "NVlabs/DiffPure", "sde": "NVlabs/DiffPure", "dda": "shiyegao/DDA"}


def measure(variant, options):
    """One process: {number: value} of the images, and the purified ones."""
    import torch

    from cosalpure.seeds import generator

    images = mini_group(0, options.images, variant=variant)[1]
    timed, compared = purifiers(variant, options)
    clock, found = Clock(), []

    def draws(first):
        return [generator(0, "baselines", first + row) for row in range(len(images[first : first + options.batch]))]

    warm_up(lambda: timed(images[:1] * 2 - 1, draws(0)[:1]))
    for first in range(0, len(images), options.batch):
        with clock("purify"):
            found.append(timed(images[first : first + options.batch] * 2 - 1, draws(first)))
    if compared is timed:
        OTHER[:] = found
    elif not OTHER:  # once a process
        OTHER[:] = [
            compared(images[row : row + 1] * 2 - 1, draws(row)[:1]) for row in range(0, len(images), options.batch)
        ]
    numbers = clock.numbers(len(images)) | {"peak_mb": peak_megabytes()}
    found = [its[:1] for its in OTHER] if options.method == "sde" else found
    return numbers, (torch.cat(found) / 2 + 0.5).clamp(0, 1)


def purifiers(variant, options):
    """`purify(x, generators)` of a variant, twice: what is timed, and what is compared."""
    from cosalpure.experiment.parse import load_files
    from cosalpure.purify import PURIFIERS

    entry = load_files(FILES).purifiers[ENTRIES[options.method]]
    settings = entry.settings.model_copy(update={"batch": options.batch})
    if options.timestep:
        settings = settings.model_copy(update={"timestep": options.timestep})
    its = PURIFIERS.make(entry.method, settings, None)
    if variant == "original":
        from originals.guided import purifier

        return purifier(options.method, options.peer, its)
    run = (plainly if variant == "reference" else ours)(options.method, its)
    return run, run


def ours(method, its):
    """Ours, on [-1, 1]."""
    import torch

    from cosalpure.diffusion import unconditional
    from cosalpure.protocols import Given
    from cosalpure.purify import dda

    def one_length(differences):
        return differences.norm()[None]

    def pull(x, noise):
        return dda.adapt(its.network, its.schedule, x, its.start, its.settings.guidance_scale, noise, one_length)

    def purify(x, generators):
        images = x / 2 + 0.5
        if method != "dda":
            return its(images, Given(generators)) * 2 - 1
        with torch.no_grad():
            return unconditional.purified(pull, images, generators, its.settings, its.network) * 2 - 1

    return purify


def plainly(method, its):
    """The reference, on [-1, 1]."""
    import torch
    from reference import diffusion_plain

    from cosalpure.diffusion.unconditional import linear_schedule

    run = getattr(diffusion_plain, method)

    def purify(x, generators):
        def noise(like):
            return torch.stack([torch.randn(like.shape[1:], generator=draws) for draws in generators])

        if method == "dda":
            return run(its.network, its.schedule, x, its.start, noise, its.settings.guidance_scale)
        return run(its.network, linear_schedule(), x, its.T, noise)

    return purify


def arguments(parser):
    parser.add_argument("--method", choices=list(ENTRIES), default="ddpm")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--batch", type=int, default=4, help="images at once (%(default)s)")
    parser.add_argument("--timestep", type=int, help="T (that of the configuration)")


if __name__ == "__main__":
    kept = {"measures": {"purify_cpu_s": "an image"}, "peers": list(dict.fromkeys(PEERS.values()))}
    main(__doc__, __file__, "DiffPure and DDA", measure, arguments, 1e-4, **kept)
