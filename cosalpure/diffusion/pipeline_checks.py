"""Whether a diffusers folder is a pipeline that this program can run, before its first step: a line for what is not.

Supported are latent diffusion models with Stable Diffusion's five components: one CLIP text encoder, a UNet that sees
the latents and the text alone, 1000 training steps, prediction of epsilon or v.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cosalpure import file_kinds
from cosalpure.errors import UserError, one_line
from cosalpure.networks import checkpoints
from cosalpure.staging import staged
from cosalpure.weights import missing_text

STEPS = 1000  # training steps that all settings of T are about
CHANNELS = {9: "an inpainting model", 8: "a model that edits an image by instruction", 5: "a model that sees depth"}
PREDICTIONS = ("epsilon", "v_prediction")
CONDITIONS = ("addition_embed_type", "class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type")
CLASSES = {"vae": "AutoencoderKL", "unet": "UNet2DConditionModel"}
TEXT_ENCODERS = ("CLIPTextModel", "CLIPModel")


def check_folder(path: Path, components: Iterable[str]) -> None:
    """Refuse a folder that lacks one of `components`, or whose configuration is of another kind of pipeline."""
    if not path.is_dir():
        found = (
            f"{path}: expected a diffusers pipeline folder, found {file_kinds.describe(path)}" if path.exists() else ""
        )
        raise UserError(found or missing_text(path, folder=True))
    missing = [name for name in components if not (path / name).is_dir()]
    if missing:
        what = "Stable Diffusion 3's or Flux's transformer is not supported" if (path / "transformer").is_dir() else ""
        raise UserError(
            f"{path}: not a diffusers pipeline folder with Stable Diffusion's components; no {missing[0]}/"
            f"{f' ({what})' * bool(what)}"
        )
    if not any((path / "tokenizer" / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise UserError(f"{path}: not readable as a diffusers pipeline: no vocabulary in tokenizer/")
    for file in sorted(path.glob("*/*.safetensors")):
        if file.parent.name in components:
            checkpoints.check_kind(file, (file_kinds.SAFETENSORS,), "safetensors file")
    vae, unet, text = (_json(path / part / "config.json") for part in ("vae", "unet", "text_encoder"))
    trouble = _trouble(path, vae, unet, text, _json(path / "scheduler/scheduler_config.json"))
    if trouble:
        raise UserError(f"{path}: this kind of pipeline is not supported: {trouble}")


def _json(path: Path) -> dict[str, Any]:
    """Read a configuration file as a dict; a UserError names one that is missing or no JSON object."""
    if not path.is_file():
        raise UserError(
            f"{path.parent.parent}: not readable as a diffusers pipeline: no {path.parent.name}/{path.name}"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        values = None
    if not isinstance(values, dict):
        raise UserError(f"{path}: not a configuration in JSON but {file_kinds.describe(path)}")
    return values


def _trouble(
    path: Path, vae: dict[str, Any], unet: dict[str, Any], text: dict[str, Any], scheduler: dict[str, Any]
) -> str | None:
    """Say what in four configurations (dicts) this program cannot run; None if all is well."""
    for part, values in (("vae", vae), ("unet", unet)):
        if values.get("_class_name", CLASSES[part]) != CLASSES[part]:
            return f"{part}/ is a {values['_class_name']}; expected {CLASSES[part]}"
    kinds = text.get("architectures") or [TEXT_ENCODERS[0]]
    if not set(kinds) & set(TEXT_ENCODERS):
        return f"text_encoder/ is a {kinds[0]}; expected {TEXT_ENCODERS[0]}"
    if (path / "text_encoder_2").is_dir() or unet.get("addition_embed_type"):
        return "it has a second text encoder or sees the image's size, as Stable Diffusion XL"
    for key in CONDITIONS:
        if unet.get(key):
            return f"unet/config.json: {key} is {unet[key]!r}: the network sees more than latents and text"
    return _sizes(vae, unet, text) or _process(vae, scheduler)


def _sizes(vae: dict[str, Any], unet: dict[str, Any], text: dict[str, Any]) -> str | None:
    """Say which numbers of channels and widths of the text do not fit together; None if all do."""
    channels, sees, gives = vae.get("latent_channels", 4), unet.get("in_channels", 4), unet.get("out_channels", 4)
    if sees != channels:
        kind = f", as {CHANNELS[sees]}" if sees in CHANNELS else ""
        return f"the network sees {sees} channels{kind}; expected the autoencoder's {channels}"
    if gives != channels:
        return f"the network gives {gives} channels; expected the autoencoder's {channels}"
    expects, width = unet.get("cross_attention_dim", 1280), text.get("hidden_size", 512)
    if set(expects if isinstance(expects, list) else [expects]) != {width}:
        return f"the network takes texts of width {expects}, its text encoder gives {width}: they belong to two models"
    return None


def _process(vae: dict[str, Any], scheduler: dict[str, Any]) -> str | None:
    """Say what of the noising process is another one; None if it is the known one."""
    name, prediction = scheduler.get("_class_name", ""), scheduler.get("prediction_type", "epsilon")
    if "Flow" in name or "flow" in str(prediction) or scheduler.get("use_flow_sigmas"):
        return f"scheduler/ is of flow matching ({name or prediction}); expected a diffusion of {STEPS} steps"
    steps = scheduler.get("num_train_timesteps", STEPS)
    if steps != STEPS:
        return f"scheduler/: num_train_timesteps is {steps}; expected {STEPS}, which all timesteps here are of"
    if prediction not in PREDICTIONS:
        return f"scheduler/: prediction_type '{prediction}'; expected {' or '.join(PREDICTIONS)}"
    if vae.get("shift_factor"):
        return f"vae/config.json: shift_factor is {vae['shift_factor']}; expected an autoencoder that only scales"
    return None


def loaded(cls: Any, folder: Path, **options: Any) -> Any:
    """Load the component of class `cls` in `folder`.

    Raises:
        UserError: for weights that are missing or not finite numbers.
    """
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of a second; ours tell the groups
    component, found = cls.from_pretrained(staged(folder), output_loading_info=True, **options)
    missing = sorted(found["missing_keys"])
    if missing:
        raise UserError(f"{folder}: its weights lack {len(missing)} tensors: {', '.join(missing[:4])}")
    checkpoints.refuse(
        folder, checkpoints.not_finite(component.state_dict()), "with values that are not finite numbers"
    )
    return component


def check_loaded(path: str | Path, text_encoder: Any, tokenizer: Any, scheduler: Any) -> None:
    """Refuse a vocabulary, a length of captions or a noise schedule that does not fit."""
    rows, length = text_encoder.get_input_embeddings().weight.shape[0], text_encoder.config.max_position_embeddings
    if len(tokenizer) > rows:
        raise UserError(f"{path}: tokenizer/ has {len(tokenizer)} tokens, text_encoder/ embeddings of {rows} alone")
    if tokenizer.model_max_length > length:
        raise UserError(
            f"{path}: tokenizer/: model_max_length is {tokenizer.model_max_length}; text_encoder/ reads {length} tokens"
        )
    levels = scheduler.alphas_cumprod
    if not (levels.isfinite().all() and levels.min() >= 0 and levels.max() < 1):
        raise UserError(f"{path}: scheduler/: its noise levels are not between 0 and 1")


def unreadable(path: str | Path, error: BaseException) -> UserError:
    """Make the UserError for a folder that the libraries cannot read."""
    return UserError(f"{path}: not readable as a diffusers pipeline: {one_line(error, 300)}")
