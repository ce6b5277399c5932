"""Degradations: what is done to the attacked images of a group before anybody purifies or detects.

    degradation = create("motion_blur", severity=3)
    images = degradation(images, Given(generators))  # (N, 3, H, W), RGB, [0, 1], in and out; one generator an image

The stage hands over the attacked images of one group only; the clean ones keep their bytes.
"""

from typing import Any

from cosalpure.degrade.adaptive_settings import PoisonSettings, SquareSettings
from cosalpure.degrade.settings import (
    CORRUPTIONS,
    FIXED_CORRUPTIONS,
    BlurSettings,
    CorruptionSettings,
    JadenaSettings,
    JpegSettings,
    NothingSettings,
    PGDSettings,
    RandomExposureSettings,
    RandomNoiseSettings,
    ResizeSettings,
)
from cosalpure.protocols import Degradation, Need
from cosalpure.registry import Method, Registry


def _corruptions() -> dict[str, Method]:
    """Declare the common corruptions: motion_blur is the class MotionBlur in corruptions/blur.py."""
    return {
        name: Method(
            f"cosalpure.degrade.corruptions.{family}:{name.title().replace('_', '')}",
            CorruptionSettings,
            label=name.replace("_", " "),
            random=name not in FIXED_CORRUPTIONS,
            cite=("hendrycks2019imagenetc",),
        )
        for family, names in CORRUPTIONS.items()
        for name in names
    }


def _known(settings: PGDSettings | SquareSettings) -> list[Need]:
    """List what an attack needs: the text-to-image model, too, if the purifier that it knows does."""
    return ["evaluation", *(["model"] if settings.known and "model" in settings.known.needs else [])]  # type: ignore[list-item]


DEGRADATIONS = Registry(
    "degradation",
    "cosalpure.degradations",
    "corruption",
    {
        "none": Method(
            "cosalpure.degrade.none:Nothing", NothingSettings, label="none (clean)", role="reference", random=False
        ),
        "jadena": Method(
            "cosalpure.degrade.jadena:Jadena",
            JadenaSettings,
            label="Jadena",
            role="attack",
            needs=lambda settings: ["group"] if settings.variant == "group" else [],
            files=("surrogate",),
            random=lambda settings: settings.variant == "group",  # it draws other images of the group
            cite=("gao2022jadena",),
        ),
        "pgd": Method(
            "cosalpure.degrade.pgd:PGD",
            PGDSettings,
            label="PGD",
            role="adaptive",
            needs=_known,
            names={"detector": "detectors", "purifier": "purifiers"},
            random=lambda settings: settings.known is not None and settings.known.random,
            joint=True,
            cite=("madry2018pgd", "gu2022segpgd", "athalye2018obfuscated", "lee2023robust"),
        ),
        "square": Method(
            "cosalpure.degrade.square:Square",
            SquareSettings,
            label="Square",
            role="adaptive",
            needs=_known,
            names={"detector": "detectors", "purifier": "purifiers"},
            joint=True,
            cite=("andriushchenko2020square",),
        ),
        "poison": Method(
            "cosalpure.degrade.poison:Poison",
            PoisonSettings,
            label="poison",
            role="adaptive",
            needs=frozenset({"model", "concept"}),
            cite=("liang2023advdm", "vanle2023antidreambooth"),
        ),
        "random_noise": Method(
            "cosalpure.degrade.controls:RandomNoise", RandomNoiseSettings, label="random noise", role="control"
        ),
        "random_exposure": Method(
            "cosalpure.degrade.controls:RandomExposure",
            RandomExposureSettings,
            label="random exposure",
            role="control",
        ),
        "jpeg": Method("cosalpure.degrade.controls:Jpeg", JpegSettings, label="JPEG", role="control", random=False),
        "blur": Method("cosalpure.degrade.controls:Blur", BlurSettings, role="control", random=False),
        "resize": Method("cosalpure.degrade.controls:Resize", ResizeSettings, role="control", random=False),
        **_corruptions(),
    },
)


def create(name: str, **settings: Any) -> Degradation:
    """Create the degradation `name` with its settings; unknown names and settings are a UserError."""
    degradation: Degradation = DEGRADATIONS.create(name, settings)
    return degradation
