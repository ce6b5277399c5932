"""What lies in a dataset and is not read, as problems: nothing vanishes without a word."""

import re
from collections.abc import Collection
from pathlib import Path

from cosalpure.data.layouts.folders import count_below, hidden_folders, image_files, strange_files, subfolders
from cosalpure.data.layouts.names import SIDECARS, is_of_truths, listed, shown
from cosalpure.data.problems import Problem, counted

ANNOTATIONS = re.compile(r"(?i)annot|instance|coco|label|mask|segm|truth|(^|[^a-z])gt([^a-z]|$)")
APART = "Put masks into a folder masks/ beside images/, or give the patterns images and truth"


def not_read(folder: Path, label: str, known: Collection[Path] = (), sidecars: bool = False) -> list[Problem]:
    """List what in a folder is not read: files of unknown kinds, and folders that are not `known`.

    `label` is the group that the folder is of; empty for a folder of groups.
    """
    problems = [Problem(label, shown(file.name), why_not_read(file)) for file in strange_files(folder, sidecars)]
    problems += [
        Problem(label, f"{shown(inner.name)}/", "not read: a hidden folder") for inner in hidden_folders(folder)
    ]
    return problems + [_folder_problem(inner, label) for inner in subfolders(folder) if inner not in known]


def _folder_problem(inner: Path, label: str) -> Problem:
    """Say what is wrong with a folder that is no group and none of the layout's."""
    number = count_below(inner)
    images = counted(number, "image")
    if is_of_truths(inner) and number:
        text = f"not read: a folder of masks inside a group ({number}). {APART}"
    elif label:
        text = f"not read: a folder inside a group ({images})"
    else:
        deep = f"; folders inside it hold {images}" if number else ""
        others = strange_files(inner)
        deep += f"; not read: {listed(others)}" if others else ""
        return Problem(shown(inner.name), "", f"no images in this folder{deep}")
    return Problem(label, f"{shown(inner.name)}/", text)


def masks_alone(truths: Path, used: Collection[Path]) -> list[Problem]:
    """List ground truth that is of no group: loose, or in folders other than those `used`."""
    problems = [Problem("", shown(file.name), "no image") for file in image_files(truths)]
    problems += not_read(truths, "", set(subfolders(truths)), sidecars=True)
    for folder in (sub for sub in subfolders(truths) if sub not in used):
        problems += [Problem(shown(folder.name), shown(file.name), "no image") for file in image_files(folder)]
        problems += not_read(folder, shown(folder.name), sidecars=True)
    return problems


def beside(parent: Path, images: Path, truths: Path) -> list[Problem]:
    """List images that lie beside the folders of images and of ground truth, in neither."""
    problems = [
        Problem("", shown(file.name), f"not read: it lies beside {images.name} and {truths.name}")
        for file in image_files(parent)
    ]
    problems += [Problem("", shown(file.name), why_not_read(file)) for file in strange_files(parent)]
    for inner in subfolders(parent):
        if inner not in (images, truths, images.parent, truths.parent) and count_below(inner):
            text = f"not read: a folder beside {images.name} and {truths.name} ({counted(count_below(inner), 'image')})"
            problems.append(Problem("", f"{shown(inner.name)}/", text))
    return problems


def annotations(root: Path, images: Path) -> list[Problem]:
    """List files that may hold the ground truth of all images, as COCO's do, where no folder does."""
    folders = {root, images, images.parent if images != root else root}
    files = [file for folder in sorted(folders) for file in strange_files(folder, sidecars=True)]
    return [
        Problem("", shown(file.name), f"{why_not_read(file)}, so there is no ground truth")
        for file in files
        if file.suffix.lower() in SIDECARS and ANNOTATIONS.search(file.stem)
    ]


def why_not_read(file: Path) -> str:
    """Say why a file is not read."""
    if file.name.startswith("."):
        return "not read: a hidden file"
    kind = f"a file of kind {shown(file.suffix.lower()[1:])}" if file.suffix else "a file without a suffix"
    return f"not read: {kind}; images and masks are JPEG, PNG, BMP, WebP or TIFF files"
