"""The paper's Figures 6 and 7, and 2: single images beside their ground truth and the maps of every detector.

Which images are shown is decided by a rule, never by hand, from the scores of the condition. `draw_comparison` shows the
worst, the median and the best group under the last purifier (`gallery.choose`), and of each the attacked image with
the median IoU. `draw_failures` shows the attacked images that a purifier leaves worst. An image's IoU is the mean of
the detectors'.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.parquet import read_parquet
from cosalpure.report.gallery import choose
from cosalpure.report.sheet import Row, draw_sheet, open_picture

FAILURES = 6  # images of the figure of failures


def draw_comparison(
    results: str | Path,
    dataset: str,
    degradation: str,
    purifiers: Sequence[str],
    detectors: Sequence[str],
    output: str | Path,
    entries: Entries,
) -> None:
    """Draw the paper's Figures 6 and 7: a row a purifier; columns image, ground truth and a map a detector."""
    rows = read_rows(results, dataset, degradation, purifiers, detectors)
    heads = ["image", "ground truth", *entries.labels("detectors", list(detectors)).values()]
    sheet, chosen = [], choose(rows)
    if not chosen:
        raise UserError(f"{dataset}, {degradation}: no image has a score, so there is nothing to compare")
    for place, slug in chosen:
        file = median_image(rows[(rows["slug"] == slug) & (rows["purifier"] == purifiers[-1])])
        name = rows.loc[rows["slug"] == slug, "group"].iloc[0]
        sheet.append(Row(f"{place}: {name}", [], heads=heads))
        for purifier, title in entries.labels("purifiers", list(purifiers)).items():
            paths = places(results, dataset, degradation, purifier, detectors, Path(slug) / file)
            ours = entries.role("purifiers", purifier) == "ours"  # highlighted, as in the paper
            sheet.append(Row(title, [picture(path) for path in paths], highlighted=ours))
    which = "the attacked image" if rows["attacked"].any() else "no image is attacked; the one"
    note = f"worst, median and best group under the last row; {which} of median IoU"
    heading = f"{dataset}, {entries.label('degradations', degradation)}: images and co-saliency maps"
    draw_sheet(output, heading, note, sheet)


def draw_failures(
    results: str | Path,
    dataset: str,
    degradation: str,
    purifier: str,
    detectors: Sequence[str],
    output: str | Path,
    entries: Entries,
) -> None:
    """Draw the paper's Figure 2, of any purifier: the attacked images (or all) that it leaves worst."""
    rows = read_rows(results, dataset, degradation, [purifier], detectors)
    attacked = bool(rows["attacked"].any())
    worst = image_iou(rows[rows["attacked"]] if attacked else rows).head(FAILURES)
    if worst.empty:
        raise UserError(f"{dataset}, {degradation}: no image has a score, so there is nothing to show")
    columns = [places(results, dataset, degradation, purifier, detectors, Path(*its)) for its in worst.index]
    before = [Layout(str(results)).images("degrade", dataset, degradation).joinpath(*its) for its in worst.index]
    names = entries.labels("detectors", list(detectors)).values()
    titles = ["Purified", "Ground truth", *(f"Map of {name}" for name in names)]
    sheet = [Row("Attacked" if attacked else "As it came", [picture(path) for path in before])]
    for title, row in zip(titles, zip(*columns, strict=True), strict=True):
        sheet.append(Row(title, [picture(path) for path in row]))
    which = "attacked images" if attacked else "images (none is attacked)"
    note = f"the {len(worst)} {which} of the lowest IoU, mean of the detectors"
    who, what = entries.label("purifiers", purifier), entries.label("degradations", degradation)
    draw_sheet(output, f"{who} where it fails: {dataset}, {what}", note, sheet)


def read_rows(
    results: str | Path, dataset: str, degradation: str, purifiers: Sequence[str], detectors: Sequence[str]
) -> pd.DataFrame:
    """Read the score rows of the figure's conditions, purifiers in their order."""
    layout = Layout(str(results))
    files = [layout.score(dataset, degradation, purifier, name) for purifier in purifiers for name in detectors]
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        raise UserError(f"{missing[0]}: no such score file")
    return pd.concat(map(read_parquet, files), ignore_index=True)


def image_iou(rows: pd.DataFrame) -> pd.Series:
    """Average every image's IoU over the detectors, by (slug, file), lowest first; of equal ones the first by name."""
    return rows.groupby(["slug", "file"])["iou"].mean().dropna().sort_values(kind="stable")


def median_image(rows: pd.DataFrame) -> str:
    """Find the file of one group's attacked image with the median IoU (of two, the lower one), else of any image."""
    attacked = rows[rows["attacked"]] if rows["attacked"].any() else rows
    found = image_iou(attacked)
    return str(found.index[(len(found) - 1) // 2][1])


def places(
    results: str | Path, dataset: str, degradation: str, purifier: str, detectors: Sequence[str], inside: Path
) -> list[Path]:
    """List the files of one image: as the purifier leaves it, its ground truth, a map a detector."""
    layout = Layout(str(results))
    maps = [layout.maps(dataset, degradation, purifier, detector) for detector in detectors]
    purified = layout.images("purify", dataset, degradation, purifier)
    return [folder / inside for folder in (purified, layout.masks(dataset), *maps)]


def picture(path: Path) -> Image.Image | None:
    """Open an image file; None where there is none, as of an image that failed."""
    return open_picture(path) if Path(path).is_file() else None
