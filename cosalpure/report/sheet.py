"""Sheets of pictures: titled rows of equal cells, attacked images framed. What several figures are made of."""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from cosalpure.io import whole_file

CELL, GAP, LEFT, TOP = 96, 4, 190, 58  # px; LEFT is what titles have at least


@dataclass(frozen=True)
class Row:
    """A title and pictures (PIL images); `framed` says which of them are attacked ones."""

    title: str
    pictures: list
    framed: tuple = ()


def draw_sheet(path, heading, note, rows):
    """Writes `rows` under a heading and a note to the PNG file `path`."""
    columns = max(len(row.pictures) for row in rows)
    side = max([LEFT, *(round(font(14).getlength(row.title)) + 16 for row in rows)])
    width = max(
        side + columns * (CELL + GAP), round(font(13).getlength(note)) + 16
    )  # of two pictures the note is wider
    sheet = Image.new("RGB", (width, TOP + len(rows) * (CELL + GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((8, 8), heading, "black", font(18))
    pen.text((8, 34), note, "dimgray", font(13))
    for y, row in enumerate(rows):
        top = TOP + y * (CELL + GAP)
        pen.text((8, top + CELL // 2 - 8), row.title, "dimgray" if row.title.startswith(" ") else "black", font(14))
        for x, picture in enumerate(row.pictures):
            left = side + x * (CELL + GAP)
            sheet.paste(picture.convert("RGB").resize((CELL, CELL), Image.Resampling.BICUBIC), (left, top))
            if x < len(row.framed) and row.framed[x]:
                pen.rectangle((left - 2, top - 2, left + CELL + 1, top + CELL + 1), outline="crimson", width=2)
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)


def open_picture(path):
    """An image file, read at once."""
    with Image.open(path) as image:
        return image.convert("RGB")


def font(size):
    return ImageFont.load_default(size)
