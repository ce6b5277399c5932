"""Purifiers: images in, purified images out, every image of the group, clean ones too.

purifier = create("cosalpure", text_to_image=lambda: model, timestep=40)
images = purifier(images, Given(generators, concept=concept))  # (N, 3, H, W), RGB, [0, 1], in and out
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cosalpure.protocols import Need, Purifier
from cosalpure.purify.settings import (
    ContinuousSettings,
    CosalPureSettings,
    DDASettings,
    DiffPureSettings,
    JpegPurifierSettings,
    SourceOnlySettings,
    VaeRoundTripSettings,
)
from cosalpure.registry import Method, Registry

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage


def _prompted(settings: CosalPureSettings) -> list[Need]:
    """List what the prompt of concept-guided purification needs beside the text-to-image model."""
    asked: dict[Need, str] = {"concept": "{token}", "label": "{class_name}"}
    return ["model", *(need for need, placeholder in asked.items() if placeholder in settings.prompt)]


PURIFIERS = Registry(
    "purifier",
    "cosalpure.purifiers",
    "baseline",
    {
        "source_only": Method(
            "cosalpure.purify.source_only:SourceOnly",
            SourceOnlySettings,
            label="Source-Only",
            role="reference",
            random=False,
            differentiable=True,
        ),
        "vae_round_trip": Method(
            "cosalpure.purify.vae_round_trip:VaeRoundTrip",
            VaeRoundTripSettings,
            label="VAE round trip",
            role="control",
            needs=frozenset({"model"}),
            random=False,
            differentiable=True,
        ),
        "jpeg": Method(
            "cosalpure.purify.jpeg:Jpeg",
            JpegPurifierSettings,
            label="JPEG",
            role="control",
            random=False,
            differentiable=True,
        ),
        "continuous": Method(
            "cosalpure.purify.continuous:Continuous",
            ContinuousSettings,
            label="continuous representation",
            role="ablation",
            files=("weights",),
            random=False,
            differentiable=True,
            cite=("chen2021liif",),
        ),
        "cosalpure": Method(
            "cosalpure.purify.cosalpure:CosalPure",
            CosalPureSettings,
            label="CosalPure",
            role="ours",
            needs=_prompted,
            files=("continuous",),
            differentiable=True,
            cite=("zhu2024cosalpure", "gal2023textual", "chen2021liif"),
        ),
        "diffpure": Method(
            "cosalpure.purify.diffpure:DiffPure",
            DiffPureSettings,
            label=lambda settings: f"DiffPure ({settings.process.upper()})",
            files=("weights",),
            differentiable=True,
            cite=("nie2022diffpure",),
        ),
        "dda": Method(
            "cosalpure.purify.dda:DDA",
            DDASettings,
            label="DDA",
            files=("weights",),
            differentiable=True,
            cite=("gao2023dda",),
        ),
    },
)


def create(name: str, text_to_image: "Callable[[], TextToImage] | None" = None, **settings: Any) -> Purifier:
    """Create the purifier `name` with its settings; unknown names and settings are a UserError.

    `text_to_image()` gives the model; it is called only for a purifier that needs it.
    """
    purifier: Purifier = PURIFIERS.create(name, settings, text_to_image)
    return purifier
