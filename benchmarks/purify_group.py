"""Purification of groups: ours (model loaded once, a group in one batch) against one image at a time, and the floor.

    python benchmarks/purify_group.py                                  2 groups of 8 images, config.yaml's `cosalpure`
    python benchmarks/purify_group.py --groups 4 --pairs 5

The floor is what the networks alone cost: bare forward passes, as many as a group needs, each network at the batch size
that is fastest for it. overhead = our seconds of a group / floor. Seconds are a group's, of CPU time but for
total_wall_s; loading is of weights alone. The concept is the model's own word for "object"; both draw the same noise.
"""

from side_by_side import Clock, fastest, main, mini_group, peak_megabytes, warm_up


def measure(variant, options):
    """One process: {number: value} of purifying the groups, and the purified images of all."""
    import torch

    from cosalpure.concept import Concept
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.experiment.parse import load_files
    from cosalpure.seeds import generator

    chosen = load_files(["config.yaml"])
    values = chosen.purifiers["cosalpure"].settings
    model = TextToImage.of(chosen.text_to_image)
    concept = Concept("<my-group>", model.word_vector("object"))
    groups = [mini_group(index, options.images, variant=variant)[1] for index in range(options.groups)]
    draws = [[generator(0, index, row) for row in range(options.images)] for index in range(options.groups)]
    clock, found = Clock(), []
    load = loader(variant, chosen.text_to_image, values, concept)

    warm_up(lambda: load()(groups[0][:1], [generator(1)]))
    for index, (images, its) in enumerate(zip(groups, draws, strict=True)):
        if index == 0 or variant == "reference":
            with clock("load"):
                run = load()
        with clock("purify"):
            found.append(run(images, its))
    numbers = clock.numbers(options.groups) | {"peak_mb": peak_megabytes()}
    if variant == "ours":
        least, by_network = floor(model.at(values.resolution), values, groups[0])
        overhead = {"floor_cpu_s": least, "overhead": numbers["purify_cpu_s"] / least}
        numbers |= overhead | {f"floor_{name}_cpu_s": seconds for name, seconds in by_network.items()}
    return numbers, torch.cat(found)


def loader(variant, text_to_image, values, concept):
    """A function that loads the models of a variant and returns `run(images, generators)`."""
    if variant == "reference":
        from reference import purify_plain

        from cosalpure.bundled import located

        def load():
            parts = purify_plain.load(located(text_to_image.path), concept.token, concept.vector, values)
            return lambda images, its: purify_plain.purify(
                images, concept.token, its, *parts, values, values.resolution
            )

        return load
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.protocols import Given
    from cosalpure.purify import PURIFIERS

    def load():
        purifier = PURIFIERS.make("cosalpure", values, lambda: TextToImage.of(text_to_image))
        return lambda images, its: purifier(images, Given(its, concept=concept, label="object"))

    return load


def floor(model, values, images):
    """Seconds of a group's bare forward passes: in all, and by network."""
    import torch

    from cosalpure.diffusion.samplers import timesteps
    from cosalpure.networks.representation import ContinuousRepresentation

    side, count, shape = model.resolution, len(images), model.latent_shape
    steps = len(timesteps(values.timestep, values.steps))
    liif, context = ContinuousRepresentation(values.continuous).network, model.embed([""])
    ids = torch.zeros(1, context.shape[1], dtype=torch.long)
    networks = {  # name: (rows of a group, a pass over n rows)
        "represent": (count, lambda n: liif(images[:1].expand(n, -1, -1, -1), (side, side))),
        "encode": (count, lambda n: model.vae.encode(torch.zeros(n, 3, side, side))),
        "unet": (
            2 * count * steps,
            lambda n: model.predict(torch.zeros(n, *shape), torch.full((n,), 20), context.expand(n, -1, -1)),
        ),
        "decode": (count, lambda n: model.vae.decode(torch.zeros(n, *shape))),
        "text": (2, lambda n: model.text_encoder(ids.expand(n, -1))),
    }
    with torch.no_grad():
        seconds = {name: rows * fastest(run, rows) for name, (rows, run) in networks.items()}
    return sum(seconds.values()), seconds


def arguments(parser):
    parser.add_argument("--images", type=int, default=8, help="a group (%(default)s)")
    parser.add_argument("--groups", type=int, default=2)


if __name__ == "__main__":
    main(__doc__, __file__, "CosalPure, config.yaml", measure, arguments, tolerance=1e-3)
