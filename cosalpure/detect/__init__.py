"""Co-saliency detectors: a group of images in, one map an image out.

    maps = create("gicd", weights="gicd.safetensors")(images)

Images are (N, 3, H, W), RGB, [0, 1], maps (N, 1, H, W), [0, 1], for groups of any length and images of any size. A
detector's own resizing and normalisation are inside. It computes on the GPU if there is one.
"""

from typing import Any

from cosalpure.detect.settings import GCAGCSettings, GCoNetPlusSettings, GICDSettings, MCCLSettings, PoolNetSettings
from cosalpure.protocols import Detector
from cosalpure.registry import Method, Registry

DETECTORS = Registry(
    "detector",
    "cosalpure.detectors",
    None,
    {
        "gicd": Method(
            "cosalpure.detect.gicd:GICD",
            GICDSettings,
            label="GICD",
            backbone="VGG16",
            files=("weights",),
            differentiable=True,
            cite=("zhang2020gicd",),
        ),
        "gcagc": Method(
            "cosalpure.detect.gcagc:GCAGC",
            GCAGCSettings,
            label="GCAGC",
            backbone="HRNet",
            files=("weights",),
            differentiable=True,
            cite=("zhang2020gcagc",),
        ),
        "poolnet": Method(
            "cosalpure.detect.poolnet:PoolNet",
            PoolNetSettings,
            label="PoolNet",
            backbone="ResNet-50",
            files=("weights",),
            differentiable=True,
            cite=("liu2019poolnet",),
        ),
        "gconet_plus": Method(
            "cosalpure.detect.gconet_plus:GCoNetPlus",
            GCoNetPlusSettings,
            label="GCoNet+",
            backbone="VGG16 with batch norm",
            files=("weights",),
            differentiable=True,
            cite=("zheng2023gconet",),
        ),
        "mccl": Method(
            "cosalpure.detect.mccl:MCCL",
            MCCLSettings,
            label="MCCL",
            backbone="PVTv2",
            files=("weights",),
            differentiable=True,
            cite=("zheng2023mccl",),
        ),
    },
)


def create(name: str, **settings: Any) -> Detector:
    """Create the detector `name` with its settings; unknown names and settings are a UserError."""
    detector: Detector = DETECTORS.create(name, settings)
    return detector
