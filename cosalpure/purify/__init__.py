"""Purifiers: images in, purified images out, every image of the group, clean ones too.

purifier = load("cosalpure", settings, text_to_image)
images = purifier(images, concept, generators)  # (N, 3, H, W), RGB, [0, 1], in and out; one generator an image
"""

from collections.abc import Callable
from typing import Any

from cosalpure.registry import Registry

PURIFIERS = Registry(
    "purifier",
    "cosalpure.purifiers",
    {
        "source_only": "cosalpure.purify.source_only:SourceOnly",
        "vae_round_trip": "cosalpure.purify.vae_round_trip:VaeRoundTrip",
        "jpeg": "cosalpure.purify.jpeg:Jpeg",
        "continuous": "cosalpure.purify.continuous:Continuous",
        "cosalpure": "cosalpure.purify.cosalpure:CosalPure",
        "diffpure": "cosalpure.purify.diffpure:DiffPure",
        "dda": "cosalpure.purify.dda:DDA",
    },
)


def load(name: str, settings: Any, text_to_image: Callable[[], Any]) -> Any:
    """The purifier `name` with its settings model; `text_to_image()` gives the model to those that need it."""
    return PURIFIERS.get(name)(settings, text_to_image)
