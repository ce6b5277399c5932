"""The groups of a dataset, from a folder in any layout."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cosalpure.data.layouts.by_pattern import PatternFinder
from cosalpure.data.layouts.folders import image_files, subfolders
from cosalpure.data.layouts.found import Found
from cosalpure.data.layouts.names import shown
from cosalpure.data.layouts.overlooked import annotations, beside, masks_alone, not_read
from cosalpure.data.layouts.pairs import match, named_masks, pair
from cosalpure.data.layouts.recognise import ACCEPTED, group_folders, locate, refuse_masks
from cosalpure.data.patterns import FilePattern
from cosalpure.data.problems import Problem
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import Dataset, FolderDataset, PhotoDataset
from cosalpure.errors import UserError

# the groups in the order of their labels, what is wrong, is there ground truth?
Groups = tuple[list[Found], list[Problem], bool]


def groups_of(settings: PhotoDataset, root: str | Path | None = None) -> Groups:
    """Find the groups of a dataset as its settings say, by patterns or by names; see `find_groups`.

    Args:
        settings: of the dataset.
        root: folder that is read; default: the path of the settings.
    """
    folder = root or settings.path
    assert folder is not None  # only a published dataset may leave it out, and it is downloaded first
    patterns = _patterns(settings)
    if patterns is None:
        return find_groups(folder, settings.source)
    try:
        return *PatternFinder(Path(folder), *patterns).groups(), patterns[1] is not None
    except UserError as error:
        raise UserError(f"{error}; {ACCEPTED}") from None


def not_matched(settings: PhotoDataset, root: str | Path) -> list[Problem]:
    """List the images in the folders of a dataset that none of its patterns matches; none without patterns."""
    patterns = _patterns(settings)
    return PatternFinder(Path(root), *patterns).not_matched() if patterns else []


def _patterns(settings: Dataset | PhotoDataset) -> tuple[FilePattern, FilePattern | None] | None:
    """Parse the patterns of images and of ground truths; None if the layout is recognised by names."""
    if not isinstance(settings, FolderDataset) or settings.images is None:
        return None
    return FilePattern(settings.images), FilePattern(settings.truth) if settings.truth else None


def find_groups(root: str | Path, source: str = "folder") -> Groups:
    """Find the groups in a folder in any layout that is recognised by names.

    Args:
        root: the folder.
        source: the set wanted where the folder holds several.

    Returns:
        The groups in the order of their labels, what is wrong, and whether there is ground truth.

    Raises:
        UserError: if the layout is not recognised; it names those that are accepted.
    """
    images, truths = locate(Path(root), source)
    groups = group_folders(images)
    folders = [folder for _, folder in groups]
    if truths is None:
        return _without_truth_folder(Path(root), images, groups)
    loose = images in folders  # one group, named like the folder around images and ground truth
    problems = [] if loose else not_read(images, "", set(folders))
    if source == "folder":
        problems += beside(images.parent, images, truths)
    truth_folders = {images: truths} if loose else match(folders, subfolders(truths))
    found = []
    for name, folder in groups:
        label = shown(folder.parent.resolve().name) if loose else name
        truth_folder = truth_folders.get(folder)
        its_truths = image_files(truth_folder) if truth_folder else []
        photos, its_problems = pair(label, image_files(folder), its_truths, all_have_truth=True)
        problems += its_problems + not_read(folder, label)
        problems += not_read(truth_folder, label, sidecars=True) if truth_folder else []
        if photos:
            found.append(Found(label, tuple(photos)))
    if not loose:
        problems += masks_alone(truths, set(truth_folders.values()))
    return found, problems, True


def _without_truth_folder(root: Path, images: Path, groups: Sequence[tuple[str, Path]]) -> Groups:
    """Find groups of photos alone, or each with its mask beside it (`a.jpg`, `a_mask.png`).

    Photos alone, or each with its mask beside it (`a.jpg`, `a_mask.png`).
    """
    folders = [folder for _, folder in groups]
    refuse_masks(root, images, [] if images in folders else folders)
    problems = [] if images in folders else not_read(images, "", set(folders))
    problems += annotations(root, images)
    masks = {folder: named_masks(image_files(folder)) for folder in folders}
    photos = {folder: [file for file in image_files(folder) if file not in masks[folder]] for folder in folders}
    bare = [file for folder in folders for file in photos[folder] if file not in masks[folder].values()]
    found = []
    for label, folder in groups:
        its_masks = [] if bare else list(masks[folder])
        its_photos, its_problems = pair(label, photos[folder], its_masks, all_have_truth=False)
        problems += its_problems + not_read(folder, label)
        if bare:
            text = f"while {shown(bare[0].name)} has none. Give every image its mask, or none"
            problems += [
                Problem(label, shown(mask.name), f"not read: the mask of {shown(photo.name)} by its name, {text}")
                for mask, photo in masks[folder].items()
            ]
        if its_photos:
            found.append(Found(label, tuple(its_photos)))
    return found, problems, any(masks.values()) and not bare


def count_groups(name: str, settings: Dataset) -> int:
    """Say how many groups a dataset will have, before it is made: what the workflow plans its jobs by."""
    if settings.source == "mini":
        return settings.groups
    if settings.groups:
        return settings.groups
    if settings.source in PUBLISHED:
        return PUBLISHED[settings.source].groups
    assert settings.path is not None  # only a published dataset may leave it out
    if Path(settings.path).is_dir():
        return len(groups_of(settings)[0])
    what = "is an archive" if Path(settings.path).is_file() else "is not there (yet)"
    raise UserError(f"datasets.{name}: {settings.path} {what}; say how many groups it has, for example groups: 20")


def has_truth(settings: Dataset) -> bool:
    """Say whether a dataset will have ground truth, before it is made; an archive that does not say is taken to have it."""
    if settings.source == "mini":
        return True
    if patterns := _patterns(settings):
        return patterns[1] is not None
    if settings.ground_truth is None:
        assert settings.path is not None  # only a published dataset may leave it out
        return not Path(settings.path).is_dir() or groups_of(settings)[2]
    return settings.ground_truth


def fingerprint(path: str | Path) -> str:
    """Write a text that changes when a file of the folder comes, goes or changes its size; empty if there is no folder."""
    if not Path(path).is_dir():
        return ""
    lines = sorted(f"{os.fsencode(file)!r} {file.stat().st_size}" for file in Path(path).rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
