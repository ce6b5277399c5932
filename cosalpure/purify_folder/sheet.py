"""The sheet of a purified folder: photos, attacked and purified photos with their maps, in blocks that fit a screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from cosalpure.data.layouts import shown
from cosalpure.purify_folder.files import Photo, as_png
from cosalpure.report.overview import MAPS
from cosalpure.report.sheet import Row, draw_sheet, font

CELL = 144  # px
COLUMNS = 6  # photos side by side
NAME_FONT = 12


@dataclass(frozen=True)
class Step:
    """What there is to see of every photo after one step: its title, a folder of pictures and one of maps.

    `pictures` None is the photos themselves. `changed` says which of them the step has pictures of; empty is all.
    """

    title: str
    pictures: Path | None
    maps: Path
    changed: Sequence[bool] = ()


def draw(path: Path, heading: str, note: str, photos: Sequence[Photo], steps: Sequence[Step]) -> None:
    """Draw photos and what became of them to the PNG file `path`, at most `COLUMNS` photos side by side."""
    rows = []
    columns = -(-len(photos) // -(-len(photos) // COLUMNS))  # as many in each block, save for the last one
    for start in range(0, len(photos), columns):
        part = slice(start, start + columns)
        for step in steps:
            rows.append(Row(step.title, [], framed=step.changed[part]))
            rows.append(Row(MAPS, []))
            for at, photo in enumerate(photos[part], start):
                rows[-2].pictures.append(_picture(step, photo, at))
                rows[-1].pictures.append(_cell(_open(step.maps / as_png(photo.name))))
        rows.append(Row("", [], heads=[_fitted(photo.path.name) for photo in photos[part]]))
    draw_sheet(path, heading, note, rows, CELL)


def _picture(step: Step, photo: Photo, at: int) -> Image.Image:
    """Open the picture of a photo after a step; the photo itself where the step left it as it was."""
    unchanged = step.pictures is None or (step.changed and not step.changed[at])
    return _cell(photo.thumbnail if unchanged else _open(Path(step.pictures or "") / photo.name))


def _open(path: Path) -> Image.Image:
    """Read a picture, large enough for a cell."""
    with Image.open(path) as image:
        image.thumbnail((2 * CELL, 2 * CELL))
        return image.convert("RGB")


def _cell(picture: Image.Image) -> Image.Image:
    """Fit a picture of any aspect ratio into a square on white."""
    return ImageOps.pad(picture.convert("RGB"), (CELL, CELL), color="white")


def _fitted(name: str) -> str:
    """Shorten a file's name in its middle until it fits below a picture."""
    text = shown(name)
    kept = len(text)
    while font(NAME_FONT).getlength(text) > CELL and kept > 2:
        kept -= 1
        text = f"{shown(name)[: kept // 2]}…{shown(name)[len(shown(name)) - (kept - kept // 2) :]}"
    return text
