"""A group as it was found."""

from collections.abc import Collection
from dataclasses import dataclass

from cosalpure.data.layouts.pairs import Photo
from cosalpure.data.problems import counted


@dataclass(frozen=True)
class Found:
    """A group as found: its label, and its photos in the order of their names."""

    label: str
    photos: tuple[Photo, ...]


def count_text(found: Collection[Found]) -> str:
    """Write how much was found: "3 groups, 9 images, 9 ground truths"."""
    photos = [photo for group in found for photo in group.photos]
    truths = sum(photo.truth is not None for photo in photos)
    return f"{counted(len(found), 'group')}, {counted(len(photos), 'image')}, {counted(truths, 'ground truth')}"
