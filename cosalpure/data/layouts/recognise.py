"""Which layout a folder has: where its group folders are, and those of their ground truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from cosalpure.data.layouts.folders import has_images, image_files, strange_files, subfolders
from cosalpure.data.layouts.names import AFFIX, LISTED, SUFFIXES, is_of_images, is_of_truths, listed, plain_name, shown
from cosalpure.data.layouts.pairs import match
from cosalpure.errors import UserError

ACCEPTED = (
    "accepted layouts: images/GROUP/*.jpg beside masks/GROUP/*.png; GROUP/*.jpg, alone or each with its GROUP/*_mask.png; "
    "or patterns, images: 'rgb/{group}/*.jpg' and truth: 'gt/{group}/{stem}.png' (docs/reference/datasets.md)"
)
DEPTH = 2  # folders around the pair of folders: one of the archive, one of the set
Value = TypeVar("Value")


def locate(root: Path, source: str) -> tuple[Path, Path | None]:
    """Find the folder of the group folders, and that of their ground truth, or None."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    level = [root]
    for _ in range(DEPTH + 1):
        pairs = [pair for folder in level if (pair := _pair_of_folders(folder))]
        if pairs:
            images, truths = _wanted({pair[0].parent: pair for pair in pairs}, root, source)
            if source == "folder" and len(pairs) == 1:
                _refuse_others(root, images.parent)
            return _inner_set(images, truths, source)
        level = [inner for folder in level for inner in subfolders(folder)]
    return _plain(root), None


def group_folders(folder: Path) -> list[tuple[str, Path]]:
    """List [(label, folder), ...] of the groups in a folder, in the order of their names; loose images are one group."""
    inner = [sub for sub in subfolders(folder) if image_files(sub) or strange_files(sub)]
    loose, images = image_files(folder), [sub for sub in inner if image_files(sub)]
    if loose and inner:
        raise UserError(
            f"{folder}: both images ({loose[0].name}, ...) and folders of images ({inner[0].name}, ...); "
            f"expected one folder a group, or images of one group; {ACCEPTED}"
        )
    if not loose and not inner:
        strange = strange_files(folder)
        there = f" (files that are not read: {listed(strange)})" if strange else ""
        deeper = [sub for sub in subfolders(folder) if has_images(sub)]
        there = f" (they lie in folders inside {listed(deeper)})" if deeper else there
        expected = f"expected one folder a group, with {', '.join(SUFFIXES)} files"
        raise UserError(f"{folder}: no images{there}; {expected}; {ACCEPTED}")
    its = images or inner
    return [(shown(sub.resolve().name), sub) for sub in its or [folder]]


def refuse_masks(root: Path, images: Path, groups: Sequence[Path]) -> None:
    """Refuse folders of masks, by their names, that would be read as photos because no folder of images is beside them.

    Args:
        root: folder of the dataset.
        images: the folder of the group folders, or of the images.
        groups: the folders of groups; none if there is one group, of `images`.
    """
    around = [folder for folder in (images, *images.parents) if folder != root and folder.is_relative_to(root)]
    bases = {AFFIX.sub("", folder.name): folder for folder in groups if not AFFIX.search(folder.name)}
    of_group = [folder for folder in groups if AFFIX.search(folder.name) and AFFIX.sub("", folder.name) in bases]
    for folder in [*around, *groups]:
        if is_of_truths(folder) or folder in of_group:
            its = f" of {shown(bases[AFFIX.sub('', folder.name)].name)}/" if folder in of_group else ""
            what = f"{shown(folder.name)}/ is a folder of ground truth{its} by its name"
            raise UserError(f"{folder.parent}: {what}, not a group of photos; {ACCEPTED}")


def _pair_of_folders(folder: Path) -> tuple[Path, Path] | None:
    """Find the folders of images and of ground truth that stand side by side in a folder; else None."""
    inner = subfolders(folder)
    images, truths = [sub for sub in inner if is_of_images(sub)], [sub for sub in inner if is_of_truths(sub)]
    if len(truths) > 1:  # VOC keeps boxes, as XML files, in a folder of such a name
        truths = [sub for sub in truths if has_images(sub)] or truths
    if not (images and truths):
        return None
    for several in (images, truths):
        if len(several) > 1:
            raise UserError(
                f"{folder}: expected one such folder, found {' and '.join(sub.name for sub in several)}; move one away"
            )
    return images[0], truths[0]


def _inner_set(images: Path, truths: Path, source: str) -> tuple[Path, Path]:
    """Find the folders of the set wanted in `images`/<Set>/<group> beside `truths`/<Set>/<group>."""
    inner = subfolders(images)
    if image_files(images) or any(image_files(sub) for sub in inner) or not any(map(subfolders, inner)):
        return images, truths
    chosen = _wanted({sub: sub for sub in inner}, images, source)
    truth = match([chosen], subfolders(truths)).get(chosen)
    if truth is None:
        raise UserError(f"{truths}: no folder {chosen.name}, as there is in {images}")
    return chosen, truth


def _wanted(folders: dict[Path, Value], where: Path, source: str) -> Value:
    """Choose the one of several datasets that `source` names: a value of {its folder: value}."""
    if len(folders) == 1:
        return next(iter(folders.values()))
    fitting = [value for folder, value in folders.items() if plain_name(folder).startswith(source)]
    if len(fitting) != 1:
        names = [folder.name for folder in folders]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        raise UserError(
            f"{where}: several datasets in one place ({', '.join(names[:LISTED])}{more}); give the path of one of them"
        )
    return fitting[0]


def _plain(folder: Path) -> Path:
    """Find the folder of group folders or images, past folders that only wrap it."""
    while not image_files(folder) and len(subfolders(folder)) == 1:
        (only,) = subfolders(folder)
        if image_files(only) or strange_files(only):
            return folder
        folder = only
    return folder


def _refuse_others(root: Path, place: Path) -> None:
    """Refuse images outside `place`, the folder of images and of ground truth that was found below `root`."""
    while place != root:
        others = [sub for sub in subfolders(place.parent) if sub != place and has_images(sub)]
        loose = image_files(place.parent)
        if others or loose:
            raise UserError(
                f"{place.parent}: images and ground truth lie in {place.name}, other images beside it "
                f"({listed(others + loose)}); expected all groups in one layout"
            )
        place = place.parent
