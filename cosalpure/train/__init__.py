"""Training of the mini benchmark's models. `cosalpure train MODEL --output PATH`, or the rules of rules/train.smk.

Settings are a dataclass a model, in its own file, each number with its reason. All runs resume where they stopped.
"""

from dataclasses import fields, is_dataclass, replace
from importlib import import_module

from cosalpure.errors import UserError, choose

MODELS = {  # name: module, function, settings
    "surrogate": ("surrogate", "train_surrogate", "SurrogateSettings"),
    "gicd": ("gicd", "train_gicd", "GICDSettings"),
    "gcagc": ("gcagc", "train_gcagc", "GCAGCSettings"),
    "poolnet": ("poolnet", "train_poolnet", "PoolNetSettings"),
    "adm": ("adm", "train_adm", "ADMSettings"),
    "liif": ("liif", "train_liif", "LIIFSettings"),
    "text-encoder": ("text_encoder", "train_text_encoder", "TextEncoderSettings"),
    "autoencoder": ("autoencoder", "train_autoencoder", "AutoencoderSettings"),
    "text-to-image": ("text_to_image", "train_text_to_image", "TextToImageSettings"),
}


def run(model, output, values, text_encoder=None, autoencoder=None):
    """Train `model` (a key of MODELS) into `output`, with the settings in the dict `values` over the defaults."""
    module, function, settings_class = MODELS[choose("model", model, list(MODELS))]
    module = import_module(f"cosalpure.train.{module}")
    settings = updated(getattr(module, settings_class)(), values)
    parts = []
    if model == "text-to-image":
        if not (text_encoder and autoencoder):
            raise UserError("text-to-image is trained on finished parts: give --text-encoder DIR and --autoencoder DIR")
        parts = [text_encoder, autoencoder]
    getattr(module, function)(output, *parts, settings)


def updated(settings, values, where="--settings"):
    """A dataclass with the values of a dict over its own, nested ones too; unknown keys are errors."""
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
        changes[key] = value
    return replace(settings, **changes)
