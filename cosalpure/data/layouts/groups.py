"""The groups of a dataset, from a folder in any layout."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cosalpure.data.layouts.folders import image_files, subfolders
from cosalpure.data.layouts.names import shown
from cosalpure.data.layouts.overlooked import annotations, beside, masks_alone, not_read
from cosalpure.data.layouts.pairs import Photo, match, pair
from cosalpure.data.layouts.recognise import group_folders, locate
from cosalpure.data.problems import Problem
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import Dataset
from cosalpure.errors import UserError


@dataclass(frozen=True)
class Found:
    """A group as found: its label, and its photos in the order of their names."""

    label: str
    photos: tuple[Photo, ...]


def find_groups(root: str | Path, source: str = "folder") -> tuple[list[Found], list[Problem], bool]:
    """Read a folder in any layout: ([Found, ...] in the order of their labels, [Problem, ...], is there ground truth?).

    `source` names the set wanted where a folder holds several.
    """
    images, truths = locate(Path(root), source)
    groups = group_folders(images)
    folders = [folder for _, folder in groups]
    loose = images in folders  # one group, named like the folder around images and ground truth
    problems = [] if loose else not_read(images, "", set(folders))
    if source == "folder" and truths:
        problems += beside(images.parent, images, truths)
    if not truths:
        problems += annotations(Path(root), images)
    truth_folders = {images: truths} if loose and truths else match(folders, subfolders(truths)) if truths else {}
    found = []
    for name, folder in groups:
        label = shown(folder.parent.resolve().name) if loose and truths else name
        photos, its_problems = _photos(label, folder, truth_folders.get(folder), truths is not None)
        problems += its_problems
        if photos:
            found.append(Found(label, tuple(photos)))
    if truths and not loose:
        problems += masks_alone(truths, set(truth_folders.values()))
    return found, problems, truths is not None


def _photos(
    label: str, folder: Path, truth_folder: Path | None, all_have_truth: bool
) -> tuple[list[Photo], list[Problem]]:
    """The photos of a group, in order, and what is wrong in its folder and in that of its ground truth."""
    photos, problems = pair(label, folder, image_files(truth_folder) if truth_folder else [], all_have_truth)
    problems += not_read(folder, label)
    return photos, problems + (not_read(truth_folder, label, sidecars=True) if truth_folder else [])


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
        return len(find_groups(settings.path, settings.source)[0])
    what = "is an archive" if Path(settings.path).is_file() else "is not there (yet)"
    raise UserError(f"datasets.{name}: {settings.path} {what}; say how many groups it has, for example groups: 20")


def has_truth(settings: Dataset) -> bool:
    """Say whether a dataset will have ground truth, before it is made; an archive that does not say is taken to have it."""
    if settings.source == "mini":
        return True
    if settings.ground_truth is None:
        assert settings.path is not None  # only a published dataset may leave it out
        return not Path(settings.path).is_dir() or find_groups(settings.path, settings.source)[2]
    return settings.ground_truth


def fingerprint(path: str | Path) -> str:
    """Write a text that changes when a file of the folder comes, goes or changes its size; empty if there is no folder."""
    if not Path(path).is_dir():
        return ""
    lines = sorted(f"{os.fsencode(file)!r} {file.stat().st_size}" for file in Path(path).rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
