"""Co-saliency detectors: a group of images in, one map an image out.

`load(name, weights)(images)`: images (N, 3, H, W), RGB, [0, 1] -> maps (N, 1, H, W), [0, 1], for groups of any length
and images of any size. A detector's own resizing and normalisation are inside. See `docs/` for adding one.
"""

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


def load(name, weights, device="cpu", **settings):
    """The detector `name` with its `weights` (a path, or several) on `device`."""
    return DETECTORS.get(name)(weights, device=device, **settings)
