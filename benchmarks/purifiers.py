"""Every purifier of a configuration on a group: seconds an image, peak memory, and whether the batch changes anything.

    python benchmarks/purifiers.py                                         config.yaml
    python benchmarks/purifiers.py config.yaml config/variants/purifiers.yaml       with variants

Each purifier is a process of its own: the model is loaded, one image is purified as a warm-up, then the group as one
batch (timed) and image by image (compared). The concept is the group's own name. One group of the mini benchmark's dev
split; times hold for the machine, the ratios between purifiers travel better.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from side_by_side import mini_group, peak_megabytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", default=["config.yaml"], metavar="FILE", help="experiment, variants")
    parser.add_argument("--images", type=int, default=8, help="of the group (%(default)s)")
    parser.add_argument("--purifier", help=argparse.SUPPRESS)
    options = parser.parse_args()

    from cosalpure.experiment.parse import load_files

    chosen = load_files(options.configs)
    if options.purifier:
        print(json.dumps(measure(chosen, options.purifier, options.images)))
        return
    print(f"{options.images} images of 64 px, 1 thread, {os.cpu_count()} cores\n")
    print("| purifier | seconds an image | peak memory, MB | batch of 1 or all, largest difference of 255 |")
    print("|---|---|---|---|")
    for name in chosen.purifiers:
        command = [sys.executable, __file__, *options.configs, "--images", str(options.images), "--purifier", name]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(f"| {name} | {found['seconds']:.3f} | {found['peak']:.0f} | {found['difference']:.4f} |")


def measure(chosen, name, count):
    """Of purifier `name`: seconds an image, peak memory of the process in MB, difference between batch sizes."""
    import torch

    from cosalpure.concept import Concept
    from cosalpure.diffusion.text_to_image import TextToImage
    from cosalpure.protocols import Given
    from cosalpure.purify import PURIFIERS
    from cosalpure.seeds import generator

    torch.set_num_threads(1)
    label, images = mini_group(0, count)
    values = chosen.purifiers[name].settings
    models = []

    def model():
        models.append(TextToImage.of(chosen.text_to_image))
        return models[-1]

    purifier = PURIFIERS.make(chosen.purifiers[name].method, values, model)
    concept = Concept("<my-group>", models[-1].word_vector("object")) if models else None

    def run(first, last):
        draws = [generator(0, index) for index in range(first, last)]
        return purifier(images[first:last], Given(draws, concept=concept, label=label))

    run(0, 1)
    started = time.perf_counter()
    together = run(0, count)
    seconds = (time.perf_counter() - started) / count
    peak = peak_megabytes()
    alone = torch.cat([run(index, index + 1) for index in range(count)])
    return {"seconds": seconds, "peak": peak, "difference": ((together - alone).abs().max() * 255).item()}


if __name__ == "__main__":
    main()
