"""Concept learning as a whole process: `cosalpure concept` beside the official scripts, from the start of Python to the saved vector.

    python benchmarks/learning_script.py --peer ../diffusers                     8 images of 64 px, 60 steps of 8
    python benchmarks/learning_script.py --peer ../CosalPure

A step's seconds lie between the first and the last of the optimiser's steps. The scripts draw by themselves; so what is compared is
the loss of the learned vectors on fixed draws that none has seen. All have the same steps, batch and learning rate, captions and
timesteps.
"""

import sys
import time
from pathlib import Path

from side_by_side import main

RATE = 0.05  # config.yaml's: at the official one 60 steps change little
ENTRY = "bundled:mini/models/text-to-image"


def measure(variant, options):
    """One process: {number: value} of learning a group's concept, and the vector's loss."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    times, output = [], Path(options.output).with_suffix("")
    register_optimizer_step_post_hook(lambda *_: times.append(time.process_time()))
    run = {"ours": by_command, "reference": plainly, "original": by_script}[variant]
    vector = run(options, output)
    numbers = {"step_cpu_s": (times[-1] - times[0]) / (len(times) - 1), "process_cpu_s": time.process_time()}
    return numbers, loss(options, vector)


def settings(options):
    """What all learn with."""
    from cosalpure.concept.settings import ConceptLearning

    return ConceptLearning(steps=options.steps, batch=options.batch, learning_rate=RATE)


def by_command(options, output):
    """Ours: the command that the workflow's rule runs."""
    from cosalpure.cli import main as command
    from cosalpure.concept import Concept
    from cosalpure.diffusion.settings import TextToImage

    given = ["--settings", settings(options).model_dump_json(), "--output", str(output)]
    model = TextToImage(path=ENTRY, resolution=64).model_dump_json()
    data = str(Path(options.folder, "data"))
    if command(["concept", "--data", data, "--images", data, "--text-to-image", model, *given]):
        sys.exit(1)
    (file,) = output.rglob("learned_embeds.safetensors")
    return Concept.load(file).vector


def plainly(options, output):
    """The reference, as CosalPure's or as diffusers' script."""
    from reference import textual_inversion_plain as plain

    from cosalpure.bundled import located
    from cosalpure.concept.textual_inversion import _draw
    from cosalpure.io import read_images
    from cosalpure.seeds import generator

    parts, images = plain.load(located(ENTRY)), read_images(pictures(options))
    given = (settings(options), generator(0, "learn"), "<its>", _draw)
    whole = not Path(options.peer or ".", "examples/textual_inversion").is_dir()
    _, vector = plain.learn(images, parts, *given, checkpointing=whole)
    if whole:
        plain.save(parts, output)
    return vector


def by_script(options, output):
    """The original."""
    from originals.textual_inversion import learned

    from cosalpure.bundled import located

    return learned(options.peer, located(ENTRY), pictures(options)[0].parent, settings(options), str(output))


def pictures(options):
    """The group's images."""
    return sorted(Path(options.folder, "data/images").rglob("*.png"))


def loss(options, vector):
    """The loss of a vector on fixed draws of the group's images (1,)."""
    import torch
    from equal_loss import Question

    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.io import read_images

    question = Question(read_images(pictures(options)), TextToImage(ENTRY, 64))
    return torch.tensor([question(vector)])


def prepare(folder, options):
    """Compose the group's images."""
    from cosalpure.cli import main as command
    from cosalpure.experiment.parse import load_files

    its = load_files(["config.yaml"]).datasets["mini"].settings
    its = its.model_copy(update={"split": "dev", "groups": 1, "images": options.images, "size": 64})
    command(["data", "mini", "--settings", its.model_dump_json(), "--output", str(folder / "data")])


def arguments(parser):
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8, help="images a step (%(default)s)")


if __name__ == "__main__":
    kept = {"measures": {"step_cpu_s": "a step", "process_cpu_s": "whole process"}, "prepare": prepare, "whole": True}
    kept |= {"unit": "values", "peers": ["huggingface/diffusers", "V1len/CosalPure"]}
    main(__doc__, __file__, "Textual inversion, whole processes", measure, arguments, 0.02, **kept)
