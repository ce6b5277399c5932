"""What a file or folder holds: its size, its checksums, the parts of a diffusers pipeline."""

import json
import zipfile
from pathlib import Path

from cosalpure import file_kinds
from cosalpure.data.layouts import SUFFIXES
from cosalpure.errors import UserError, one_line
from cosalpure.weights.sources import Source

COMPONENTS = ("vae", "unet", "text_encoder")  # of a pipeline folder: those that have weights
SMALLEST, LARGEST = 0.9, 4  # size of a file over the stated one; a training checkpoint also holds the optimiser's state
SMALLEST_DATA = 0.5  # of an archive of data: mirrors compress otherwise, or hold several datasets
ROUNDING = 0.5  # MB: stated sizes are whole numbers


def pipeline_fault(folder: Path) -> str | None:
    """Say what a diffusers pipeline folder lacks; None if it has its configuration and its weights."""
    for name in ("model_index.json", *(f"{part}/config.json" for part in COMPONENTS)):
        if not (folder / name).is_file():
            return f"incomplete: no {name}"
        if not _is_json_object(folder / name):
            return f"{name} is not a configuration in JSON but {file_kinds.describe(folder / name)}"
    return next(filter(None, (_component_fault(folder, part) for part in COMPONENTS)), None)


def _component_fault(folder: Path, part: str) -> str | None:
    """Say what is wrong with the weights of one component; None if all that is named is there."""
    files = sorted((folder / part).glob("*.safetensors"))
    if not files and not list((folder / part).glob("*.bin")):
        return f"incomplete: no weights in {part}/ (*.safetensors)"
    for file in files:
        if (kind := file_kinds.describe(file)) != file_kinds.SAFETENSORS:
            return f"{part}/{file.name}: {kind} in place of the weights"
    for index in (folder / part).glob("*.safetensors.index.json"):
        for name in _named_in(index):
            if not (folder / part / name).is_file():
                return f"incomplete: no {part}/{name}, which {index.name} names"
    return None


def _is_json_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (ValueError, OSError):
        return False


def _named_in(index: Path) -> list[str]:
    """List the weights files that an index of a model in several files names."""
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"readable {index.name}"]


def size_fault(source: Source, path: Path) -> str | None:
    """Refuse a file far from its stated size, which is another one or a part of it; None if the size is plausible."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size, data = sum(file.stat().st_size for file in files) / 1e6, source.kind == "data"
    least = (SMALLEST_DATA if data else SMALLEST) * source.megabytes - ROUNDING
    if size < least or (not data and size > LARGEST * source.megabytes + ROUNDING):
        return f"it has {size:,.1f} MB; the table of sources states {source.megabytes:,.1f} MB"
    return None


def damage(source: Source, path: Path) -> str | None:
    """Say why a file's content is not whole, by the checksums and lengths that it holds; None if it is, or cannot tell."""
    for file in sorted(path.rglob("*.safetensors")) if path.is_dir() else [path]:
        try:
            fault = _damage_of_file(source, file)
        except UserError as error:
            return str(error).removeprefix(f"{file}: ")
        except Exception as error:  # zipfile's, zlib's and safetensors' errors share no class
            return f"damaged, perhaps cut short ({one_line(error, 120)})"
        if fault:
            return fault
    return None


def _damage_of_file(source: Source, file: Path) -> str | None:
    """Say what is wrong inside a zip archive or a checkpoint; pass on the many errors of those who read them."""
    kind = file_kinds.describe(file)
    if kind in (file_kinds.ZIP, file_kinds.TORCH):
        with zipfile.ZipFile(file) as archive:
            bad = archive.testzip()
        if bad is not None:
            return f"damaged: {bad} inside it has a wrong checksum"
    if kind == file_kinds.SAFETENSORS:
        from safetensors import safe_open

        with safe_open(file, framework="numpy"):
            pass
    elif source.kind == "weights" and kind in (file_kinds.ZIP, file_kinds.TORCH, file_kinds.PICKLE):
        from cosalpure.networks.checkpoints import read

        read(file)
    elif kind == file_kinds.ZIP and not _has_images(file):
        return "a zip archive without any image"
    return None


def _has_images(archive: Path) -> bool:
    """Say whether a zip holds a file with an image's ending."""
    with zipfile.ZipFile(archive) as opened:
        return any(Path(name).suffix.lower() in SUFFIXES for name in opened.namelist())
