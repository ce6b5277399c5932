"""Draw the README's picture from the results of the default run: python docs/images/readme.py [RESULTS]

The attacked images of one group, unattacked, attacked and purified, with the maps of GICD and their IoU. The group is the
most typical one: its three mean IoU are nearest to those of all groups.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cosalpure.data import Group, read_groups
from cosalpure.experiment.layout import Layout
from cosalpure.io import read_pixels
from cosalpure.report.overview import MAPS
from cosalpure.report.sheet import Row, draw_sheet, open_picture
from cosalpure.score import score_map

DATASET, DETECTOR = "mini", "gicd"
CASES = {  # title: (degradation, purifier)
    "Unattacked": ("none", "source_only"),
    "Attacked by Jadena": ("jadena", "source_only"),
    "Purified by CosalPure": ("jadena", "cosalpure"),
}


def draw(results: str, output: Path) -> None:
    """Write the picture to the PNG file `output`."""
    layout = Layout(results)
    groups = read_groups(layout.stage("data", DATASET))
    means = np.array([[np.mean(ious(layout, case, group)) for case in CASES.values()] for group in groups])
    group = groups[int(np.square(means - means.mean(0)).sum(1).argmin())]
    rows = [row for title, case in CASES.items() for row in rows_of(layout, title, case, group)]
    draw_sheet(output, f"The attacked images of the group '{group.name}'", "numbers: IoU of the map above", rows)


def attacked(group: Group) -> list[Path]:
    """List the files of a group's attacked images."""
    return [Path(group.slug, file) for file, its in zip(group.files, group.attacked, strict=True) if its]


def ious(layout: Layout, case: tuple[str, str], group: Group) -> list[float]:
    """Compute the IoU of every attacked image."""
    maps, masks = layout.maps(DATASET, *case, DETECTOR), layout.masks(DATASET)
    files = attacked(group)
    return [score_map(read_pixels(maps / file, "L"), read_pixels(masks / file, "L"))["iou"] for file in files]


def rows_of(layout: Layout, title: str, case: tuple[str, str], group: Group) -> Iterator[Row]:
    """Make the rows of a case: images, their maps, their IoU."""
    images, maps = layout.images("purify", DATASET, *case), layout.maps(DATASET, *case, DETECTOR)
    yield Row(title, [open_picture(images / file) for file in attacked(group)])
    yield Row(MAPS, [open_picture(maps / file) for file in attacked(group)])
    yield Row("    IoU", [], heads=[f"{iou:.2f}" for iou in ious(layout, case, group)])


if __name__ == "__main__":
    draw(*(sys.argv[1:] or ["results"]), Path(__file__).with_name("readme.png"))
