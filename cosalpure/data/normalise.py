"""Photos of any size and format become PNG files of one size, many at a time: images bicubic, ground truth nearest."""

import re
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from cosalpure.data import file_hash
from cosalpure.data.layouts import shown, unique_slugs
from cosalpure.data.problems import Problem
from cosalpure.errors import UserError
from cosalpure.io import read_pixels, write_image

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


def normalise(name, found, folder, size, threads=1, upright=False):
    """Every photo of `found` -> `folder`/images and masks; (rows of the manifest, {(slug, file): Problem}).

    The result does not depend on the number of processes. A problem's image is there all the same if it is usable.
    """
    rows, tasks = [], []
    for group, slug in zip(found, unique_slugs([group.label for group in found]), strict=True):
        for kind in ("images", "masks"):
            (folder / kind / slug).mkdir(parents=True)
        width = max(3, len(str(len(group.photos) - 1)))
        for index, photo in enumerate(group.photos):
            file = f"{index:0{width}d}_{safe_stem(photo.image)}.png"
            row = {"dataset": name, "group": group.label, "slug": slug, "index": index, "file": file}
            rows.append(row | {"original": shown(photo.image.name), "truth": photo.truth is not None})
            new = (folder / kind / slug / file for kind in ("images", "masks"))
            tasks.append(Task(photo.image, photo.truth, *new, size, upright))
    results = list(tqdm(_mapped(tasks, threads), total=len(tasks), desc=f"normalise {name}", unit="image"))
    problems, first = {}, {}
    for row, (sha256, problem) in zip(rows, results, strict=True):
        row["sha256"] = sha256
        twin = first.setdefault(sha256, row) if sha256 else row
        if not problem and twin["slug"] != row["slug"]:
            problem = f"duplicate of {twin['group']}/{twin['original']}"
        if problem:
            problems[row["slug"], row["file"]] = Problem(row["group"], row["original"], problem)
    return rows, problems


def take(task):
    """Read one photo and its ground truth, write both at their new size: (sha256 of the new image, problem or None)."""
    path = task.image
    try:
        pixels = read_pixels(path, "RGB", task.upright)
        path = task.truth
        truth = read_pixels(path, "L", task.upright) if path else None
    except UserError as error:
        where = "" if path == task.image else f"ground truth {shown(path.name)}: "
        return "", where + str(error).removeprefix(f"{path}: ")
    write_image(task.new_image, _resized(pixels, task.size, Image.Resampling.BICUBIC))
    problem = None
    if truth is not None:
        mask = _resized(truth, task.size, Image.Resampling.NEAREST)
        write_image(task.new_truth, mask)
        if mask.max() < 128:
            problem = "empty mask: nothing in it is half white or more"
        if truth.shape != pixels.shape[:2]:
            problem = "sizes differ: image {1}x{0}, ground truth {3}x{2}".format(*pixels.shape[:2], *truth.shape)
    return file_hash(task.new_image), problem


def safe_stem(path):
    """A file's name without extension, without what a shell, a web page or another system could stumble over."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)[:STEM].strip("-") or "image"


def _resized(pixels, size, how):
    return np.asarray(Image.fromarray(pixels).resize((size, size), how))


def _mapped(tasks, threads):
    """`take` of every task, in order, in `threads` processes."""
    with ProcessPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        try:
            yield from pool.map(take, tasks, chunksize=8) if pool else map(take, tasks)
        except BrokenProcessPool:
            raise UserError("a process that read images was killed; it may have run out of memory") from None
