"""What a folder holds: its folders, its images, and what is neither, each in the order of their names."""

from pathlib import Path

from cosalpure.data import MANIFEST
from cosalpure.data.layouts.names import SIDECARS, is_hidden, is_image, is_strange

CACHES = frozenset(".ipynb_checkpoints .cache .thumbnails .git .svn .appledouble .trash .trashes .venv".split())


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder, without hidden ones, litter and datasets already made."""
    inner = (item for item in folder.iterdir() if item.is_dir() and not is_hidden(item.name))
    return sorted((item for item in inner if not (item / MANIFEST).exists()), key=_by_text)


def image_files(folder: Path) -> list[Path]:
    """List the image files in a folder, ordered by their names without extension: formats do not change the order.

    A link to nothing counts, so that it is reported and not overlooked.
    """
    files = (item for item in folder.iterdir() if is_image(item) and not is_hidden(item.name))
    there = (item for item in files if item.is_file() or (item.is_symlink() and not item.exists()))
    return sorted(there, key=lambda item: (item.stem, item.suffix))


def strange_files(folder: Path, sidecars: bool = False) -> list[Path]:
    """List the files in a folder that are neither images nor litter nor documents.

    Files that describe a photo (`SIDECARS`) count with `sidecars` only.
    """
    files = (item for item in folder.iterdir() if item.is_file() and is_strange(item.name))
    return sorted((item for item in files if sidecars or item.suffix.lower() not in SIDECARS), key=_by_text)


def hidden_folders(folder: Path) -> list[Path]:
    """List hidden folders of images that no program keeps for itself; those of jobs under way end in `.partial`."""
    hidden = (item for item in folder.iterdir() if item.name.startswith(".") and item.is_dir())
    its = (item for item in hidden if item.name.lower() not in CACHES and not item.name.endswith((".partial", ".old")))
    return sorted((item for item in its if not item.is_symlink() and has_images(item)), key=_by_text)


def count_below(folder: Path) -> int:
    """Count the image files in a folder and in all folders inside it; links to folders are not followed."""
    return len(image_files(folder)) + sum(count_below(sub) for sub in subfolders(folder) if not sub.is_symlink())


def has_images(folder: Path) -> bool:
    """Say whether an image file is in a folder or in any folder inside it; links to folders are not followed."""
    inner = (sub for sub in subfolders(folder) if not sub.is_symlink())
    return bool(image_files(folder)) or any(map(has_images, inner))


def _by_text(path: Path) -> str:
    return path.name
