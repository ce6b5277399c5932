"""The data stage: a dataset of any source becomes a folder in the layout of `cosalpure.data`."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cosalpure import record
from cosalpure.data import COLUMNS, MANIFEST, file_hash, slugify
from cosalpure.data.archives import unpack
from cosalpure.data.layouts import Found, count_text, groups_of, not_matched
from cosalpure.data.mini import MiniWorld
from cosalpure.data.normalise import normalise
from cosalpure.data.problems import NO_TRUTH, Placed, Problem, counted, noted, stop, summary, write_problems
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import Dataset, MiniDataset, PhotoDataset
from cosalpure.errors import UserError, choose
from cosalpure.io import whole_folder, write_image
from cosalpure.seeds import numpy_generator
from cosalpure.weights import fetch, read_sources

ARCHIVES = "datasets"  # folder of downloaded archives
PROBLEMS = "problems.parquet"  # in the dataset's folder: what was left out, or kept in spite of a problem
FILE = re.compile(r"\d{3,}_[A-Za-z0-9_-]+\.png")  # an image or mask
NOTES = "notes.parquet"  # beside it: how encodings were read, and what is unusual but nothing to fix


def run(
    name: str,
    settings: Dataset,
    output: str | Path,
    seed: int,
    threads: int = 1,
    archives: str | Path = ARCHIVES,
    sources: str | Path | None = None,
) -> None:
    """Write dataset `name` (settings: one of `cosalpure.data.settings.DATASETS`) to the folder `output`, whole or not at all.

    `archives` is the folder of downloaded archives, `sources` the table of where they come from.
    """
    _check_output(Path(output), getattr(settings, "path", None))
    job = record.begin("data", output, settings.source, settings, seed)
    with whole_folder(output) as folder:
        if settings.source == "mini":
            rows: Sequence[Any] = compose_mini(name, settings, folder, seed)
        else:
            origin = _origin(settings, archives, sources)
            listed = Path(output).with_name(f"{Path(output).name}.problems.csv")
            with _as_folder(origin, folder) as photos:
                rows = take_photos(name, settings, photos, folder, listed, threads)
        record.write(pd.DataFrame(rows, columns=list(COLUMNS)), folder / MANIFEST, job)


def _check_output(output: Path, origin: str | None) -> None:
    """Refuse to replace a folder that holds anything but a dataset, or the photos that it is made from."""
    if output.is_dir() and not _is_dataset(output):
        raise UserError(f"{output}: holds other files; choose a new folder for the dataset")
    if origin:
        ours, theirs = output.resolve(), Path(origin).resolve()
        if ours == theirs or ours in theirs.parents:
            raise UserError(
                f"{output}: holds the photos that the dataset is made from ({origin}); choose another folder"
            )


def _is_dataset(folder: Path) -> bool:
    """Tell whether a folder is empty or was made here. Snakemake removes the manifest before it makes a dataset anew."""
    names = {path.name for path in folder.iterdir()}
    files = (path.name for kind in ("images", "masks") for path in folder.glob(f"{kind}/*/*"))
    return MANIFEST in names or (names <= {"images", "masks", PROBLEMS, NOTES} and all(map(FILE.fullmatch, files)))


def _origin(settings: PhotoDataset, archives: str | Path, sources: str | Path | None) -> Path:
    """Find the folder or archive that a dataset is made from; download it if need be."""
    if settings.path is None:
        known = read_sources(sources, "data")
        archive: Path = fetch(known[choose("source", settings.source, list(known), "sources")], archives)
        return archive
    if not Path(settings.path).exists():
        raise UserError(f"{settings.path}: no such folder or archive")
    return Path(settings.path)


@contextmanager
def _as_folder(origin: Path, folder: Path) -> Iterator[Path]:
    """Yield `origin`, or what it unpacks to, in `folder` as long as it is needed."""
    if origin.is_dir():
        yield origin
        return
    photos = folder / "unpacked" / origin.name.partition(".")[0]  # the name of a group, should images lie loose in it
    photos.mkdir(parents=True)
    unpack(origin, photos)
    try:
        yield photos
    except UserError as error:
        raise UserError(str(error).replace(str(photos), str(origin))) from None
    shutil.rmtree(folder / "unpacked")


def take_photos(
    name: str, settings: PhotoDataset, photos: Path, folder: Path, listed: Path, threads: int
) -> list[dict[str, Any]]:
    """Normalise a folder `photos` of any layout into `folder`; the manifest's rows.

    What is wrong is listed: `problems: strict` stops on anything, `skip` leaves invalid images out, `keep` those that
    cannot be used at all. Names decide the order, so which images are attacked does not depend on the machine.
    """
    listed.unlink(missing_ok=True)
    found, problems, has_truth = groups_of(settings, photos)
    print(f"{name}: found {count_text(found)}")
    if settings.source in PUBLISHED and not has_truth:
        raise UserError(f"{name}: no folder of ground truth beside that of the images")
    problems += count_problems(settings, found)
    rows, invalid, notes = normalise(name, found, folder, settings.size, threads, upright=settings.source == "folder")
    keep = settings.problems == "keep"
    left_out = {key for key, problem in invalid if not (keep and problem.usable)}
    twins, elsewhere = find_duplicates([row for row in rows if _key(row) not in left_out])
    left_out |= set() if keep else {key for key, _ in twins}
    problems += [problem for _, problem in (*invalid, *twins)]
    if problems and settings.problems == "strict":
        stop(name, problems, listed)
    _remove(left_out, folder)
    count = len(left_out) + sum(problem.problem.startswith(NO_TRUTH) for problem in problems)
    rows = [row | {"left_out": count} for row in _split(rows, left_out, settings.attacked_fraction)]
    _check_groups(name, settings, found, rows, problems, listed)
    notes += elsewhere + small_groups(rows, settings.attacked_fraction) + not_matched(settings, photos)
    _tell(name, len(rows), notes, problems, folder)
    return rows


def _remove(left_out: set[tuple[str, str]], folder: Path) -> None:
    """Remove the files of images that are left out: {(slug, file), ...}."""
    for slug, file in left_out:
        for kind in ("images", "masks"):
            (folder / kind / slug / file).unlink(missing_ok=True)


def _tell(name: str, images: int, notes: list[Problem], problems: list[Problem], folder: Path) -> None:
    """Print what is noted and what is wrong, a line each, and write the whole lists beside the manifest."""
    if notes:
        write_problems(notes, folder / NOTES)
        print(f"{name}: {counted(len(notes), 'note')}, in {NOTES}: {noted(notes)}")
    if problems:
        write_problems(problems, folder / PROBLEMS)
        found = f"{counted(len(problems), 'problem')}, in {PROBLEMS}: {summary(problems)}"
        print(f"{name}: {counted(images, 'image')}; {found}")


def find_duplicates(rows: Sequence[dict[str, Any]]) -> tuple[list[Placed], list[Problem]]:
    """Find what is there twice among rows with `sha256` and `truth_sha256`: ([((slug, file), Problem), ...], notes).

    A photo twice in one group is a problem, and so is one that another group has with the same ground truth or none. With
    another ground truth another object of it is meant, which is common and noted only.
    """
    first: dict[str, list[dict[str, Any]]] = {}
    problems, notes = [], []
    for row in rows:
        twins = first.setdefault(row["sha256"], [])
        inside = [twin for twin in twins if twin["slug"] == row["slug"]]
        alike = [twin for twin in twins if twin["truth_sha256"] == row["truth_sha256"]]
        where = (row["group"], row["original"])
        if inside or alike:
            twin = (inside or alike)[0]
            text = f"duplicate of {twin['group']}/{twin['original']}" + ", in the same group" * bool(inside)
            text += ", with another ground truth" * (twin["truth_sha256"] != row["truth_sha256"])
            problems.append((_key(row), Problem(*where, text)))
        elif twins:
            notes.append(Problem(*where, "photo of another group too, with another ground truth"))
        twins.append(row)
    return problems, notes


def small_groups(rows: Sequence[dict[str, Any]], attacked_fraction: float) -> list[Problem]:
    """Note groups of a single image, and those without an attacked one where some were asked for."""
    groups: dict[tuple[str, str], list[bool]] = {}
    notes = []
    for row in rows:
        groups.setdefault((row["slug"], row["group"]), []).append(row["attacked"])
    for (_, label), attacked in groups.items():
        share = f"attacked_fraction {attacked_fraction:g} of {counted(len(attacked), 'image')} is less than one"
        none = bool(attacked_fraction) and not any(attacked)
        if len(attacked) == 1:
            text = "group of one image, which shares its object with no other" + " and is not attacked" * none
            notes.append(Problem(label, "", text))
        elif none:
            notes.append(Problem(label, "", f"group without an attacked image, as {share}"))
    return notes


def _key(row: dict[str, Any]) -> tuple[str, str]:
    """Return what tells a row from all others of its dataset."""
    return row["slug"], row["file"]


def count_problems(settings: PhotoDataset, found: Sequence[Found]) -> list[Problem]:
    """List the problems of a published dataset whose counts are not the published ones."""
    if settings.source not in PUBLISHED or settings.groups:
        return []
    its = PUBLISHED[settings.source]
    counts = (("groups", len(found), its.groups), ("images", sum(len(group.photos) for group in found), its.images))
    return [
        Problem("", "", f"{have:,} {what} with ground truth, {its.title} has {should:,}")
        for what, have, should in counts
        if have != should
    ]


def _split(
    rows: Sequence[dict[str, Any]], left_out: set[tuple[str, str]], attacked_fraction: float
) -> list[dict[str, Any]]:
    """Keep the rows that stay, and mark as attacked the first of every group in the order of their names.

    The first of every group, in the order of their names.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if _key(row) not in left_out:
            groups.setdefault(row["slug"], []).append(row)
    return [
        row | {"attacked": index < int(len(group) * attacked_fraction)}
        for group in groups.values()
        for index, row in enumerate(group)
    ]


def _check_groups(
    name: str,
    settings: PhotoDataset,
    found: Sequence[Found],
    rows: Sequence[dict[str, Any]],
    problems: Sequence[Problem],
    listed: Path,
) -> None:
    """Raise a UserError if there are more or fewer groups than jobs were planned for."""
    planned = settings.groups or (PUBLISHED[settings.source].groups if settings.source in PUBLISHED else len(found))
    there = len({row["slug"] for row in rows})
    if there != planned or not there:
        if problems:
            write_problems(problems, listed)
        why = f" ({summary(problems)}; the whole list: {listed})" if problems else ""
        if not there:
            raise UserError(f"{name}: no usable image{why}; {_nothing(problems)}")
        raise UserError(
            f"{name}: {counted(there, 'group')} with usable images, not {planned}{why}; set groups: {there} to go on"
        )


def _nothing(problems: Sequence[Problem]) -> str:
    """Say what to do about a dataset without a usable image."""
    if any(problem.usable for problem in problems):
        return "fix them, or set problems: keep to use what can be used"
    if any(problem.problem.startswith(NO_TRUTH) for problem in problems):
        return "give each ground truth the name of its image; to go without, give the path of the images alone"
    return "docs/reference/datasets.md shows the layouts that are read"


def compose_mini(name: str, settings: MiniDataset, folder: Path, seed: int) -> list[tuple[Any, ...]]:
    """Compose the mini benchmark's groups into `folder`; the manifest's rows.

    Distractors come from the concepts that the detectors were trained on, so the two sets never mix in a group.
    """
    world = MiniWorld(size=settings.size)
    concepts = world.concepts(settings.split)
    order = numpy_generator(seed, "mini", settings.split, "order").permutation(len(concepts))
    attacked = int(settings.images * settings.attacked_fraction)
    rows = []
    for number in tqdm(range(settings.groups), desc=f"compose {name}", unit="group"):
        concept = concepts[order[number % len(concepts)]]
        turn = number // len(concepts)
        label = concept.replace("-", " ") + (f" {turn + 1}" if turn else "")
        rng = numpy_generator(seed, "mini", settings.split, label)
        images, masks = world.group(rng, concept, settings.images, world.concepts("train"))
        slug = slugify(label)
        for kind in ("images", "masks"):
            (folder / kind / slug).mkdir(parents=True)
        for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
            file = f"{index:03d}_{slug}.png"
            write_image(folder / "images" / slug / file, image)
            write_image(folder / "masks" / slug / file, np.ascontiguousarray(mask))
            digest = file_hash(folder / "images" / slug / file)
            rows.append((name, label, slug, index, file, digest, index < attacked, file, True, 0))
    return rows
