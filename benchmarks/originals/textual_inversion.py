"""Textual inversion by the script of huggingface/diffusers or of V1len/CosalPure, from its first line to its last.

Steps, batch and learning rate are ours. CosalPure's script names its model and its datasets itself: it runs in a folder where a
link of the model's name leads to ours and only one dataset has images. Its precision, float16, is for GPUs: float32 here.
"""

import os
import runpy
import sys
from pathlib import Path

SCRIPT = "examples/textual_inversion/textual_inversion.py"  # of diffusers
DATASETS = ("Cosal2015", "iCoseg", "CoSOD3k", "CoCA")
FIRST = "dataset/Cosal2015_224_mixdataset_ratio0.5_768/img_jadena"
MODEL = "stabilityai/stable-diffusion-2"


def learned(path, model, images, values, folder):
    """The vector learned of the folder `images` with the pipeline in `model`, written below `folder`."""
    if Path(path, SCRIPT).is_file():
        return by_diffusers(path, model, images, values, folder)
    return by_cosalpure(path, model, images, values, folder)


def by_diffusers(path, model, images, values, folder):
    """The script takes options; only the version that it asks for may be newer than the one installed."""
    import diffusers.utils
    from safetensors.torch import load_file

    diffusers.utils.check_min_version = lambda version: None
    named = {"pretrained_model_name_or_path": model, "train_data_dir": images, "placeholder_token": "<its>"}
    named |= {"initializer_token": values.initial_word, "resolution": 64, "train_batch_size": values.batch}
    named |= {"max_train_steps": values.steps, "learning_rate": values.learning_rate, "output_dir": folder}
    sys.argv = [SCRIPT, *(str(word) for name, value in named.items() for word in (f"--{name}", value))]
    runpy.run_path(str(Path(path, SCRIPT)), run_name="__main__")
    return load_file(Path(folder, "learned_embeds.safetensors"))["<its>"][0]


def by_cosalpure(path, model, images, values, folder):
    """The script has its settings inside: they are changed when it hands its training function over."""
    import accelerate
    import torch

    lay_out(folder, model, images)
    older_names()

    def launch(function, args, **_):
        wanted = {"max_train_steps": values.steps, "train_batch_size": values.batch, "mixed_precision": "no"}
        wanted |= {"learning_rate": values.learning_rate, "scale_lr": False}
        function.__globals__["hyperparameters"].update(wanted)
        function(*args)

    accelerate.notebook_launcher = launch
    os.chdir(folder)
    runpy.run_path(str(Path(path, "concept_learning.py").absolute()), run_name="__main__")
    (file,) = Path("textual_models").rglob("learned_embeds.bin")
    ((_, vector),) = torch.load(file).items()
    return vector


def lay_out(folder, model, images):
    """The working folder that the script of CosalPure expects: one group in the first dataset, none in the others."""
    for name in DATASETS:
        Path(folder, FIRST.replace(DATASETS[0], name)).mkdir(parents=True)
    Path(folder, FIRST, "group").symlink_to(Path(images).absolute())
    link = Path(folder, MODEL)
    link.parent.mkdir()
    link.symlink_to(Path(model).absolute())


def older_names():
    """Names of Pillow, transformers and diffusers that have gone since the script was written."""
    import diffusers
    from PIL import Image
    from transformers import CLIPTextModel

    for name in ("LINEAR", "BILINEAR", "BICUBIC", "LANCZOS"):
        if not hasattr(Image, name):
            setattr(Image, name, getattr(Image.Resampling, name.replace("LINEAR", "BILINEAR").replace("BIBI", "BI")))
    vars(sys.modules["transformers"]).setdefault("CLIPFeatureExtractor", object)  # it replaces its first module
    if not hasattr(CLIPTextModel, "text_model"):
        CLIPTextModel.text_model = property(lambda self: self)
    scheduler = diffusers.DDPMScheduler
    of_values = scheduler.from_config

    def from_config(where, **given):
        return (scheduler.from_pretrained if isinstance(where, str) else of_values)(where, **given)

    scheduler.from_config = from_config
