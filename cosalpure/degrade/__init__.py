"""Degradations: what is done to the attacked half of a group before anybody purifies or detects.

    degradation = load("motion_blur", severity=3)
    images = degradation(images, generators)  # (N, 3, H, W), RGB, [0, 1], in and out; one generator an image

The stage hands over the attacked images of one group only; the clean ones keep their bytes. A degradation with
`sees_group = True` is also given `group`, all images of the group (M, 3, H, W).
"""

from typing import Any

from cosalpure.registry import Registry
from cosalpure.settings import CORRUPTIONS


def _classes() -> dict[str, str]:
    """{name: "module:Class"} of the common corruptions: motion_blur is MotionBlur in corruptions/blur.py."""
    return {
        name: f"cosalpure.degrade.corruptions.{family}:{name.title().replace('_', '')}"
        for family, names in CORRUPTIONS.items()
        for name in names
    }


DEGRADATIONS = Registry(
    "degradation",
    "cosalpure.degradations",
    {
        "none": "cosalpure.degrade.none:Nothing",
        "jadena": "cosalpure.degrade.jadena:Jadena",
        "random_noise": "cosalpure.degrade.controls:RandomNoise",
        "random_exposure": "cosalpure.degrade.controls:RandomExposure",
        "jpeg": "cosalpure.degrade.controls:Jpeg",
        "blur": "cosalpure.degrade.controls:Blur",
        "resize": "cosalpure.degrade.controls:Resize",
        **_classes(),
    },
)


def load(name: str, **settings: Any) -> Any:
    """The degradation called `name`, made with its `settings`; unknown names and settings are errors."""
    return DEGRADATIONS.make(name, **settings)
