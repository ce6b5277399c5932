"""Reading and writing files: images in [0, 1], outputs that appear whole or not at all."""

import glob
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cosalpure.errors import UserError, one_line

if TYPE_CHECKING:
    import torch


MAX_PIXELS = 64_000_000  # a 8000 x 8000 photograph; more is refused as a decompression bomb
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")  # by content: Pillow knows others, some of which run programs
SAVE_8_BITS = "save it with 8 bits a channel"


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it to `path` when the block ends well, else remove it.

    Raises:
        UserError: if `path` is a folder or a device.
    """
    path = Path(path)
    if not path.name or (path.exists() and not path.is_file()):
        raise UserError(f"{path}: is not a file; choose another name for the output")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; replace `path` with it when the block ends well.

    Raises:
        UserError: if `path` is a file, a device or a link.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UserError(f"{path}: is not a folder; choose another one for the output")
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):  # of a job that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            old = temporary.with_suffix(".old")
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def in_background() -> Iterator[Callable[..., None]]:
    """Yield `run(function, *arguments)`, which runs a call beside what follows.

    Files are written so while a GPU computes. One call runs at a time. An error of a call is raised by the next one, or at the
    end of the block, before which all calls are done.
    """
    pending: list[Future[Any]] = []

    def settle() -> None:
        while pending:
            pending.pop().result()

    with ThreadPoolExecutor(1) as pool:

        def run(function: Callable[..., Any], *arguments: Any) -> None:
            settle()
            pending.append(pool.submit(function, *arguments))

        yield run
        settle()


@contextmanager
def open_image(path: str | Path, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Yield the Pillow image of a file whose content is one of `formats`.

    Raises:
        UserError: if there is no such file, or it is no image that is read; it names the file.
    """
    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata and large images
            with Image.open(file, formats=formats) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                yield image
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such image") from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: more than {MAX_PIXELS:,} pixels; resize it first") from None
    except UnidentifiedImageError:
        raise UserError(f"{path}: not a readable image (its content is not {', '.join(formats)})") from None
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise UserError(f"{path}: not a readable image ({one_line(error, 100)})") from None


def read_pixels(path: str | Path, mode: str, upright: bool = False) -> np.ndarray:
    """Read an image file as uint8: (H, W, 3) for mode "RGB", (H, W) for mode "L".

    Args:
        path: the file.
        mode: "RGB" or "L".
        upright: turn a photograph as its camera noted (EXIF), which is how every viewer shows it.

    Raises:
        UserError: if the file is missing or invalid; it names the file.
    """
    with open_image(path) as image:
        deep = has_16_bits(image)
        image = ImageOps.exif_transpose(image) if upright else image
        return np.asarray(eight_bits(image, path, deep).convert(mode))


def eight_bits(image: Image.Image, path: str | Path, deep: bool = False) -> Image.Image:
    """Convert a Pillow image of any depth to 8 bits a channel.

    White is 65535 in 16-bit grey, 255 where no value is larger, and 1 in floats of at most 1.

    Args:
        image: the image.
        path: its file, for the message.
        deep: whether the file has 16 bits a channel of colour.

    Raises:
        UserError: where it is not certain which value is white.
    """
    if image.mode[0] not in "IF":
        if deep and max(high for _, high in _extrema(image)) <= 1:
            raise UserError(f"{path}: 16 bits a channel, but no value above 511, which is black; {SAVE_8_BITS}")
        return image
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{path}: holds values that are not finite numbers; {SAVE_8_BITS}")
    low, high, kind = values.min(), values.max(), "floats" if image.mode == "F" else "whole numbers"
    if low >= 0 and image.mode == "F" and high <= 1:
        values = values * 255
    elif low < 0 or (image.mode == "F" and not 16 <= high <= 255) or not (high <= 255 or 16384 <= high <= 65535):
        # A maximum below 16384 may be of 10, 12 or 14 bits
        raise UserError(f"{path}: {kind} from {low:g} to {high:g}, of which the white is not certain; {SAVE_8_BITS}")
    elif high > 255:
        values = values / 257
    return Image.fromarray(values.round().astype(np.uint8))


def has_16_bits(image: Any) -> bool:
    """Say whether a file, not loaded yet, holds 16 bits a channel of colour, of which Pillow keeps the upper 8."""
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,)))) > 8  # BitsPerSample
    return image.format == "PNG" and any(str(tile[3]).find(";16") >= 0 for tile in image.tile)


def _extrema(image: Image.Image) -> list[Any]:
    """List (smallest, largest) of each channel of colour, without transparency."""
    return [image.getchannel(band).getextrema() for band in image.getbands() if band not in "Aa"]


def read_images(paths: Iterable[str | Path]) -> "torch.Tensor":
    """Read image files of one size as a float32 tensor (N, 3, H, W), RGB, [0, 1]."""
    import torch

    pixels = [read_pixels(path, "RGB") for path in paths]
    sizes = [array.shape[1::-1] for array in pixels]
    usual = max(sizes, key=lambda size: (sizes.count(size), size))  # of two images the larger is the usual one
    for path, (width, height) in zip(paths, sizes, strict=True):
        if (width, height) != usual:
            raise UserError(f"{path}: size {width}x{height}; its group has {usual[0]}x{usual[1]}")
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def to_uint8(images: "torch.Tensor") -> np.ndarray:
    """Turn a tensor in [0, 1] into a uint8 array of the same shape, rounded to the nearest level."""
    return (images.detach().cpu().clamp(0, 1) * 255).round().byte().numpy()


def write_image(path: str | Path, image: "torch.Tensor | np.ndarray") -> None:
    """Write a tensor (3, H, W) or (1, H, W) in [0, 1], or a uint8 array (H, W[, 3]), as a PNG file."""
    if not isinstance(image, np.ndarray):
        image = to_uint8(image).transpose(1, 2, 0).squeeze()
    Image.fromarray(image).save(path, format="PNG")


def through_jpeg(images: "torch.Tensor", quality: int) -> "torch.Tensor":
    """Compress images (N, 3, H, W) in [0, 1] as JPEG files of `quality` (1 to 95), and read them again."""
    import torch

    pixels = to_uint8(images).transpose(0, 2, 3, 1)
    kept = np.stack([jpeg_pixels(image, quality) for image in pixels])
    return torch.from_numpy(kept).permute(0, 3, 1, 2).float() / 255


def jpeg_pixels(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Compress pixels, uint8 (H, W, 3), as a JPEG file of `quality` (1 to 95), and read them again."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)
