"""Sheets of pictures: titled rows of equal cells, attacked images framed. What several figures are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cosalpure.io import whole_file

CELL, GAP, LEFT, TOP, HEAD = 96, 4, 190, 58, 34  # px; LEFT is what titles have at least


@dataclass(frozen=True)
class Row:
    """A title and pictures (None for an empty cell); `framed` says which of them are attacked ones.

    A row of `heads` is a line of text: the titles of the columns below it.
    """

    title: str
    pictures: list[Image.Image | None]
    framed: Sequence[bool] = ()
    heads: Sequence[str] = ()
    highlighted: bool = False

    def height(self, cell: int) -> int:
        """Give the height in px, of pictures with sides of `cell` px."""
        return HEAD if self.heads else cell + GAP


def draw_sheet(path: str | Path, heading: str, note: str, rows: Sequence[Row], cell: int = CELL) -> None:
    """Write `rows` under a heading and a note to the PNG file `path`; `cell` is the side of a picture in px."""
    columns = max(len(row.heads or row.pictures) for row in rows)
    side = max([LEFT, *(round(font(14).getlength(row.title)) + 16 for row in rows)])
    noted = round(font(13).getlength(note)) + 16  # wider than few pictures
    width = max(side + columns * (cell + GAP), noted)
    sheet = Image.new("RGB", (width, TOP + sum(row.height(cell) for row in rows)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((8, 8), heading, "black", font(18))
    pen.text((8, 34), note, "dimgray", font(13))
    top = TOP
    for row in rows:
        _draw_row(sheet, pen, row, top, side, cell)
        top += row.height(cell)
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, row: Row, top: int, side: int, cell: int) -> None:
    """Draw a row whose upper edge is at `top`, whose first picture begins at `side` and is `cell` wide, in px."""
    color = "green" if row.highlighted else "dimgray" if row.title.startswith(" ") else "black"
    pen.text((8, top + row.height(cell) // 2 - 8), row.title, color, font(14))
    for x, head in enumerate(row.heads):
        pen.text((side + x * (cell + GAP), top + HEAD // 2 - 6), head, "dimgray", font(12))
    for x, picture in enumerate(row.pictures):
        left = side + x * (cell + GAP)
        if picture is not None:
            sheet.paste(picture.convert("RGB").resize((cell, cell), Image.Resampling.BICUBIC), (left, top))
        if x < len(row.framed) and row.framed[x]:
            pen.rectangle((left - 2, top - 2, left + cell + 1, top + cell + 1), outline="crimson", width=2)


def open_picture(path: str | Path) -> Image.Image:
    """Read an image file, at once."""
    with Image.open(path) as image:
        return image.convert("RGB")


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load Pillow's own font."""
    return ImageFont.load_default(size)
