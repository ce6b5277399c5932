"""Photographs of any size and format: which files of a folder are some, how they are read, and how they are written."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, features

from cosalpure.data.layouts.folders import subfolders
from cosalpure.data.layouts.names import is_hidden, shown
from cosalpure.data.photos import ORIENTATION, frames_of
from cosalpure.data.problems import counted
from cosalpure.errors import UserError
from cosalpure.io import FORMATS, eight_bits, has_16_bits, open_image, whole_file

READ = (*FORMATS, "GIF", "AVIF")  # as far as this Pillow can
JPEG = ("JPEG", {"quality": 95, "subsampling": 0})
TIFF = ("TIFF", {"compression": "tiff_deflate"})
WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {  # ending: (Pillow's format, its options)
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg"), JPEG),
    **dict.fromkeys((".tif", ".tiff"), TIFF),
    ".png": ("PNG", {}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"quality": 95}),
    ".avif": ("AVIF", {"quality": 90}),
}
PNG = ".png"
THUMBNAIL = 288  # px that is kept of a photo for the sheet: twice what it shows


@dataclass(frozen=True)
class Picture:
    """The pixels of a photo as a viewer shows them: (H, W, 3), uint8, RGB; `profile` is its ICC profile, if any."""

    pixels: np.ndarray
    profile: bytes | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Photo:
    """A photo without its pixels, which may be many.

    Attributes:
        path: its file.
        name: the name of its results.
        size: width and height in px, upright.
        small: (S, S, 3), uint8: the photo at the models' resolution, squeezed to a square.
        thumbnail: the photo for the sheet.
        profile: its ICC profile.
    """

    path: Path
    name: str
    size: tuple[int, int]
    small: np.ndarray
    thumbnail: Image.Image
    profile: bytes | None = field(default=None, repr=False)


def read_photos(folder: str | Path, side: int) -> tuple[list[Photo], list[str]]:
    """Read the photos of a folder in the order of their names, without those in subfolders.

    A file's content decides whether it is a photo. What systems and editors hide is passed over.

    Returns:
        The photos, and a remark on each file that is none and on each that is read or written in an unusual way.

    Raises:
        UserError: if there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    photos: list[Photo] = []
    remarks, taken = [f"{shown(sub.name)}/: a subfolder, not read" for sub in subfolders(folder)], set[str]()
    for path in sorted(path for path in folder.iterdir() if not path.is_dir() and not is_hidden(path.name)):
        try:
            picture = read_picture(path)
        except UserError as error:
            remarks.append(f"{shown(path.name)}: {str(error).removeprefix(f'{path}: ')}; left out")
            continue
        name, why = name_of_result(path.name, taken)
        taken.add(name)
        remarks += [f"{shown(path.name)}: {text}" for text in (*picture.remarks, why) if text]
        photos.append(_photo(path, name, picture, side))
    return photos, remarks


def _photo(path: Path, name: str, picture: Picture, side: int) -> Photo:
    whole = Image.fromarray(picture.pixels)
    small = np.asarray(whole.resize((side, side), Image.Resampling.BICUBIC))
    size = whole.size
    whole.thumbnail((THUMBNAIL, THUMBNAIL))
    return Photo(path, name, size, small, whole, picture.profile)


def read_picture(path: str | Path) -> Picture:
    """Read a photo as a viewer shows it: turned as EXIF says, transparency on white, of several frames the first.

    Raises:
        UserError: names a file that is no picture, or a broken one.
    """
    with open_image(path, READ) as image:
        frames, deep = frames_of(image), has_16_bits(image)
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
        remarks = [f"holds {frames} pictures, of which the first is taken"] * (frames > 1)
        if image.getexif().get(ORIENTATION, 1) != 1:
            remarks.append("turned upright, as its EXIF orientation says")
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data and upright.mode[0] not in "IF":
            eight_bits(upright, path, deep)  # refuses what is black only because its values are small
            rgba = upright.convert("RGBA")
            white = Image.new("RGBA", rgba.size, "white")
            pixels = np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
            if np.asarray(rgba.getchannel("A")).min() < 255:
                remarks.append("transparent; taken as shown on white")
        else:
            pixels = np.asarray(eight_bits(upright, path, deep).convert("RGB"))
    return Picture(pixels, profile, tuple(remarks))


def name_of_result(name: str, taken: Iterable[str] = ()) -> tuple[str, str]:
    """Name the result of a photo: as the photo, save where its format cannot be written as it should.

    Returns:
        The name, and why it is another one, or "".
    """
    suffix = Path(name).suffix.lower()
    if can_write(suffix) and name not in taken:
        return name, ""
    result = as_png(name, taken)
    if can_write(suffix):
        why = "the result of another photo has its name"
    else:
        why = "a GIF holds only 256 colours" if suffix == ".gif" else "its own format cannot be written here"
    return result, f"written as {shown(result)}: {why}"


def as_png(name: str, taken: Iterable[str] = ()) -> str:
    """Name the PNG file of a photo: a.jpg.png for a.jpg, so that a.jpg and a.png stay apart."""
    result = name if name.lower().endswith(PNG) else name + PNG
    while result in taken:
        result += PNG
    return result


def can_write(suffix: str) -> bool:
    """Tell whether a photo with this ending is written in its own format."""
    return suffix in WRITTEN and (suffix != ".avif" or bool(features.check("avif")))


def write_picture(path: str | Path, pixels: np.ndarray, profile: bytes | None = None) -> None:
    """Write pixels (H, W[, 3]), uint8, in the format of the name's ending, whole or not at all."""
    kind, options = WRITTEN[Path(path).suffix.lower()]
    if profile:
        options = options | {"icc_profile": profile}
    with whole_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, format=kind, **options)


def tell(folder: str | Path, remarks: list[str]) -> None:
    """Print every remark on the files of a folder to standard error, a line each."""
    if remarks:
        print(f"{folder}: {counted(len(remarks), 'remark')} on its files", file=sys.stderr)
    for remark in remarks:
        print("  " + "".join(character if character.isprintable() else "?" for character in remark), file=sys.stderr)
