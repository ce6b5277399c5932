"""Co-saliency detectors: a group of images in, one map an image out.

`load(name, weights)(images)`: images (N, 3, H, W), RGB, [0, 1] -> maps (N, 1, H, W), [0, 1], for groups of any length
and images of any size. A detector's own resizing and normalisation are inside. See `docs/` for adding one.
"""

import inspect
from typing import Any

from cosalpure import networks
from cosalpure.registry import Registry

DETECTORS = Registry(
    "detector",
    "cosalpure.detectors",
    {
        "gicd": "cosalpure.detect.gicd:GICD",
        "gcagc": "cosalpure.detect.gcagc:GCAGC",
        "poolnet": "cosalpure.detect.poolnet:PoolNet",
    },
)


def load(name: str, weights: Any = None, device: Any = None, **settings: Any) -> Any:
    """The detector `name` with its `weights` (a path, or several), on `device`: the GPU if there is one.

    A plug-in that has no parameter `weights` or `device` is not given any.
    """
    if weights is not None:
        settings["weights"] = weights
    if "device" in inspect.signature(DETECTORS.get(name)).parameters:
        settings["device"] = device or networks.default_device()
    return DETECTORS.make(name, **settings)
