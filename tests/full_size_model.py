"""Stable Diffusion 2 with random weights: the published sizes and configuration, and CLIP's real tokenizer."""

import gzip
import importlib.util
import json
from pathlib import Path

from cosalpure.errors import UserError

SEED = 2024
PARAMETERS = {"unet": 865_910_724, "text_encoder": 340_387_840, "vae": 83_653_863}  # of the published components


def build_model(folder):
    """Stable Diffusion 2 as a diffusers pipeline folder: published classes, sizes and configuration; float16 on disk."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(SEED)
    makers = {
        "unet": lambda: UNet2DConditionModel(
            sample_size=96, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, cross_attention_dim=1024,
            attention_head_dim=(5, 10, 20, 20), use_linear_projection=True,
            down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        ),
        "text_encoder": lambda: CLIPTextModel(CLIPTextConfig(
            vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
            max_position_embeddings=77, hidden_act="gelu", projection_dim=512,
            bos_token_id=0, eos_token_id=2, pad_token_id=1,
        )),
        "vae": lambda: AutoencoderKL(
            sample_size=768, block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
            scaling_factor=0.18215, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        ),
    }  # fmt: skip
    for name, make in makers.items():
        component = make()
        count = sum(parameter.numel() for parameter in component.parameters())
        assert count == PARAMETERS[name], f"{name}: {count:,} parameters, published {PARAMETERS[name]:,}"
        component.half().save_pretrained(folder / name)
        print(f"{name}: {count / 1e6:.1f} million parameters", flush=True)
        del component
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    ).save_pretrained(folder / "scheduler")  # fmt: skip
    write_tokenizer(folder / "tokenizer", vocabulary())


def vocabulary():
    """The lines of CLIP's vocabulary of merges, out of open_clip's package, which is not imported."""
    package = importlib.util.find_spec("open_clip")
    if package is None:
        raise UserError(
            "the PyPI package open_clip_torch is missing: make extras, or pip install --no-deps open_clip_torch"
        )
    path = Path(package.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    return gzip.decompress(path.read_bytes()).decode().split("\n")[1:]  # the first line is a version


def write_tokenizer(folder, merges):
    """A CLIPTokenizer's files as Stable Diffusion 2 has them, from lines of two parts to merge; "!", id 0, is for padding.

    Ids are those of CLIP: bytes, bytes that end a word, merges as far as 49,408 ids go, and the two special tokens.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    merges = merges[: 49_408 - 2 * len(alphabet) - 2]
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(pair.split()) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    special = {"bos_token": tokens[-2], "eos_token": tokens[-1], "unk_token": tokens[-1], "pad_token": "!"}
    options = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    (folder / "tokenizer_config.json").write_text(json.dumps(special | options, indent=2))
