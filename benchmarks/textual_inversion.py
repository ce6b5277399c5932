"""Concept learning: ours (latents cached, one vector) against the official procedure, on the same draws.

    python benchmarks/textual_inversion.py                                   one group of 8 images of 64 px, 10 steps
    python benchmarks/textual_inversion.py --steps 100 --groups 4 --groups-at-once 4
    python benchmarks/textual_inversion.py --weight-decay 0                  the same optimiser: losses equal but for rounding
    python benchmarks/textual_inversion.py --checkpointing                   the reference computes activations twice

The floor is a step's bare forward and backward passes, at the batch size that is fastest. Both see the same images, timesteps,
noise and captions; the losses of all steps are compared. AdamW's weight decay, 0.01
as officially, also pulls at the concept's own vector, which ours leaves be: so the losses part slowly. Seconds are a
group's, of CPU time but for total_wall_s; loading is of weights alone, and saving of the vector against the pipeline.
The text-to-image model and the settings of learning are those of config.yaml.
"""

import tempfile
from pathlib import Path

from side_by_side import Clock, fastest, main, mini_group, peak_megabytes, warm_up


def measure(variant, options):
    """One process: {number: value} of learning the groups' concepts, and the losses (groups, steps)."""

    from cosalpure.experiment.parse import load_files

    chosen = load_files(["config.yaml"])
    values = chosen.concept.model_copy(update={"steps": options.steps, "batch": options.batch})
    groups = [mini_group(index, options.images, variant=variant)[1] for index in range(options.groups)]
    clock = Clock()
    run = learn_plainly if variant == "reference" else learn
    load = loader(variant, chosen.text_to_image)
    warm = values.model_copy(update={"steps": 1})
    warm_up(lambda: run(groups[:1], load, warm, options, Clock()))
    with tempfile.TemporaryDirectory() as folder:
        found = run(groups, load, values, options, clock, Path(folder))
        megabytes = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    numbers = clock.numbers(options.groups) | {"step_cpu_s": clock.cpu["learn"] / found.numel()}
    numbers |= {"peak_mb": peak_megabytes(), "saved_mb": megabytes / options.groups}
    if variant == "ours":
        numbers["floor_step_cpu_s"] = floor(load(), options.batch)
        numbers["overhead"] = numbers["step_cpu_s"] / numbers["floor_step_cpu_s"]
    return numbers, found


def loader(variant, text_to_image):
    """A function that loads the model of a variant."""
    if variant == "reference":
        from reference import textual_inversion_plain as plain

        from cosalpure.bundled import located

        return lambda: plain.load(located(text_to_image.path))
    from cosalpure.diffusion.text_to_image import TextToImage

    return lambda: TextToImage.of(text_to_image)


def floor(model, batch):
    """CPU seconds of a step's bare passes: the network's forward and backward, and once the text encoder's."""
    import torch

    context = model.embed(["a photo of object"]).detach()
    vector = model.word_vector("object").requires_grad_()

    def network(rows):
        here = context.clone().requires_grad_()
        t = torch.full((rows,), 700)
        found = model.predict(torch.zeros(rows, *model.latent_shape), t, here.expand(rows, -1, -1))
        torch.autograd.grad(found.sum(), here)

    def text(rows):
        torch.autograd.grad(model.embed(["a photo of <object>"], "<object>", vector).sum(), vector)

    return batch * fastest(network, batch) + fastest(text, 1)


def learn(groups, load, values, options, clock, folder=None):
    """Ours: the model loaded once, `groups_at_once` groups in a batch, a vector saved for each."""
    import torch

    from cosalpure.concept.textual_inversion import learn_together
    from cosalpure.seeds import generator

    losses = []
    with clock("load"):
        model = load()
    for first in range(0, len(groups), options.groups_at_once):
        bundle = range(first, min(first + options.groups_at_once, len(groups)))
        with clock("learn"):
            lessons = [(groups[i], generator(0, "learn", i), f"<my-group-{i}>", None) for i in bundle]
            learned = learn_together(lessons, model, values)
        with clock("save"):
            for i, (concept, its) in zip(bundle, learned, strict=True):
                losses.append(its)
                if folder:
                    concept.save(folder / f"{i}.safetensors")
    return torch.tensor(losses)


def learn_plainly(groups, load, values, options, clock, folder=None):
    """The reference: a run of the script for each group."""
    import torch
    from reference import textual_inversion_plain as plain

    from cosalpure.concept.textual_inversion import _draw
    from cosalpure.seeds import generator

    losses = []
    for i, images in enumerate(groups):
        with clock("load"):
            model = load()
        with clock("learn"):
            given = (generator(0, "learn", i), f"<my-group-{i}>", _draw, options.weight_decay)
            its, _ = plain.learn(images, model, values, *given, checkpointing=options.checkpointing)
            losses.append(its)
        with clock("save"):
            if folder:
                plain.save(model, folder / str(i))
    return torch.tensor(losses)


def arguments(parser):
    parser.add_argument("--images", type=int, default=8, help="a group (%(default)s)")
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--groups-at-once", type=int, default=1, help="of ours (%(default)s)")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8, help="images a step (%(default)s)")
    parser.add_argument(
        "--checkpointing", action="store_true", help="activations of the reference twice, as CosalPure's script"
    )
    parser.add_argument("--weight-decay", type=float, default=1e-2, help="of the reference's AdamW (%(default)s)")


def tolerance(options):
    """With the same optimiser only rounding is left; with weight decay, what it changes in the loss."""
    return 1e-3 if options.weight_decay == 0 else 2e-2


if __name__ == "__main__":
    main(__doc__, __file__, "Textual inversion, 64 x 64", measure, arguments, tolerance, unit="values")
