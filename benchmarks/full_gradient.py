"""One step of an attack with the full gradient, by purifier: CPU seconds an image, and peak memory.

    python benchmarks/full_gradient.py                                    the small models
    python benchmarks/full_gradient.py --output docs/results/data/full-gradient.csv
    python benchmarks/full_gradient.py --model FOLDER --sides 128 256     any diffusers folder, at the paper's T and steps

An image passes the purifier, and the gradient of its mean square comes back; a detector adds little to that. Each line is a
process of its own, on one thread: with all activations kept, and with `recompute: true`, which runs networks again in the
backward pass. The memory of the loaded model is part of the peak, and has a column of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from side_by_side import mini_group, peak_megabytes, write_rows

PURIFIERS = ("vae_round_trip", "cosalpure_no_inversion", "cosalpure_none_concept", "diffpure", "dda")
PUBLISHED = {"prompt": "None", "timestep": 250, "steps": 50, "guidance_scale": 7.5}  # 12 steps, two passes each
COLUMNS = ("purifier", "kept", "CPU s an image", "peak memory, MB", "of it before the first image, MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4, help="in one batch (%(default)s)")
    parser.add_argument("--model", metavar="FOLDER", help="CosalPure without LIIF by this model, in bfloat16, alone")
    parser.add_argument("--sides", type=int, nargs="+", default=[128], help="px, with --model (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="CSV that is written")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(**json.loads(options.run))))
        return
    works = [{"name": name} for name in PURIFIERS]
    if options.model:
        works = [{"name": "cosalpure", "model": options.model, "side": side} for side in options.sides]
    rows = []
    for work in works:
        for recompute in (False, True):
            settings = json.dumps(work | {"recompute": recompute, "images": options.images})
            command = [sys.executable, __file__, "--run", settings]
            rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
            print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    if options.output:
        write_rows(options.output, rows)


def measure(name, recompute, images, model=None, side=None):
    """The row of one purifier."""
    import torch

    from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.gradients import recomputing
    from cosalpure.memory import keep_freed
    from cosalpure.protocols import Given
    from cosalpure.purify import PURIFIERS
    from cosalpure.purify.settings import CosalPureSettings
    from cosalpure.seeds import generator
    from cosalpure.tags import experiment_of

    keep_freed()
    torch.set_num_threads(1)
    chosen = experiment_of("mini")
    entry = chosen.purifiers[name]
    settings, its = entry.settings, chosen.text_to_image
    if model:
        settings = CosalPureSettings(**PUBLISHED)
        its = TextToImageSettings(path=model, resolution=side, dtype="bfloat16")
    purifier = PURIFIERS.make(entry.method, settings, lambda: TextToImage.of(its))
    before = peak_megabytes()
    _, clean = mini_group(0, images)
    if side:
        clean = torch.nn.functional.interpolate(clean, (side, side), mode="bilinear")

    def step():
        attacked = clean.clone().requires_grad_()
        with recomputing(recompute):
            result = purifier(attacked, Given([generator(0, index) for index in range(images)]))
        return torch.autograd.grad(result.square().mean(), attacked)[0]

    if not model:
        step()  # warm-up
    started = time.process_time()
    gradient = step()
    assert gradient.abs().sum() > 0
    values = (
        f"{entry.label}, {side} px" if side else entry.label,
        "what `recompute` needs" if recompute else "everything",
        f"{(time.process_time() - started) / images:.3g}",
        round(peak_megabytes()),
        round(before),
    )
    return dict(zip(COLUMNS, values, strict=True))


if __name__ == "__main__":
    main()
