"""Photos of any size and format become PNG files of one size, many at a time: images bicubic, ground truth nearest."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from cosalpure.data import file_hash, unique_slugs
from cosalpure.data.layouts import APART, Found, base_name, shown
from cosalpure.data.masks import read_mask
from cosalpure.data.photos import QUARTER, Reading, looks_like_mask, read_photo, turn
from cosalpure.data.pixels import border_share
from cosalpure.data.problems import Placed, Problem
from cosalpure.errors import UserError
from cosalpure.io import write_image

STEM = 80  # characters of a file's name at most


@dataclass(frozen=True)
class Task:
    """One photo's way: files read, files written, side in px, whether EXIF turns it."""

    image: Path
    truth: Path | None
    new_image: Path
    new_truth: Path
    size: int
    upright: bool


@dataclass(frozen=True)
class Taken:
    """What became of one photo: hashes of the files written (empty if there is none), what is wrong, how it was read.

    `full` says that the ground truth calls everything object, `border` the share of the outermost pixels that it does;
    `looks` is why the image may be a mask.
    """

    sha256: str = ""
    truth_sha256: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    full: bool = False
    border: float = 0.0
    looks: str = ""


def normalise(
    name: str, found: Sequence[Found], folder: Path, size: int, threads: int = 1, upright: bool = False
) -> tuple[list[dict[str, Any]], list[Placed], list[Problem]]:
    """Write every photo of `found` to `folder`/images and masks; return the manifest's rows, the problems and notes.

    The result does not depend on the number of processes. A problem's image is there all the same if it is usable.
    Notes are `Problem`s that nobody has to fix. Rows hold `truth_sha256`, too, which the manifest does not.
    """
    rows: list[dict[str, Any]] = []
    tasks, parts = [], []
    for group, slug in zip(found, unique_slugs([group.label for group in found]), strict=True):
        for kind in ("images", "masks"):
            (folder / kind / slug).mkdir(parents=True)
        width = max(3, len(str(len(group.photos) - 1)))
        parts.append(range(len(rows), len(rows) + len(group.photos)))
        for index, photo in enumerate(group.photos):
            file = f"{index:0{width}d}_{safe_stem(photo.image)}.png"
            row: dict[str, Any] = {"dataset": name, "group": group.label, "slug": slug, "index": index, "file": file}
            rows.append(row | {"original": shown(photo.image.name), "truth": photo.truth is not None})
            image, truth = (folder / kind / slug / file for kind in ("images", "masks"))
            tasks.append(Task(photo.image, photo.truth, image, truth, size, upright))
    results = list(tqdm(_mapped(tasks, threads), total=len(tasks), desc=f"normalise {name}", unit="image"))
    problems, notes, names = [], [], Counter(base_name(task.image) for task in tasks)
    for part in parts:
        together = _judged_together([tasks[at] for at in part], [results[at] for at in part], names, each=upright)
        for at, more in zip(part, together, strict=True):
            row, its = rows[at], results[at]
            row |= {"sha256": its.sha256, "truth_sha256": its.truth_sha256}
            where = (row["group"], row["original"])
            problems += [((row["slug"], row["file"]), Problem(*where, text)) for text in (*its.problems, *more)]
            notes += [Problem(*where, text) for text in its.notes]
    return rows, problems, notes


def take(task: Task) -> Taken:
    """Read one photo and its ground truth, write both at their new size."""
    path = task.image
    try:
        photo = read_photo(path)
        path = task.truth or path
        mask = read_mask(path) if task.truth else None
    except UserError as error:
        where = "" if path == task.image else f"ground truth {shown(path.name)}: "
        return Taken(problems=(where + str(error).removeprefix(f"{path}: "),))
    pixels = turn(photo.pixels, photo.orientation) if task.upright else photo.pixels
    problems, notes = [photo.problem], [photo.note]
    its: dict[str, Any] = {}
    if mask is None:
        its["looks"] = looks_like_mask(photo)
    else:
        truth, turned = align(photo, mask, task.upright)
        small = _resized(truth, task.size, Image.Resampling.NEAREST)
        write_image(task.new_truth, small)
        chosen = truth >= 128
        its |= {"truth_sha256": file_hash(task.new_truth), "full": bool(chosen.all()), "border": border_share(chosen)}
        problems += [turned, mask.problem or _emptiness(truth, small)]
        notes.append(f"ground truth: {mask.note}" if mask.note else "")
        if truth.shape != pixels.shape[:2] and not turned:
            sizes = "image {1}x{0}, ground truth {3}x{2}".format(*pixels.shape[:2], *truth.shape)
            problems.append(f"sizes differ: {sizes}")
    write_image(task.new_image, _resized(pixels, task.size, Image.Resampling.BICUBIC))
    its |= {"problems": tuple(filter(None, problems)), "notes": tuple(filter(None, notes))}
    return Taken(file_hash(task.new_image), **its)


def align(photo: Reading, mask: Reading, upright: bool) -> tuple[np.ndarray, str]:
    """Turn a ground truth like its photo where EXIF may turn only one of them.

    The sizes tell where the photo lay on its side; else only a ground truth that carries the same orientation, or looks the
    same turned, is certain.

    Args:
        photo: the photo as it was read.
        mask: its ground truth as it was read.
        upright: whether the photo is turned.

    Returns:
        The ground truth's pixels (H, W), and what is not certain about them; empty if nothing is.
    """
    truth = turn(mask.pixels, mask.orientation) if upright else mask.pixels
    if photo.orientation == mask.orientation:
        return truth, ""
    stored, lies = photo.pixels.shape[:2], photo.orientation in QUARTER
    tag = f"EXIF orientation {photo.orientation if photo.orientation != 1 else mask.orientation}"
    fix = "turn photo and ground truth alike and remove the tag"
    if mask.orientation == 1 and lies and stored[0] != stored[1]:
        as_shown, as_stored = truth.shape == stored[::-1], truth.shape == stored
        if as_shown if upright else as_stored:
            return truth, ""
        if upright and as_stored:
            return turn(truth, photo.orientation), f"{tag} turns the photo, its ground truth is not turned; {fix}"
        if as_shown:
            return truth, f"{tag} would turn the photo, its ground truth is turned already; {fix}"
        return (
            truth,
            f"{tag}, and sizes differ: photo {stored[1]}x{stored[0]}, ground truth {'{1}x{0}'.format(*truth.shape)}",
        )
    if np.array_equal(turn(mask.pixels, photo.orientation), turn(mask.pixels, mask.orientation)):
        return truth, ""
    return truth, f"{tag}: whether it holds for photo and ground truth alike is not certain; {fix}"


def _emptiness(truth: np.ndarray, small: np.ndarray) -> str:
    """Say what is wrong with a ground truth in which there is no object, at its own size or at the new one."""
    covered = np.count_nonzero(truth >= 128)
    if not covered:
        return "empty mask: nothing in it is half white or more"
    if small.max() < 128:
        size = "{1}x{0}".format(*truth.shape)
        return f"vanishing object: {covered} of {size} px, of which none is left at {small.shape[1]}x{small.shape[0]}"
    return ""


def _judged_together(
    tasks: Sequence[Task], results: Sequence[Taken], names: Counter[str], each: bool
) -> list[list[str]]:
    """List, for each photo of one group, the problems that show beside its others only.

    A mask that is full, or whose outermost pixels are nearly all object, may be inverted, or the object be larger than the
    image. Without `each`, as in a published set, that is told only where it holds for most of the group. `names` counts the
    names of all groups.
    """
    masks = [its for its in results if its.truth_sha256]
    usual = float(np.median([its.border for its in masks])) if masks else 0.0
    most_full = sum(its.full for its in masks) > len(masks) / 2
    all_plain = len(results) > 1 and all(its.looks not in ("", "soft") for its in results)
    found = []
    for task, its in zip(tasks, results, strict=True):
        twin, problems = names[base_name(task.image)] > 1, []
        if its.full:
            problems += ["full mask: all of it is object"] * (each or most_full)
        elif its.border > (0.6 if usual > 0.6 else 0.9 if each else 1):
            problems.append(f"inverted mask? {its.border:.0%} of its outermost pixels are object, which must be 255")
        if its.looks == "few" or (its.looks and (twin or all_plain)):
            beside = " and the name of another image" if twin else ""
            problems.append(f"mask among the images? It has few tones{beside}. {APART}")
        found.append(problems)
    return found


def safe_stem(path: Path) -> str:
    """Reduce a file's name without extension to what no shell, web page or other system stumbles over."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)[:STEM].strip("-") or "image"


def _resized(pixels: np.ndarray, size: int, how: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((size, size), how))


def _mapped(tasks: Iterable[Task], threads: int) -> Iterator[Taken]:
    """Run `take` on every task, in order, in `threads` processes."""
    threads = min(threads, os.cpu_count() or 1)
    with ProcessPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        try:
            yield from pool.map(take, tasks, chunksize=8) if pool else map(take, tasks)
        except BrokenProcessPool:
            raise UserError("a process that read images was killed; it may have run out of memory") from None
