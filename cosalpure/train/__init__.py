"""Training of the mini benchmark's models. `cosalpure train MODEL --output PATH`, or the rules of rules/train.smk.

Settings are a dataclass a model, in its own file, each number with its reason. All runs resume where they stopped.
Device, precision, data workers and a time budget are the same for all models: `cosalpure/train/compute.py`.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from cosalpure.errors import UserError, choose
from cosalpure.fingerprint import code_of
from cosalpure.train.compute import Compute


class Training(NamedTuple):
    """The training of a model."""

    file: str  # in cosalpure/train/
    function: str
    settings: str  # its class
    title: str  # what is trained
    minutes: int  # without a time budget, on one free core; a budget for all models is divided in proportion
    network: str | None = None  # its name as a network, which is that of the weights


MODELS = {
    "surrogate": Training(
        "surrogate", "train_surrogate", "SurrogateSettings", "the network that the attack uses", 30, "resneta50b"
    ),
    "gicd": Training("gicd", "train_gicd", "GICDSettings", "the detector GICD", 97, "gicd"),
    "gcagc": Training("gcagc", "train_gcagc", "GCAGCSettings", "the detector GCAGC", 136, "gcagc"),
    "poolnet": Training("poolnet", "train_poolnet", "PoolNetSettings", "the detector PoolNet", 39, "poolnet"),
    "gconet_plus": Training(
        "gconet_plus", "train_gconet_plus", "GCoNetPlusSettings", "the detector GCoNet+", 40, "gconet_plus"
    ),
    "mccl": Training("mccl", "train_mccl", "MCCLSettings", "the detector MCCL", 40, "mccl"),
    "adm": Training(
        "adm", "train_adm", "ADMSettings", "the unconditional diffusion model of DiffPure and DDA", 75, "adm"
    ),
    "liif": Training("liif", "train_liif", "LIIFSettings", "the continuous representation (LIIF)", 35, "liif"),
    "text-encoder": Training(
        "text_encoder", "train_text_encoder", "TextEncoderSettings", "the text encoder of the text-to-image model", 19
    ),
    "autoencoder": Training(
        "autoencoder", "train_autoencoder", "AutoencoderSettings", "the autoencoder of the text-to-image model", 16
    ),
    "text-to-image": Training(
        "text_to_image", "train_text_to_image", "TextToImageSettings", "the U-Net of the text-to-image model", 103
    ),
}
NETWORKS = {its.network: model for model, its in MODELS.items() if its.network}  # a network: the model of its training
AT_LEAST_ONE = ("steps", "batch", "scenes")  # settings; other numbers are 0 or more


def options(model: str, values: Any) -> str:
    """Write the options of `cosalpure train MODEL` that stand for the workflow's --config training={...}.

    Args:
        model: the model that is trained.
        values: may have device, precision, workers, and minutes: the time for all models together, of which each has its share.

    Raises:
        UserError: for any other key.
    """
    known = [field.name for field in fields(Compute)]
    if not isinstance(values, dict):
        raise UserError(f"--config training: expected {{key: value}}, found {values!r}")
    for key in values:
        choose("key", key, known, where="--config training")
    for key, kind in (("workers", int), ("minutes", float)):  # Snakemake hands the values on as text
        try:
            values = values | {key: kind(values[key])} if key in values else values
        except (TypeError, ValueError):
            raise UserError(f"--config training: {key}: expected a number, found {values[key]!r}") from None
    share = MODELS[choose("model", model, list(MODELS))].minutes / sum(its.minutes for its in MODELS.values())
    given = asdict(Compute(**values).share(share))
    return " ".join(f"--{key} {given[key]:.4g}" if key == "minutes" else f"--{key} {given[key]}" for key in values)


def options_of_all(values: Any) -> dict[str, str]:
    """Write the `options` of every training: {model: options}."""
    return {model: options(model, values) for model in MODELS}


def code(network: str) -> str:
    """Fingerprint the code that trains a model, or a network by its own name, with its settings' defaults."""
    its = MODELS[NETWORKS.get(network, network)]
    return code_of("train", *(f"{__name__}.{its.file}:{name}" for name in (its.function, its.settings)))


def run(
    model: str,
    output: str | Path,
    values: Mapping[str, Any],
    text_encoder: str | Path | None = None,
    autoencoder: str | Path | None = None,
    compute: Compute | None = None,
) -> None:
    """Train `model` (a key of MODELS) into `output`, with the settings in the dict `values` over the defaults.

    `compute` (`cosalpure.train.compute.Compute`) says on which device, in which precision, for how long.
    """
    its = MODELS[choose("model", model, list(MODELS))]
    module = import_module(f"cosalpure.train.{its.file}")
    settings = updated(getattr(module, its.settings)(), values)
    if start := getattr(settings, "start", ""):
        from cosalpure.train.common import new_or_started

        new_or_started(model, {}, start, 0)  # a mistake shows before the scenes, which take minutes
    parts: list[str | Path] = []
    if model == "text-to-image":
        if not (text_encoder and autoencoder):
            raise UserError("text-to-image is trained on finished parts: give --text-encoder DIR and --autoencoder DIR")
        parts = [text_encoder, autoencoder]
    getattr(module, its.function)(output, *parts, settings, compute=compute)


def updated(settings: Any, values: Mapping[str, Any], where: str = "--settings") -> Any:
    """Replace values of a dataclass, nested ones too, by those of a dict; unknown keys are errors."""
    known = {field.name for field in fields(settings)}
    changes = {}
    for key, value in values.items():
        choose("key", key, sorted(known), where=where)
        old = getattr(settings, key)
        if is_dataclass(old):
            value = updated(old, value, f"{where}.{key}")
        elif isinstance(old, tuple):
            value = tuple(value)
        elif not isinstance(value, float if isinstance(old, float) else type(old)) and not (
            isinstance(old, float) and isinstance(value, int)
        ):
            raise UserError(f"{where}: {key}: expected {type(old).__name__}, found {value!r}")
        least = 1 if key in AT_LEAST_ONE else 0
        if isinstance(value, int | float) and not least <= value < float("inf"):
            raise UserError(f"{where}: {key}: expected {least} or more, found {value!r}")
        changes[key] = value
    return replace(settings, **changes)
