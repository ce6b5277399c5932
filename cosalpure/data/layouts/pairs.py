"""Which ground truth is whose, by the names of files."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from cosalpure.data.layouts.names import base_name, comparable, is_image, shown
from cosalpure.data.problems import NO_TRUTH, Problem


@dataclass(frozen=True)
class Photo:
    """An image's file and its ground truth's, or None where there is none."""

    image: Path
    truth: Path | None


def match(files: Collection[Path], others: Iterable[Path]) -> dict[Path, Path]:
    """Find {file or folder: the other one of its name}: first the very name, then one that differs by case or accents.

    `a.png` and `a.jpg.png` are of the name of `a.jpg`, and `a_mask.png` is if no other one is. None is given twice, except
    that images of one stem share a ground truth.
    """
    others = list(others)
    found: dict[Path, Path] = {}
    for names in (_exact_names, _like_names, _mask_names):
        used = set(found.values())
        index: dict[str, list[Path]] = {}
        for other in others:
            if other not in used:
                index.setdefault(names(other)[-1], []).append(other)
        most = 1 if names is _mask_names else len(others)  # several masks of one base name: none is certain
        new = {}
        for file in files:
            for name in () if file in found else names(file):
                if 1 <= len(fitting := index.get(name, [])) <= most:
                    new[file] = fitting[0]
                    break
        found |= new
    return found


def named_masks(files: Collection[Path]) -> dict[Path, Path]:
    """Find {mask: image} among the files of a folder: `a_mask.png` and `mask_a.png` are masks if there is an `a.jpg`."""
    images: dict[str, Path] = {}
    for file in files:
        images.setdefault(comparable(file.stem), file)
    names = {file: base_name(file) for file in files}
    return {file: images[name] for file, name in names.items() if name != comparable(file.stem) and name in images}


def pair(
    label: str, images: Collection[Path], truths: Collection[Path], all_have_truth: bool
) -> tuple[list[Photo], list[Problem]]:
    """Pair the images of a group, in order, with its ground truths; list what is wrong with their names."""
    paired = match(images, truths)
    photos, problems = [], []
    owner: dict[Path, Path] = {}
    for file in images:
        truth = paired.get(file)
        if all_have_truth and truth is None:
            problems.append(Problem(label, shown(file.name), NO_TRUTH))
            continue
        photos.append(Photo(file, truth))
        if truth and owner.setdefault(truth, file) != file:
            text = f"shared ground truth: {shown(truth.name)} is that of {shown(owner[truth].name)}, too"
            problems.append(Problem(label, shown(file.name), text))
    names = {name for file in images for name in _like_names(file)}
    for file in truths:
        if file not in owner:
            again = "; another ground truth has the name of its image" if _like_names(file)[-1] in names else ""
            problems.append(Problem(label, shown(file.name), f"no image{again}"))
    return photos, problems


def _exact_names(path: Path) -> tuple[str, ...]:
    """List the names that a file's ground truth may have without extension; the last one is its own."""
    return (path.name, path.stem) if is_image(path) else (path.name,)


def _like_names(path: Path) -> tuple[str, ...]:
    return tuple(map(comparable, _exact_names(path)))


def _mask_names(path: Path) -> tuple[str, ...]:
    return (base_name(path),) if is_image(path) else (comparable(path.name),)
