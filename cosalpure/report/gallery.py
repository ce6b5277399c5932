"""The pictures of the report page: per condition three groups, chosen by a rule (`RULE`), never by hand."""

import base64
import io
from pathlib import Path

from PIL import Image

from cosalpure.data import read_groups
from cosalpure.experiment.layout import Layout

IMAGES, SIDE, BUDGET = 8, 160, 10_000_000  # the last one in characters of base64
RULE = f"""Groups are ranked by the IoU of their attacked images (of all images, where none is attacked), averaged over
images and detectors, under the last purifier of the configuration; shown are the worst, the median (of two, the lower
one) and the best. Up to {IMAGES} images a group, of at most {SIDE} pixels."""


def build(results, scores, entries):
    """(what the page's script reads, sentences for the reader); `scores` as in scores.parquet."""
    pictures, blocks, notes = Pictures(), [], []
    for (dataset, degradation), rows in scores.groupby(["dataset", "degradation"], sort=False):
        groups = {group.slug: group for group in read_groups(Layout(str(results)).stage("data", dataset))}
        block = {
            "name": f"{dataset}, {entries.label('degradations', degradation)}",
            "purifiers": entries.labels("purifiers", list(rows["purifier"].unique())),
            "detectors": entries.labels("detectors", list(rows["detector"].unique())),
            "groups": [],
        }
        for place, slug in choose(rows):
            if pictures.size > BUDGET:
                notes.append(f"{block['name']}: the {place} group is left out, the page would be too large.")
                continue
            block["groups"].append(
                _group(Layout(str(results)), dataset, degradation, groups[slug], place, rows, pictures)
            )
        blocks.append(block)
    return {"blocks": blocks, "pictures": pictures.found}, notes


def choose(rows):
    """[("worst", slug), ("median", slug), ("best", slug)] of one condition's score rows; fewer of fewer groups."""
    last = rows[rows["purifier"] == rows["purifier"].iloc[-1]]
    attacked = last[last["attacked"]] if last["attacked"].any() else last
    ranked = attacked.groupby("slug")["iou"].mean().dropna().sort_values(kind="stable").index
    if not len(ranked):
        return []
    places = dict(zip(((len(ranked) - 1) // 2, 0, len(ranked) - 1), ("median", "worst", "best"), strict=True))
    return [(places[index], ranked[index]) for index in sorted(places)]  # of one or two groups an end is the median too


class Pictures:
    """Image files as data addresses, each once; `found` maps a short key to the address."""

    def __init__(self):
        self.found, self._keys, self.size = {}, {}, 0

    def key(self, path):
        """The key of an image file; None if there is no such file, as for an image that failed."""
        path = Path(path)
        if path not in self._keys:
            self._keys[path] = None
            if path.exists():
                self._keys[path] = f"p{len(self.found)}"
                self.found[self._keys[path]] = address = data_address(path)
                self.size += len(address)
        return self._keys[path]


def data_address(path, side=SIDE):
    """data:image/webp;... of an image file, made smaller if a side is longer than `side` pixels."""
    with Image.open(path) as image:
        image = image.convert("L" if image.mode == "L" else "RGB")
    if side:
        image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=80, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _group(layout, dataset, degradation, group, place, rows, pictures):
    """One group: its name, and for each image the keys of its pictures and its IoU under each purifier and detector."""
    here = rows[rows["slug"] == group.slug]
    ious = {(row.file, row.purifier, row.detector): row.iou for row in here.itertuples()}
    purifiers, detectors = list(rows["purifier"].unique()), list(rows["detector"].unique())
    images = []
    for file, attacked in list(zip(group.files, group.attacked, strict=True))[:IMAGES]:
        inside = Path(group.slug) / file
        found = {purifier: {} for purifier in purifiers}
        for purifier in purifiers:
            for detector in detectors:
                maps = layout.maps(dataset, degradation, purifier, detector)
                iou = ious.get((file, purifier, detector))
                defined = iou is not None and iou == iou
                found[purifier][detector] = [pictures.key(maps / inside), round(float(iou), 3) if defined else None]
        purified = {p: layout.images("purify", dataset, degradation, p) / inside for p in purifiers}
        images.append(
            {
                "file": file,
                "attacked": bool(attacked),
                "original": pictures.key(layout.images("data", dataset) / inside),
                "truth": pictures.key(layout.masks(dataset) / inside),
                "before": pictures.key(layout.images("degrade", dataset, degradation) / inside),
                "after": {purifier: pictures.key(path) for purifier, path in purified.items()},
                "maps": found,
            }
        )
    return {"place": place, "name": group.name, "size": len(group.files), "images": images}
