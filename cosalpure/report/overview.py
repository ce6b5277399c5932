"""The overview figure: one group as it came and as each purifier leaves it, each with its co-saliency maps.

The group is chosen by a rule, never by hand: the one whose gain in IoU on the attacked half, last purifier over
first, is the median of all groups (of two, the lower one).
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cosalpure.data import read_groups
from cosalpure.errors import UserError
from cosalpure.io import read_pixels, whole_file
from cosalpure.score import score_map
from cosalpure.tables.write import label

CELL, GAP, LEFT, TOP = 96, 4, 190, 58  # px
COLUMNS = 10  # images of a long group that are shown


def draw(results, dataset, degradation, detector, purifiers, output):
    """Write the figure of a condition to the PNG file `output`; a pair of rows a purifier."""
    results = Path(results)
    slug, gain = median_group(results, dataset, degradation, detector, purifiers)
    (group,) = [group for group in read_groups(results / "data" / dataset) if group.slug == slug]
    files = group.files[:COLUMNS]
    rows = [("Ground truth", results / "data" / dataset / "masks")]
    for purifier in purifiers:
        rows.append((label(purifier), results / "purify" / dataset / degradation / purifier / "images"))
        rows.append(("", results / "detect" / dataset / degradation / purifier / detector / "maps"))

    size = (LEFT + len(files) * (CELL + GAP), TOP + len(rows) * (CELL + GAP))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((8, 8), f"{group.name}: {dataset}, {degradation}, maps of {label(detector)}", "black", _font(18))
    note = (
        f"group with the median gain, {label(purifiers[-1])} over {label(purifiers[0])}: {gain:+.2f} IoU, attacked half"
    )
    pen.text((8, 34), f"{note}; attacked images framed in red", "dimgray", _font(13))
    for y, (title, folder) in enumerate(rows):
        top = TOP + y * (CELL + GAP)
        pen.text((8, top + CELL // 2 - 8), title or "    co-saliency maps", "black" if title else "dimgray", _font(14))
        for x, file in enumerate(files):
            with Image.open(folder / slug / file) as image:
                cell = image.convert("RGB").resize((CELL, CELL), Image.Resampling.BICUBIC)
            left = LEFT + x * (CELL + GAP)
            sheet.paste(cell, (left, top))
            if group.attacked[x]:
                pen.rectangle((left - 2, top - 2, left + CELL + 1, top + CELL + 1), outline="crimson", width=2)
    with whole_file(output) as path:
        sheet.save(path, format="PNG", optimize=True)


def median_group(results, dataset, degradation, detector, purifiers):
    """(slug, gain) by the rule above; IoU as the official evaluation computes it."""
    gains = []
    for group in read_groups(Path(results) / "data" / dataset):
        truths = group.paths(Path(results) / "data" / dataset / "masks")
        folders = [Path(results) / "detect" / dataset / degradation / p / detector / "maps" for p in purifiers]
        first, last = (_attacked_iou(group, group.paths(folder), truths) for folder in (folders[0], folders[-1]))
        if first is not None:
            gains.append((last - first, group.slug))
    if not gains:
        raise UserError(f"{dataset}, {degradation}: no image is attacked, so there is no group to show")
    gain, slug = sorted(gains)[(len(gains) - 1) // 2]
    return slug, gain


def _attacked_iou(group, maps, truths):
    """Mean IoU of a group's attacked images; None if it has none."""
    rows = zip(maps, truths, group.attacked, strict=True)
    values = [score_map(read_pixels(m, "L"), read_pixels(t, "L"))["iou"] for m, t, attacked in rows if attacked]
    return sum(values) / len(values) if values else None


def _font(size):
    return ImageFont.load_default(size)
