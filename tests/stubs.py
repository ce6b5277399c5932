"""Synthetic files in the forms of what is published: archives of datasets, checkpoints, Stable Diffusion 2.

For tests, and for the rehearsal (tests/rehearsal.py). Weights are random and sane: every network's output is finite.
"""

import io
import json
import zipfile

import torch
from golden import loader
from PIL import Image

from cosalpure.data.mini import MiniWorld
from cosalpure.seeds import numpy_generator

SIDE = 256  # px at which pictures are composed
SIZE = (320, 240)  # px of those of an archive: no squares, as photographs are
CHECKPOINTS = {  # names of cosalpure/assets/sources.csv -> official keys and shapes, in tests/golden/manifests
    "gicd-ginet": "gicd_ginet",
    "vgg16": "vgg16_classifier",
    "gcagc": "gcagc",
    "poolnet": "poolnet",
    "resneta50b": "resneta50b",
    "adm-256": "adm_256_uncond",
}


def pictures(concept, count, seed):
    """`count` composed pictures of a concept and their ground truths: [(PIL image, PIL mask), ...] of `SIZE`."""
    world = MiniWorld(size=SIDE)
    images, masks = world.group(numpy_generator(seed, concept), concept, count, world.concepts("train"))
    for image, mask in zip(images, masks, strict=True):
        yield Image.fromarray(image).resize(SIZE), Image.fromarray(mask).resize(SIZE, Image.Resampling.NEAREST)


def data_archive(path, images, truths, groups, seed=0):
    """A zip of a dataset: `images` and `truths` are its folders of a group, "CoCA/image/{}"; `groups` {name: count}."""
    concepts = MiniWorld().concepts("test")
    with zipfile.ZipFile(path, "w") as archive:
        for number, (group, count) in enumerate(groups.items()):
            for index, (image, mask) in enumerate(pictures(concepts[(seed + number) % len(concepts)], count, seed)):
                archive.writestr(f"{images.format(group)}/{index:03d}.jpg", as_file(image, "JPEG"))
                archive.writestr(f"{truths.format(group)}/{index:03d}.png", as_file(mask, "PNG"))


def as_file(image, kind):
    """The bytes of a picture's file."""
    file = io.BytesIO()
    image.save(file, kind, quality=95)
    return file.getvalue()


def checkpoint(path, name, zipped=False):
    """The checkpoint of `CHECKPOINTS` in the form that it has on the net, all of its keys at full size."""
    state = loader.state_dict(CHECKPOINTS[name])
    if name == "gcagc":
        state = {f"module.{key}": value for key, value in state.items()}
    if not zipped:
        torch.save(state, path)
        return
    with zipfile.ZipFile(path, "w") as archive, archive.open(f"{name}.pth", "w", force_zip64=True) as file:
        torch.save(state, file)


def stable_diffusion_2(folder):
    """A diffusers folder of Stable Diffusion 2's component classes and published configuration; random weights.

    Widths, depths and vocabulary are small; what the code must cope with is there: v-prediction, a 1024-dimensional text
    encoder with gelu and a padding token of its own, heads and linear projections per level, an autoencoder of factor 8,
    a scheduler saved under another class than the one used, a safety checker in the index.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from cosalpure.train.text_encoder import make_tokenizer

    torch.manual_seed(0)
    tokenizer = make_tokenizer(["goat"])
    tokenizer.pad_token = "!"
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=1024, intermediate_size=256, num_hidden_layers=1, projection_dim=512,
        num_attention_heads=16, max_position_embeddings=tokenizer.model_max_length, hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=96, block_out_channels=(32, 32, 64, 64), layers_per_block=1, cross_attention_dim=1024,
        attention_head_dim=(1, 2, 4, 4), use_linear_projection=True,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )  # fmt: skip
    vae = AutoencoderKL(
        sample_size=768, block_out_channels=(32, 32, 32, 32), latent_channels=4, scaling_factor=0.18215,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    components = dict(tokenizer=tokenizer, text_encoder=CLIPTextModel(text), unet=unet, vae=vae, scheduler=scheduler)
    for name, component in components.items():
        component.save_pretrained(folder / name)
    index = {"_class_name": "StableDiffusionPipeline", "safety_checker": ["stable_diffusion", "SafetyChecker"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
