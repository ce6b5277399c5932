"""Concept learning to an equal loss: ours with config.yaml's settings against the official script's steps and settings.

    python benchmarks/equal_loss.py                               2 groups of 8 images of 64 px
    python benchmarks/equal_loss.py --learning-rate 0.05          the reference with our learning rate, else as published

The loss is that of Eq. 5 on draws that no step has seen and that are the same for both: every image under its caption at
16 timesteps over the whole range. The target is the loss that ours has after its steps. The reference, which learns as
published (batches of 4, timesteps from the whole range, AdamW at 5e-4 times the batch), is asked every 10 steps whether it is
there, and given up after `--most` steps; `reached` is the share of the groups in which it got there. Asking is not timed.
"""

from side_by_side import Clock, main, mini_group, peak_megabytes

EVERY, TIMES = 10, 16
OFFICIAL = {"learning_rate": 5e-4 * 4, "batch": 4, "timesteps": (0, 1000)}


def measure(variant, options):
    """One process: {number: value} of learning the groups' concepts, and the losses at the end (groups,)."""
    import torch

    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.experiment.parse import load_files

    torch.set_num_threads(options.threads)
    chosen = load_files(["config.yaml"])
    official = OFFICIAL | {"learning_rate": options.learning_rate, "steps": options.most}
    clock, steps, losses, reached, starts = Clock(), [], [], [], []
    for index in range(options.groups):
        images = mini_group(index, options.images)[1]
        model = TextToImage.of(chosen.text_to_image)
        question = Question(images, model)
        starts.append(question(model.word_vector(chosen.concept.initial_word)))
        ours = Clock() if variant == "reference" else clock
        target, done = learn(images, model, chosen.concept, index, ours), chosen.concept.steps
        loss = question(target)
        if variant == "reference":
            values, goal = chosen.concept.model_copy(update=official), loss
            loss, done = learn_plainly(images, values, index, clock, question, goal)
            reached.append(loss <= goal)
        steps.append(done)
        losses.append(loss)
    numbers = clock.numbers(options.groups) | {"steps": sum(steps) / len(steps), "peak_mb": peak_megabytes()}
    numbers |= {"loss_before": sum(starts) / len(starts), "loss": sum(losses) / len(losses)}
    numbers["reached"] = sum(reached) / len(reached) if reached else 1.0
    return numbers, torch.tensor(losses)


class Question:
    """`question(vector)` is the loss of a concept's vector on fixed draws of an image group."""

    def __init__(self, images, model):
        import torch

        latents = model.encode(images)[0].repeat(TIMES, 1, 1, 1)
        t = torch.linspace(0, 999, TIMES).long().repeat_interleave(len(images))
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
        self.model, self.draws = model, (model.add_noise(latents, noise, t), t, model.target(latents, noise, t))

    def __call__(self, vector):
        from cosalpure.concept.textual_inversion import loss_on

        return loss_on(self.model, *self.draws, "a photo of <asked>", "<asked>", vector)


def learn(images, model, values, index, clock):
    """Ours: the vector after the configured steps."""
    from cosalpure.concept.textual_inversion import learn
    from cosalpure.seeds import generator

    with clock("learn"):
        concept, _ = learn(images, model, values, generator(0, "equal", index), f"<ours-{index}>")
    return concept.vector


def learn_plainly(images, values, index, clock, question, goal):
    """The reference, until its vector's loss is at most `goal`: (its loss, steps)."""
    from reference import textual_inversion_plain as plain

    from cosalpure.bundled import located
    from cosalpure.concept.textual_inversion import _draw
    from cosalpure.seeds import generator

    found, quiet, parts = [], Clock(), plain.load(located("bundled:mini/models/text-to-image"))

    def watch(step, vector):
        if step % EVERY:
            return False
        with quiet("ask"):
            found.append(question(vector))
        return found[-1] <= goal

    with clock("learn"):
        given = (generator(0, "plain", index), f"<plain-{index}>", _draw)
        losses, _ = plain.learn(images, parts, values, *given, watch=watch, checkpointing=True)
    clock.cpu["learn"] -= quiet.cpu.get("ask", 0.0)
    clock.wall["learn"] -= quiet.wall.get("ask", 0.0)
    return found[-1], len(losses)


def arguments(parser):
    parser.add_argument("--images", type=int, default=8, help="a group (%(default)s)")
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--most", type=int, default=600, help="steps of the reference at most (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=OFFICIAL["learning_rate"], help="of the reference")


if __name__ == "__main__":
    main(__doc__, __file__, "Concept learning to an equal loss", measure, arguments, tolerance=None, unit="values")
