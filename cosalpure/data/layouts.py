"""Where the images of a data set lie: any published layout, or a plain folder of photos, as groups of pairs.

    Image/<group>/*.jpg beside GroundTruth/<group>/*.png        or GT; image and binary; img and gt; images and gts; ...
    <Set>/Image/<group>/..., images/<Set>/<group>/...           one wrapping folder, or several sets in one place
    <group>/*.jpg                                               no ground truth
    *.jpg                                                       one group

Only names are looked at here, so counting groups is quick. Formats and upper case may be mixed. A ground truth has its
image's name, with another extension or none of its own (`a.png` or `a.jpg.png` for `a.jpg`).
"""

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cosalpure.data import slugify
from cosalpure.data.problems import NO_TRUTH, Problem
from cosalpure.data.published import PUBLISHED
from cosalpure.errors import UserError

IMAGE_FOLDERS = ("image", "images", "img", "imgs")
TRUTH_FOLDERS = ("groundtruth", "gt", "gts", "binary", "mask", "masks")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
NOT_READ = (".heic", ".heif", ".avif", ".gif", ".svg", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".psd")
DEPTH = 2  # folders around the pair of folders: one of the archive, one of the set
LISTED = 5  # names in a message


@dataclass(frozen=True)
class Photo:
    """An image's file and its ground truth's, or None where there is none."""

    image: Path
    truth: Path | None


@dataclass(frozen=True)
class Found:
    """A group as found: its label, and its photos in the order of their names."""

    label: str
    photos: tuple[Photo, ...]


def find_groups(root, source="folder"):
    """A folder in any layout -> ([Found, ...] in the order of their labels, [Problem, ...], is there ground truth?).

    `source` names the set wanted where a folder holds several.
    """
    images, truths = locate(Path(root), source)
    truth_folders = _by_name(subfolders(truths)) if truths else {}
    groups = group_folders(images)
    taken = {folder for _, folder in groups}
    others = [sub for sub in subfolders(images) if images not in taken and sub not in taken]
    found, problems = [], [Problem(shown(sub.name), "", "no images in this folder") for sub in others]
    for name, folder in groups:
        loose = folder == images  # one group, named like the folder around images and ground truth
        name = shown(folder.parent.resolve().name) if loose and truths else name
        truth = truths if loose else truth_folders.pop(_key(folder.name), None)
        photos, its_problems = _pair(name, folder, truth, truths is not None)
        problems += its_problems
        if photos:
            found.append(Found(name, tuple(photos)))
    for folder in truth_folders.values():
        problems += [Problem(shown(folder.name), shown(file.name), "no image") for file in image_files(folder)]
    return found, problems, truths is not None


def count_groups(name, settings):
    """How many groups a dataset will have, before it is made: what the workflow plans its jobs by."""
    if settings.groups:
        return settings.groups
    if settings.source in PUBLISHED:
        return PUBLISHED[settings.source].groups
    if Path(settings.path).is_dir():
        return len(find_groups(settings.path, settings.source)[0])
    what = "is an archive" if Path(settings.path).is_file() else "is not there (yet)"
    raise UserError(f"datasets.{name}: {settings.path} {what}; say how many groups it has, for example groups: 20")


def has_truth(settings):
    """Whether a dataset will have ground truth, before it is made; an archive that does not say is taken to have it."""
    wanted = getattr(settings, "ground_truth", True)
    if wanted is None:
        return not Path(settings.path).is_dir() or find_groups(settings.path, settings.source)[2]
    return wanted


def fingerprint(path):
    """Text that changes when a file of the folder comes, goes or changes its size; empty if there is no folder."""
    if not Path(path).is_dir():
        return ""
    lines = sorted(f"{os.fsencode(file)!r} {file.stat().st_size}" for file in Path(path).rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def locate(root, source):
    """The folder of the group folders, and that of their ground truth, or None."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    level = [root]
    for _ in range(DEPTH + 1):
        pairs = [pair for folder in level if (pair := _pair_of_folders(folder))]
        if pairs:
            images, truths = _wanted({pair[0].parent: pair for pair in pairs}, root, source)
            return _inner_set(images, truths, source)
        level = [inner for folder in level for inner in subfolders(folder)]
    return _plain(root), None


def group_folders(folder):
    """[(label, folder), ...] of the groups in a folder, in the order of their names; loose images are one group."""
    inner = [sub for sub in subfolders(folder) if image_files(sub, SUFFIXES + NOT_READ)]
    loose = image_files(folder)
    if loose and inner:
        raise UserError(
            f"{folder}: both images ({loose[0].name}, ...) and folders of images ({inner[0].name}, ...); "
            "expected one folder a group, or images of one group"
        )
    if not loose and not inner:
        raise UserError(f"{folder}: no images; expected one folder a group, with {', '.join(SUFFIXES)} files")
    return [(shown(sub.resolve().name), sub) for sub in inner or [folder]]


def subfolders(folder):
    """The folders in a folder, in the order of their names, without hidden ones."""
    return sorted(
        (item for item in folder.iterdir() if item.is_dir() and not _hidden(item.name)), key=lambda item: item.name
    )


def image_files(folder, suffixes=SUFFIXES):
    """The image files in a folder, in the order of their names without extension: formats do not change the order."""
    files = (item for item in folder.iterdir() if item.suffix.lower() in suffixes and not _hidden(item.name))
    return sorted(
        (item for item in files if item.is_file() or _dangling(item)), key=lambda item: (item.stem, item.suffix)
    )


def shown(name):
    """A file's name as text that can be printed and stored, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def unique_slugs(labels):
    """A slug each for different labels. Labels that come to the same slug all get a hash behind it."""
    slugs = [slugify(label) for label in labels]
    return [
        f"{slug}-{hashlib.sha256(label.encode()).hexdigest()[:8]}" if slugs.count(slug) > 1 else slug
        for slug, label in zip(slugs, labels, strict=True)
    ]


def _pair_of_folders(folder):
    """The folders of images and of ground truth that stand side by side in a folder, or None."""
    inner = subfolders(folder)
    images = [sub for sub in inner if _plain_name(sub.name) in IMAGE_FOLDERS]
    truths = [sub for sub in inner if _plain_name(sub.name) in TRUTH_FOLDERS]
    if not (images and truths):
        return None
    for several in (images, truths):
        if len(several) > 1:
            raise UserError(f"{folder}: which one is it, {' or '.join(sub.name for sub in several)}? Move one away")
    return images[0], truths[0]


def _inner_set(images, truths, source):
    """`images`/<Set>/<group> beside `truths`/<Set>/<group>: the folders of the set wanted."""
    inner = subfolders(images)
    if image_files(images) or any(image_files(sub) for sub in inner) or not any(map(subfolders, inner)):
        return images, truths
    chosen = _wanted({sub: sub for sub in inner}, images, source)
    truth = _by_name(subfolders(truths)).get(_key(chosen.name))
    if truth is None:
        raise UserError(f"{truths}: no folder {chosen.name}, as there is in {images}")
    return chosen, truth


def _wanted(folders, where, source):
    """The one of several data sets that `source` names: a value of {its folder: value}."""
    if len(folders) == 1:
        return next(iter(folders.values()))
    fitting = [value for folder, value in folders.items() if _plain_name(folder.name).startswith(source)]
    if len(fitting) != 1:
        names = [folder.name for folder in folders]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        raise UserError(
            f"{where}: several data sets in one place ({', '.join(names[:LISTED])}{more}); give the path of one of them"
        )
    return fitting[0]


def _plain(folder):
    """A folder of group folders or images, past folders that only wrap it."""
    while not image_files(folder) and len(subfolders(folder)) == 1:
        (only,) = subfolders(folder)
        if image_files(only, SUFFIXES + NOT_READ):
            return folder
        folder = only
    return folder


def _pair(label, folder, truth_folder, has_truth):
    """The photos of a group, in order, and what is wrong with their names."""
    files = {"images": image_files(folder), "truths": image_files(truth_folder) if truth_folder else []}
    truths = {}
    for file in files["truths"]:
        truths.setdefault(_key(file.stem), file)
    photos, problems, used = [], [], set()
    for file in files["images"]:
        truth = truths.get(_key(file.name)) or truths.get(_key(file.stem))
        used.add(truth)
        if has_truth and truth is None:
            problems.append(Problem(label, shown(file.name), NO_TRUTH))
        else:
            photos.append(Photo(file, truth))
    problems += [Problem(label, shown(file.name), "no image") for file in files["truths"] if file not in used]
    strange = [file.name for file in image_files(folder, NOT_READ)]
    strange += [f"{inner.name}/" for inner in subfolders(folder)]
    problems += [Problem(label, shown(name), "not read: of an unknown kind or a folder") for name in strange]
    return photos, problems


def _dangling(item):
    """Whether a file is a link to nothing: to be reported, not overlooked."""
    return item.is_symlink() and not item.exists()


def _by_name(folders):
    return {_key(folder.name): folder for folder in folders}


def _key(name):
    """A name as it is compared: copies of an archive differ in the case of letters and in how accents are stored."""
    return unicodedata.normalize("NFC", name).casefold()


def _plain_name(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _hidden(name):
    return name.startswith((".", "__MACOSX"))
