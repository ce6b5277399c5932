"""Weights and golden values for tests, without any download.

    from golden import loader
    state = loader.state_dict("gcagc")      # {official key: float32 tensor}, filled by recipe.py
    golden = loader.golden("gcagc")         # {name: array}: inputs and the official code's outputs

Names of state dicts: gicd_ginet, vgg16_classifier, gcagc, poolnet, resneta50b, disco_edsr_liif, adm_small,
adm_256_uncond, mccl, gconet_plus, tiny.
Images are stored as `images_u8` (N, 3, H, W); a network's input is images_u8 / 255, then its own normalisation.
"""

import json
from pathlib import Path

import numpy as np
import torch

from golden import recipe

HERE = Path(__file__).resolve().parent
MANIFESTS = HERE / "manifests"
OVERRIDES = {
    "gicd_ginet": "gicd_ginet", "vgg16_classifier": "vgg16_classifier", "gcagc": "gcagc", "poolnet": "poolnet",
    "resneta50b": "resneta50b", "disco_edsr_liif": "disco", "adm_small": "adm", "adm_256_uncond": "adm",
    "mccl": "mccl", "gconet_plus": "gconet_plus",
}  # fmt: skip
TINY_CHANNELS = (3, 8, 12, 16, 20)


def state_dict(name):
    if name == "tiny":
        pairs = list(zip(TINY_CHANNELS, TINY_CHANNELS[1:], strict=False))
        rows = [(f"{i}.0.weight", (b, a, 3, 3), "float32") for i, (a, b) in enumerate(pairs)]
        rows += [(f"{i}.0.bias", (b,), "float32") for i, (_, b) in enumerate(pairs)]
        overrides = [["weight$", 1.5]]
    else:
        rows = recipe.read_manifest(MANIFESTS / f"{name}.tsv")
        overrides = json.loads((HERE / "overrides.json").read_text())[OVERRIDES[name]]
    return {key: torch.from_numpy(np.asarray(value)) for key, value in recipe.make_state_dict(rows, overrides).items()}


def golden(name):
    return dict(np.load(HERE / f"{name}.npz"))
