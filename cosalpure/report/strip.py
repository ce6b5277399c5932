"""The strip of the page's first screen: one image as it was, degraded and purified, each above its co-saliency map.

The image is chosen by a rule, never by hand: of the median group (`gallery.choose`) the degraded image with the median
IoU, under the last purifier. The maps are those of the first detector.
"""

from pathlib import Path

import pandas as pd

from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report.comparison import median_image
from cosalpure.report.gallery import choose
from cosalpure.report.pictures import data_address, outline_address
from cosalpure.report.view import Strip, Tile
from cosalpure.tables import clean_reference
from cosalpure.tables.build import conditions_in

Step = tuple[str, Path, tuple[str, str] | None]  # caption, folder of the images, degradation and purifier of the map


def build(layout: Layout, scores: pd.DataFrame, dataset: str, degradation: str, entries: Entries) -> Strip | None:
    """Build the strip of a condition; None if no image has a score. `scores` as in scores.parquet."""
    here = scores[scores["dataset"] == dataset]
    rows = here[here["degradation"] == degradation]
    chosen = dict(choose(rows))
    if not chosen:
        return None
    slug = chosen.get("median") or next(iter(chosen.values()))
    purifier, detector = rows["purifier"].iloc[-1], rows["detector"].iloc[0]
    inside = Path(slug) / median_image(rows[(rows["slug"] == slug) & (rows["purifier"] == purifier)])
    masks = layout.masks(dataset) / inside
    outline = outline_address(masks) if masks.exists() else None
    columns = []
    for caption, folder, treatment in steps(layout, here, dataset, degradation, entries):
        photo = Tile(caption, _picture(folder / inside))
        columns.append((photo, _map(layout, here, dataset, treatment, detector, inside)))
    name = rows.loc[rows["slug"] == slug, "group"].iloc[0]
    by = entries.label("purifiers", purifier), entries.label("detectors", detector)
    return Strip(columns, outline, str(name), inside.name, *by)


def steps(layout: Layout, here: pd.DataFrame, dataset: str, degradation: str, entries: Entries) -> list[Step]:
    """List what is shown of an image: as it was, degraded, purified; without a purifier the last is left out."""
    purifiers = list(here.loc[here["degradation"] == degradation, "purifier"].unique())
    alone = next((name for name in purifiers if entries.role("purifiers", name) == "reference"), None)
    clean = clean_reference(conditions_in(here), entries)
    found: list[Step] = [("original", layout.images("data", dataset), clean)]
    treatment = (degradation, alone) if alone else None
    found.append((entries.made_by(degradation), layout.images("degrade", dataset, degradation), treatment))
    if purifiers[-1] != alone:
        folder = layout.images("purify", dataset, degradation, purifiers[-1])
        found.append(("purified", folder, (degradation, purifiers[-1])))
    return found


def _map(
    layout: Layout, here: pd.DataFrame, dataset: str, treatment: tuple[str, str] | None, detector: str, inside: Path
) -> Tile:
    """Show the map of one image with its IoU; an empty tile where nothing was run."""
    if treatment is None:
        return Tile("not run", None)
    wanted = (here["degradation"] == treatment[0]) & (here["purifier"] == treatment[1]) & (here["detector"] == detector)
    iou = here.loc[wanted & (here["slug"] == str(inside.parent)) & (here["file"] == inside.name), "iou"]
    caption = f"IoU {iou.iloc[0]:.2f}" if len(iou) and iou.notna().all() else "no score"
    return Tile(caption, _picture(layout.maps(dataset, *treatment, detector) / inside))


def _picture(path: Path) -> str | None:
    return data_address(path) if path.exists() else None
