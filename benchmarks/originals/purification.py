"""V1len/CosalPure, concept_guided_purification.py, from its first line to its last.

It names its datasets itself, so it runs in a folder where only one of them has images. Its precision, float16, is for GPUs: float32
here. It draws from torch's own generator, which is seeded before each image as ours is.
"""

import os
import runpy
import time
from pathlib import Path

FOLDER = "dataset/{}_224_mixdataset_ratio0.5_768/img_jadena"
CONCEPTS = "textual_models/Cosal2015_224_mixdataset_ratio0.5_768_object/img_jadena/group/model"
DATASETS = ("Cosal2015", "iCoseg", "CoCA", "CoSOD3k")


def purified(path, model, images, seeds, folder):
    """Run it on the folder `images` with the pipeline in `model`: (CPU seconds of all images, the folder of its results).

    `seeds` {file: seed}; `folder` is worked in.
    """
    import diffusers
    import torch

    for name in DATASETS:
        Path(folder, FOLDER.format(name)).mkdir(parents=True)
    Path(folder, FOLDER.format(DATASETS[0]), "group").symlink_to(Path(images).absolute())
    Path(folder, CONCEPTS).parent.mkdir(parents=True)
    Path(folder, CONCEPTS).symlink_to(Path(model).absolute())
    order, seconds = iter(os.listdir(images)), []
    kind = diffusers.StableDiffusionImg2ImgPipeline
    call, load = kind.__call__, kind.from_pretrained

    def timed(self, **given):
        torch.manual_seed(seeds[next(order)])
        began = time.process_time()
        found = call(self, **given)
        seconds.append(time.process_time() - began)
        return found

    kind.__call__, kind.to = timed, lambda self, *_, **__: self
    kind.from_pretrained = lambda *args, torch_dtype=None, **given: load(*args, **given)
    os.chdir(folder)
    runpy.run_path(str(Path(path, "concept_guided_purification.py").absolute()), run_name="__main__")
    return sum(seconds), Path(FOLDER.format(DATASETS[0]) + "_CosalPure", "group").absolute()
