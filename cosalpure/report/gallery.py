"""The pictures of the report page: per condition three groups, chosen by a rule (`RULE`), never by hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pandas as pd

from cosalpure.data import Group, read_groups
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report.pictures import SIDE, Pictures, data_address
from cosalpure.report.view import Figures, Gallery, GalleryBlock, GalleryGroup, GalleryImage, Tile

IMAGES = 8  # of a group that are shown
BUDGET, FIGURES_BUDGET = 10_000_000, 4_000_000  # characters of base64
PLACES = ("worst", "median", "best")
CAPTIONS = {  # of the figures, by the first part of their names
    "ablation": "Worst, median and best group under the ablation's purifiers",
    "attention": "Where the network attends to the learned concept while it purifies",
    "comparison": "Worst, median and best group under each purifier",
    "concepts": "What the text-to-image model draws for the learned concepts",
    "failures": "The images that a purifier leaves worst",
    "overview": "The group of median gain in IoU, as it came and as each purifier leaves it",
    "sweep": "Success rate against a setting",
}
RULE = f"""Groups are ranked by the IoU of their attacked images (of all images, where none is attacked), averaged over
images and detectors, under the last purifier of the configuration. The worst, the median (of two, the lower one) and the
best group are shown, up to {IMAGES} images of each, of at most {SIDE} pixels; of a large run, the median groups first."""


def build(layout: Layout, scores: pd.DataFrame, entries: Entries) -> Gallery:
    """Build the section; `scores` as in scores.parquet."""
    conditions = [
        (cast(tuple[str, str], key), rows) for key, rows in scores.groupby(["dataset", "degradation"], sort=False)
    ]
    conditions.sort(key=lambda its: entries.role("degradations", its[0][1]) != "attack")  # the page opens on the first
    pictures, notes = Pictures(), []
    names = {key: f"{key[0]}, {entries.label('degradations', key[1])}" for key, _ in conditions}
    wanted = [(place, slug, key, rows) for key, rows in conditions for place, slug in choose(rows)]
    shown: dict[tuple[str, str], dict[str, GalleryGroup]] = {key: {} for key in names}
    for place, slug, key, rows in sorted(
        wanted, key=lambda its: its[0] != "median"
    ):  # as far as they fit, medians first
        if pictures.size > BUDGET:
            notes.append(f"{names[key]}: the {place} group")
            continue
        group = next(its for its in read_groups(layout.stage("data", key[0])) if its.slug == slug)
        shown[key][place] = GalleryGroup(place, group.name, _images(layout, key, group, rows, pictures))
    blocks = [_block(names[key], key[1], rows, shown[key], entries) for key, rows in conditions]
    return Gallery(blocks, pictures.found, notes, RULE)


def _block(
    name: str, degradation: str, rows: pd.DataFrame, shown: Mapping[str, GalleryGroup], entries: Entries
) -> GalleryBlock:
    """Put the groups of one condition together, the worst first."""
    purifiers = entries.labels("purifiers", list(rows["purifier"].unique()))
    detectors = entries.labels("detectors", list(rows["detector"].unique()))
    reference = next((its for its in purifiers if entries.role("purifiers", its) == "reference"), None)
    attack = entries.made_by(degradation)
    groups = [shown[place] for place in PLACES if place in shown]
    return GalleryBlock(name, attack, reference, purifiers, detectors, groups)


def as_data(section: Gallery) -> dict[str, Any]:
    """Give the gallery as the page's script reads it."""
    return {"blocks": [asdict(block) for block in section.blocks], "pictures": section.pictures}


def figures(layout: Layout, names: Collection[str] | None = None) -> Figures | None:
    """Build the section of figures by the names of their files, of all by default, as far as they fit; None without any."""
    found: list[Tile] = []
    for path in sorted(Path(layout.figures).glob("*.png")):
        if names is not None and path.name not in names:  # one of another run has stayed
            continue
        address, kind = data_address(path, side=None), path.stem.partition("_")[0]
        if sum(len(its.picture or "") for its in found) + len(address) > FIGURES_BUDGET:
            return Figures(found, left_out=path.name)
        caption = f"{CAPTIONS[kind]}: {path.stem}" if kind in CAPTIONS else path.stem
        found.append(Tile(caption, address))
    return Figures(found) if found else None


def choose(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Choose the groups of one condition's score rows: ("worst", slug), ("median", slug), ("best", slug), or fewer."""
    last = rows[rows["purifier"] == rows["purifier"].iloc[-1]]
    attacked = last[last["attacked"]] if last["attacked"].any() else last
    ranked = attacked.groupby("slug")["iou"].mean().dropna().sort_values(kind="stable").index
    if not len(ranked):
        return []
    places = dict(zip(((len(ranked) - 1) // 2, 0, len(ranked) - 1), ("median", "worst", "best"), strict=True))
    return [(places[index], ranked[index]) for index in sorted(places)]  # of one or two groups an end is the median too


def _images(
    layout: Layout, condition: tuple[str, str], group: Group, rows: pd.DataFrame, pictures: Pictures
) -> list[GalleryImage]:
    """Show the first images of one group under each purifier and detector; `condition` is (dataset, degradation)."""
    here = rows[rows["slug"] == group.slug]
    columns = here[["file", "purifier", "detector", "iou"]].itertuples(index=False, name=None)
    ious: dict[tuple[str, str, str], float] = {tuple(names): iou for *names, iou in columns}
    purifiers, detectors = list(rows["purifier"].unique()), list(rows["detector"].unique())
    found = []
    for file, attacked in list(zip(group.files, group.attacked, strict=True))[:IMAGES]:
        inside = Path(group.slug) / file
        purified = {name: layout.images("purify", *condition, name) / inside for name in purifiers}
        found.append(
            GalleryImage(
                file,
                bool(attacked),
                original=pictures.key(layout.images("data", condition[0]) / inside),
                truth=pictures.key(layout.masks(condition[0]) / inside),
                outline=pictures.key(layout.masks(condition[0]) / inside, outline=True),
                before=pictures.key(layout.images("degrade", *condition) / inside),
                after={name: pictures.key(path) for name, path in purified.items()},
                maps=_maps(layout, condition, inside, (purifiers, detectors), ious, pictures),
            )
        )
    return found


def _maps(
    layout: Layout,
    condition: tuple[str, str],
    inside: Path,
    names: tuple[Sequence[str], Sequence[str]],
    ious: Mapping[tuple[str, str, str], float],
    pictures: Pictures,
) -> dict[str, dict[str, tuple[str | None, float | None]]]:
    """Find one image's maps and IoUs by purifier and detector; None for what is not there or not defined."""
    found: dict[str, dict[str, tuple[str | None, float | None]]] = {}
    for purifier in names[0]:
        found[purifier] = {}
        for detector in names[1]:
            iou = ious.get((inside.name, purifier, detector))
            shown = None if iou is None or pd.isna(iou) else round(float(iou), 3)
            path = layout.maps(*condition, purifier, detector) / inside
            found[purifier][detector] = pictures.key(path), shown
    return found
