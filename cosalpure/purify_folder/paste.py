"""Bring what the models return, a small square, back to the size and the aspect ratio of a photo.

The models take squares. A photo is squeezed to one and stretched back, as the benchmark and the official scripts squeeze
their photos: every pixel of the model then sees the photo, the detectors know squeezed objects, and stretching undoes the
squeezing exactly. Padding would spend a third of the pixels of a 3:2 photo on a border, and a reflected border repeats
the object that the concept is learned from.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cosalpure.io import to_uint8
from cosalpure.networks.representation import ContinuousRepresentation
from cosalpure.purify.settings import ContinuousSettings
from cosalpure.schema import Model

# Times that the continuous representation enlarges: LIIF learns factors up to 4. Beyond, resampling does the rest, which
# bounds memory and time. From 128 px to 2400 x 1600, the result is within 46 dB of LIIF's own, in a twelfth of the time.
FACTOR = 4
ROWS = 256  # of a photo that are changed at once


def representation_of(settings: Model) -> ContinuousRepresentation | None:
    """Load the continuous representation that a purifier is set to use, if there is one."""
    weights = settings.weights if isinstance(settings, ContinuousSettings) else getattr(settings, "continuous", None)
    return ContinuousRepresentation(weights) if weights else None


def enlarge(small: np.ndarray, size: tuple[int, int], represent: ContinuousRepresentation | None = None) -> np.ndarray:
    """Enlarge an image, or reduce it, to the size of a photo.

    Args:
        small: (S, S, 3), uint8.
        size: width and height in px.
        represent: the continuous representation, which enlarges up to `FACTOR` times; bicubic resampling does the rest.

    Returns:
        The image (height, width, 3), uint8.
    """
    width, height = size
    if represent:
        sides = [min(max(its, side), FACTOR * side) for its, side in zip((height, width), small.shape, strict=False)]
        if sides != list(small.shape[:2]):
            pixels = torch.from_numpy(small.copy()).permute(2, 0, 1)[None].float() / 255
            small = to_uint8(represent(pixels, sides)[0]).transpose(1, 2, 0)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def transfer(photo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Change a photo at its full size as its small image was changed: photo + enlarged(after - before).

    Detail that the small image does not have is kept as it is.

    Args:
        photo: (H, W, 3), uint8.
        before: (S, S, 3), uint8, the photo made small.
        after: (S, S, 3), uint8, the small image after the change.

    Returns:
        The photo (H, W, 3), uint8.
    """
    height, width = photo.shape[:2]
    result = np.empty_like(photo)
    difference = after.astype(np.float32) - before
    scale = len(before) / height
    for top in range(0, height, ROWS):  # in floats, a whole photo would need gigabytes
        bottom = min(top + ROWS, height)
        box = (0, top * scale, before.shape[1], bottom * scale)
        for channel in range(3):
            part = Image.fromarray(difference[..., channel])
            change = part.resize((width, bottom - top), Image.Resampling.BICUBIC, box)
            result[top:bottom, :, channel] = (photo[top:bottom, :, channel] + np.asarray(change)).round().clip(0, 255)
    return result


def map_at(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read a map and stretch it to the size (width, height) of a photo: (height, width), uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR))
