"""Reading a photograph of any encoding: its pixels as stored, how its camera was held, and what is not certain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cosalpure.io import eight_bits, has_16_bits, open_image

ORIENTATION = 0x0112  # EXIF's tag: 1 is upright, 2 to 8 are mirrored or turned
TURNS = {  # what makes a stored image upright, by its orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER = (5, 6, 7, 8)  # orientations that exchange width and height
OPAQUE = 250  # of 255
SAMPLE = 200  # px: the side that `looks_like_mask` looks at
FEW = 16  # colours at most of a picture that may be a drawn mask


@dataclass(frozen=True)
class Reading:
    """A file as it was read: `pixels` as stored, (H, W) or (H, W, 3), uint8.

    `problem` is empty where the meaning is certain, and `note` says how an encoding other than the ordinary one was read.
    """

    pixels: np.ndarray
    problem: str = ""
    note: str = ""
    orientation: int = 1
    lossy: bool = False


def read_photo(path: str | Path) -> Reading:
    """Read a photograph: pixels (H, W, 3), uint8, as stored, not turned. A UserError names a bad file."""
    with open_image(path) as image:
        frames, deep, turned = frames_of(image), has_16_bits(image), orientation(image)
        lossy, see_through = is_lossy(image), image.has_transparency_data and image.mode[0] not in "IF"
        image = as_stored(image, turned)
        note = f"holds {frames} pictures, of which the first is read" if frames > 1 else ""
        if see_through:
            pixels, problem = _without_transparency(np.asarray(image.convert("RGBA")))
            eight_bits(image, path, deep)  # refuses what is black only because its values are small
        else:
            pixels, problem = np.asarray(eight_bits(image, path, deep).convert("RGB")), ""
    return Reading(pixels, problem or _blankness(pixels), note, turned, lossy)


def orientation(image: Image.Image) -> int:
    """Read the EXIF orientation of a Pillow image that is not loaded yet: 1 to 8."""
    value = image.getexif().get(ORIENTATION, 1)
    return value if value in TURNS else 1


def as_stored(image: Image.Image, turned: int) -> Image.Image:
    """Load a Pillow image with its pixels as stored; Pillow itself turns TIFF files when it loads them."""
    image.load()
    if image.format == "TIFF" and turned != 1:
        inverse = {6: 8, 8: 6}.get(turned, turned)
        image = image.transpose(TURNS[inverse])
    return image


def turn(pixels: np.ndarray, turned: int) -> np.ndarray:
    """Turn stored pixels (H, W) or (H, W, 3) of EXIF orientation `turned` as viewers show them."""
    return np.asarray(Image.fromarray(pixels).transpose(TURNS[turned])) if turned != 1 else pixels


def looks_like_mask(photo: Reading) -> str:
    """Say why a photo may be a mask; empty for a photograph.

    Returns:
        "few" (at most 4 colours, in a lossless format), "some" (at most 16 colours), "tones" (nearly black and nearly white
        only), "soft" (grey, mostly black and white), or "".
    """
    pixels = photo.pixels
    step = max(1, max(pixels.shape[:2]) // SAMPLE)
    sample = pixels[::step, ::step].reshape(-1, 3).astype(np.int64)
    colours = len(np.unique(sample @ (65536, 256, 1)))
    if colours <= FEW and step > 1:  # the sample may have missed some
        colours = len(np.unique(pixels.reshape(-1, 3).astype(np.int64) @ (65536, 256, 1)))
    if colours <= FEW:
        return "few" if colours <= 4 and not photo.lossy else "some"
    grey = np.ptp(sample, axis=1) <= 32
    level = sample.mean(1)
    dark, light = (grey & (level < 48)).mean(), (grey & (level > 207)).mean()
    if min(dark, light) < 0.01:
        return ""
    return "tones" if dark + light >= 0.95 else "soft" if dark + light >= 0.7 and grey.mean() >= 0.99 else ""


def is_lossy(image: Any) -> bool:
    """Say whether the values of a Pillow image that is not loaded yet are only nearly those that were drawn."""
    if image.format == "WEBP":
        image.fp.seek(12)
        start = image.fp.read(4096)
        return b"VP8L" not in start
    return image.format in ("JPEG", "MPO") or image.info.get("compression") in ("jpeg", "tiff_jpeg")


def frames_of(image: Image.Image) -> int:
    """Count the pictures in a file; phones put a second one, for depth or video, behind a JPEG photograph."""
    return 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)


def _blankness(pixels: np.ndarray) -> str:
    """Say what is wrong with a photograph that shows nothing."""
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        return f"blank image: every value is {low}"
    return f"black image: no value above {high} of 255" if high < 8 else ""


def _without_transparency(rgba: np.ndarray) -> tuple[np.ndarray, str]:
    """Convert RGBA pixels to RGB, and say what is not certain.

    Transparency is dropped where it hides nothing; else the image is taken as shown on white.
    """
    colours, alpha = rgba[..., :3], rgba[..., 3]
    hidden = colours[alpha < OPAQUE]
    if alpha.min() >= OPAQUE or alpha.min() == alpha.max() or not np.ptp(hidden, axis=0).any():
        return np.ascontiguousarray(colours), ""
    white = Image.new("RGBA", alpha.shape[::-1], (255, 255, 255, 255))
    shown = Image.alpha_composite(white, Image.fromarray(rgba)).convert("RGB")
    share = (alpha < OPAQUE).mean()
    return np.asarray(shown), f"transparent: {share:.0%} of it hides other colours; it is taken as shown on white"
