"""Purification as a whole process: `cosalpure purify cosalpure` beside the official script, from the start of Python to the images.

    python benchmarks/purify_script.py --side 128 --peer ../CosalPure         8 images, the published strength and guidance

All take the same model, T = 250 of 50 steps, guidance 7.5, no continuous representation, and draw the same noise. Compared are the
images written, whole levels of 255. An image's seconds are the pipeline's, without reading and writing files.
"""

import sys
import time
from pathlib import Path

from side_by_side import main

ENTRY, TOKEN = "bundled:mini/models/text-to-image", "my_group"


def measure(variant, options):
    """One process: {number: value} of purifying a group, and its images."""
    output = Path(options.output).with_suffix("")
    seconds, folder = {"ours": by_command, "reference": plainly, "original": by_script}[variant](options, output)
    numbers = {"purify_cpu_s": seconds / options.images, "process_cpu_s": time.process_time()}
    from cosalpure.io import read_images

    return numbers, read_images(sorted(folder.rglob("*.png")))


def settings():
    """The published settings, without the continuous representation."""
    from cosalpure.purify.settings import CosalPureSettings

    return CosalPureSettings(timestep=250, steps=50, guidance_scale=7.5)


def by_command(options, output):
    """Ours: the command that the workflow's rule runs."""
    from cosalpure.cli import main as command
    from cosalpure.diffusion.settings import TextToImage
    from cosalpure.purify.cosalpure import CosalPure

    data, seconds, call = str(Path(options.folder, "data")), [], CosalPure.__call__

    def timed(self, *given):
        began = time.process_time()
        found = call(self, *given)
        seconds.append(time.process_time() - began)
        return found

    CosalPure.__call__ = timed
    given = ["--data", data, "--images", data, "--concepts", str(Path(options.folder, "concepts"))]
    given += ["--text-to-image", TextToImage(path=ENTRY, resolution=options.side).model_dump_json()]
    given += ["--settings", settings().model_dump_json(), "--seed", "0", "--output", str(output)]
    if command(["purify", "cosalpure", *given]):
        sys.exit(1)
    return sum(seconds), output / "images"


def plainly(options, output):
    """The reference."""
    import torch
    from reference import purify_plain

    from cosalpure.bundled import located
    from cosalpure.concept import Concept
    from cosalpure.io import read_images, write_image

    (file,) = Path(options.folder, "concepts").rglob("*.safetensors")
    parts = purify_plain.load(located(ENTRY), TOKEN, Concept.load(file).vector)
    folder, seeds = group(options)
    images, began = read_images(sorted(folder.iterdir())), time.process_time()
    draws = [torch.Generator().manual_seed(seeds[path.name]) for path in sorted(folder.iterdir())]
    found = purify_plain.purify(images, TOKEN, draws, *parts, settings(), options.side)
    seconds = time.process_time() - began
    output.mkdir()
    for index, image in enumerate(found):
        write_image(output / f"{index:03}.png", image)
    return seconds, output


def by_script(options, output):
    """The original."""
    from originals.purification import purified

    return purified(options.peer, Path(options.folder, "pipeline"), *group(options), str(output))


def group(options):
    """The folder of the group's images, and {file: seed} as ours seeds them."""
    from cosalpure.data import read_groups
    from cosalpure.seeds import derive

    data = Path(options.folder, "data")
    (its,) = read_groups(data)
    seeds = {file: derive(0, its.dataset, its.name, file, "purify") for file in its.files}
    return its.paths(data / "images")[0].parent, seeds


def prepare(folder, options):
    """Compose the images, and write a concept as ours and as the script's pipeline: the model's own word for "object"."""
    from reference import purify_plain

    from cosalpure.bundled import located
    from cosalpure.cli import main as command
    from cosalpure.concept import FILE, Concept
    from cosalpure.data import read_groups
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.experiment.parse import load_files

    its = load_files(["config.yaml"]).datasets["mini"].settings
    its = its.model_copy(update={"split": "dev", "groups": 1, "images": options.images, "size": options.side})
    command(["data", "mini", "--settings", its.model_dump_json(), "--output", str(folder / "data")])
    vector = TextToImage(ENTRY, 64).word_vector("object")
    place = folder / "concepts/groups" / read_groups(folder / "data")[0].slug / FILE
    place.parent.mkdir(parents=True)
    Concept(f"<{TOKEN}>", vector).save(place)
    pipeline, _ = purify_plain.load(located(ENTRY), TOKEN, vector)
    pipeline.save_pretrained(folder / "pipeline")


def arguments(parser):
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=128, help="px (%(default)s)")


if __name__ == "__main__":
    kept = {
        "measures": {"purify_cpu_s": "an image", "process_cpu_s": "whole process"},
        "prepare": prepare,
        "whole": True,
    }
    main(
        __doc__,
        __file__,
        "CosalPure, whole processes",
        measure,
        arguments,
        1.5 / 255,
        peers=["V1len/CosalPure"],
        **kept,
    )
