"""The groups of a dataset whose settings say by patterns where images and ground truths lie (`cosalpure.data.patterns`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosalpure.data import MANIFEST
from cosalpure.data.layouts.found import Found
from cosalpure.data.layouts.names import LISTED, SUFFIXES, is_hidden, is_image, is_strange, shown
from cosalpure.data.layouts.overlooked import why_not_read
from cosalpure.data.layouts.pairs import Photo, named_masks
from cosalpure.data.patterns import FilePattern, composed, name_matcher
from cosalpure.data.problems import NO_TRUTH, Problem
from cosalpure.errors import UserError


@dataclass(frozen=True)
class _Matched:
    """A file that a pattern matches, with the values of {group} and {stem}."""

    file: Path
    values: Mapping[str, str]


class PatternFinder:
    """Finds the files of a folder by the patterns of images and ground truths; names in a folder are read once.

    Args:
        root: folder of the dataset.
        images: pattern of the images.
        truth: pattern of the ground truths; None if there are none.

    Raises:
        UserError: if a pattern matches no file; it says what is there instead.
    """

    def __init__(self, root: Path, images: FilePattern, truth: FilePattern | None) -> None:
        if not root.is_dir():
            raise UserError(f"{root}: no such folder")
        self.root, self.truth = root, truth
        self._names = cache(_names)
        matched = [self._with_stem(its, images) for its in self._matches(images, {})]
        self.strange = [its for its in matched if is_strange(its.file.name)]
        fitting = {its.file: self._truths_of(its) for its in matched if is_image(its.file)}
        self.used = {files[0] for files in fitting.values() if len(files) == 1}
        images_alone = [its for its in matched if is_image(its.file) and its.file not in self.used]
        masks = _masks_beside([its.file for its in images_alone])
        self.masks = {its.file: (its, masks[its.file]) for its in images_alone if its.file in masks}
        self.photos = [its for its in images_alone if its.file not in masks]
        self.fitting = {its.file: fitting[its.file] for its in self.photos}
        if not self.photos:
            raise UserError(f"{root}: no image matches images: {images.text}; {self._instead(images)}")
        if truth and not self.used:
            first = self.photos[0]
            expected = f"for {self._relative(first.file)} it expects {truth.filled(first.values)}"
            raise UserError(
                f"{root}: no file matches truth: {truth.text}; {expected}; {self._instead(truth, first.values)}"
            )

    def groups(self) -> tuple[list[Found], list[Problem]]:
        """List the groups in the order of their labels, and what is wrong with their files."""
        parts: dict[str, list[_Matched]] = {}
        for its in self.photos:
            parts.setdefault(self._label(its), []).append(its)
        found, problems = [], []
        owners: dict[Path, Path] = {}
        for label in sorted(parts):
            ordered = sorted(parts[label], key=lambda its: (its.values["stem"], its.file.suffix, str(its.file)))
            problems += [problem for its in ordered if (problem := self._problem(label, its, owners))]
            photos = [Photo(its.file, self._truth_of(its.file)) for its in ordered]
            photos = [photo for photo in photos if photo.truth or not self.truth]
            if photos:
                found.append(Found(label, tuple(photos)))
        problems += [Problem(self._label(its), shown(its.file.name), why_not_read(its.file)) for its in self.strange]
        problems += [
            Problem(
                self._label(its),
                shown(mask.name),
                f"not read: the mask of {shown(photo.name)} by its name; give the pattern of masks: truth",
            )
            for mask, (its, photo) in self.masks.items()
        ]
        return found, problems + [
            Problem(shown(its.values.get("group", "")), shown(its.file.name), "no image") for its in self._unused()
        ]

    def not_matched(self) -> list[Problem]:
        """List the image files beside those that were found which no pattern matches."""
        known = {its.file for its in (*self.photos, *self._unused())} | self.used | set(self.masks)
        known |= {file for files in self.fitting.values() for file in files}
        patterns = "neither images nor truth" if self.truth else "not the pattern of images"
        return [
            Problem("", self._relative(file), f"not read: its name matches {patterns}")
            for folder in sorted({its.file.parent for its in self.photos})
            for name in self._names(folder)
            if is_image(file := folder / name) and file not in known and file.is_file()
        ]

    def _problem(self, label: str, its: _Matched, owners: dict[Path, Path]) -> Problem | None:
        """Say what is wrong with the ground truth of an image; `owners` are the images whose ground truths were seen."""
        truth = self._truth_of(its.file)
        if self.truth and truth is None:
            several = " and ".join(self._relative(file) for file in self.fitting[its.file])
            expected = f"several fit, {several}" if several else f"expected {self.truth.filled(its.values)}"
            return Problem(label, shown(its.file.name), f"{NO_TRUTH}: {expected}")
        if truth and owners.setdefault(truth, its.file) != its.file:
            text = f"shared ground truth: {shown(truth.name)} is that of {self._relative(owners[truth])}, too"
            return Problem(label, shown(its.file.name), text)
        return None

    def _unused(self) -> list[_Matched]:
        """List the files that the pattern of ground truths matches and that are of no image."""
        if not self.truth:
            return []
        known = {its.file for its in self.photos} | self.used | set(self.masks)
        known |= {file for files in self.fitting.values() for file in files}
        return [its for its in self._matches(self.truth, {}) if is_image(its.file) and its.file not in known]

    def _matches(self, pattern: FilePattern, values: Mapping[str, str], exact: bool = False) -> Iterator[_Matched]:
        """Find the files below the root that a pattern matches, with the values of its placeholders."""

        def below(folder: Path, parts: Sequence[str], values: Mapping[str, str]) -> Iterator[_Matched]:
            matcher = name_matcher(parts[0], values, exact)
            for name in self._names(folder):
                if match := matcher.fullmatch(composed(name)):
                    path, its = folder / name, {**values, **match.groupdict()}
                    if len(parts) == 1 and not path.is_dir():
                        yield _Matched(path, its)
                    elif len(parts) > 1 and path.is_dir():
                        yield from below(path, parts[1:], its)

        return below(self.root, pattern.parts, values)

    def _with_stem(self, its: _Matched, images: FilePattern) -> _Matched:
        return its if images.has("stem") else _Matched(its.file, {**its.values, "stem": composed(its.file.stem)})

    def _truths_of(self, its: _Matched) -> list[Path]:
        """List the files that may be an image's ground truth: of its very name, else of one that differs by case."""
        if self.truth is None:
            return []
        plain = self.root / self.truth.filled(its.values)
        if self.truth.is_plain() and plain != its.file and is_image(plain) and plain.is_file():
            return [plain]
        for exact in (True, False):
            found = [other.file for other in self._matches(self.truth, its.values, exact)]
            if found := [file for file in found if is_image(file) and file != its.file]:
                return found
        return []

    def _truth_of(self, image: Path) -> Path | None:
        files = self.fitting[image]
        return files[0] if len(files) == 1 else None

    def _label(self, its: _Matched) -> str:
        return shown(its.values.get("group") or self.root.resolve().name)

    def _relative(self, path: Path) -> str:
        return shown(path.relative_to(self.root).as_posix())

    def _instead(self, pattern: FilePattern, values: Mapping[str, str] | None = None) -> str:
        """Say what lies in the last folder that a pattern still matches, for a message."""
        folders = [self.root]
        for part in pattern.parts[:-1]:
            matcher = name_matcher(part, values or {})
            inner = [
                folder / name for folder in folders for name in self._names(folder) if matcher.fullmatch(composed(name))
            ]
            if not (inner := [path for path in inner if path.is_dir()]):
                break
            folders = inner
        names = self._names(folders[0])
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        held = ", ".join(map(shown, names[:LISTED])) or "nothing"
        place = f"{self._relative(folders[0])}/" if folders[0] != self.root else "the folder"
        return f"{place} holds {held}{more}; images and masks are {', '.join(SUFFIXES)} files"


def _masks_beside(files: Iterable[Path]) -> dict[Path, Path]:
    """Find {mask: image} among files that lie in the same folder, by their names."""
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    return {mask: image for inside in folders.values() for mask, image in named_masks(inside).items()}


def _names(folder: Path) -> list[str]:
    """List the names in a folder, in order, without hidden ones, litter and datasets already made."""
    names = sorted(item.name for item in folder.iterdir() if not is_hidden(item.name))
    return [name for name in names if not (folder / name / MANIFEST).exists()]
