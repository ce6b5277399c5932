"""Scores of a whole condition (dataset, degradation, purifier, detector): one row an image, failures included."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosalpure import record
from cosalpure.errors import UserError
from cosalpure.io import read_pixels, whole_file
from cosalpure.score.metrics import ALWAYS, METRICS, as_float, score_map
from cosalpure.score.quality import QUALITY, image_quality

if TYPE_CHECKING:
    import pandas as pd


CONDITION = ("dataset", "degradation", "purifier", "detector")
IMAGE = ("group", "slug", "index", "file", "attacked")
QUALITY_COLUMNS = tuple(QUALITY)
EMPTY = "empty ground truth"  # the reason beside status "done" of an image without any object
UNDEFINED = (  # without an object; MAE, E and S are not
    *("iou", "success", "ap", "f_beta", "ap_binary", "ap_interpolated"),
    *("f_max", "f_mean", "f_adaptive", "f_weighted"),
)


def metric_columns(further: bool = False) -> tuple[str, ...]:
    """List the columns of metrics: all with `further`, else those that need no other package."""
    return tuple(METRICS) if further else ALWAYS


def columns(further: bool = False) -> tuple[str, ...]:
    """List the columns of a score file, in order."""
    return (*CONDITION, *IMAGE, "status", *metric_columns(further), *QUALITY_COLUMNS, "reason", "left_out")


def score_image(prediction_path: str | Path, ground_truth_path: str | Path, **settings: Any) -> dict[str, Any]:
    """Score one image: {"status", metrics, "reason"}; "done", "missing" (no such map) or "failed" (an invalid map).

    In a ground truth without any object nothing can be found: the scores are those of `score_map`, of which `UNDEFINED` are
    NaN, and the reason is `EMPTY`.

    Raises:
        UserError: for a ground truth that cannot be read: that is the dataset's fault, not the method's.
    """
    nothing = dict.fromkeys(metric_columns(settings.get("further", False)), float("nan"))
    if not Path(prediction_path).is_file():
        return {"status": "missing", **nothing, "reason": "no map was written"}
    truth = read_pixels(ground_truth_path, "L")
    try:
        prediction = read_pixels(prediction_path, "L")
    except UserError as error:
        return {"status": "failed", **nothing, "reason": str(error).removeprefix(f"{prediction_path}: ")}
    if prediction.shape != truth.shape:
        (h, w), (height, width) = prediction.shape, truth.shape
        return {"status": "failed", **nothing, "reason": f"the map is {w}x{h}, its ground truth {width}x{height}"}
    scores = score_map(prediction, truth, **settings)
    if np.any(as_float(truth) >= settings.get("threshold", 0.5)):
        return {"status": "done", **scores, "reason": ""}
    undefined = {name: float("nan") for name in UNDEFINED if name in scores}
    return {"status": "done", **scores, **undefined, "reason": EMPTY}


def rate_image(image_path: str | Path, original_path: str | Path) -> dict[str, float]:
    """Compare what the detector saw with the original: {quality metrics}; NaN where there is no such image."""
    try:
        image = read_pixels(image_path, "RGB")
    except UserError:
        return dict.fromkeys(QUALITY_COLUMNS, float("nan"))
    original = read_pixels(original_path, "RGB")
    if image.shape != original.shape:
        return dict.fromkeys(QUALITY_COLUMNS, float("nan"))
    return image_quality(image, original)


def score_group(
    maps_dir: str | Path,
    images_dir: str | Path,
    data_dir: str | Path,
    manifest: "pd.DataFrame",
    condition: Mapping[str, str],
    **settings: Any,
) -> "pd.DataFrame":
    """Score the images in `manifest`, in its order: a DataFrame with `columns`.

    Reads <slug>/<file> under `maps_dir`, `images_dir` (what the detector saw), `data_dir`/masks and `data_dir`/images.
    `condition` maps "dataset", "degradation", "purifier" and "detector" to names; `settings` are those of `score_map`.
    """
    import pandas as pd

    rows = []
    for row in manifest.itertuples(index=False):
        name = Path(str(row.slug), str(row.file))
        scores = score_image(Path(maps_dir, name), Path(data_dir, "masks", name), **settings)
        quality = rate_image(Path(images_dir, name), Path(data_dir, "images", name))
        image = {column: getattr(row, column) for column in IMAGE} | {"left_out": getattr(row, "left_out", 0)}
        rows.append({**{key: condition[key] for key in CONDITION}, **image, **scores, **quality})
    further = settings.get("further", False)
    table = pd.DataFrame(rows, columns=list(columns(further)))
    return table.astype(
        {
            "index": "int64",
            "left_out": "int64",
            "attacked": bool,
            **dict.fromkeys((*metric_columns(further), *QUALITY_COLUMNS), "float64"),
        }
    )


def score_condition(
    maps_dir: str | Path,
    images_dir: str | Path,
    data_dir: str | Path,
    manifest: "pd.DataFrame | str | Path",
    condition: Mapping[str, str],
    **settings: Any,
) -> "pd.DataFrame":
    """Score a whole dataset under one condition: `score_group` after checking the manifest (a DataFrame)."""
    import pandas as pd

    manifest = manifest if isinstance(manifest, pd.DataFrame) else pd.read_parquet(manifest)
    missing = {"dataset", *IMAGE} - set(manifest.columns)
    if missing:
        raise UserError(f"the manifest lacks the column(s) {', '.join(sorted(missing))}")
    if "truth" in manifest and not manifest["truth"].all():
        raise UserError(f"{data_dir}: {condition['dataset']} has no ground truth, so there is nothing to score")
    other = set(manifest["dataset"]) - {condition["dataset"]}
    if other:
        raise UserError(f"the manifest is of dataset {', '.join(sorted(other))}, not of {condition['dataset']}")
    if manifest.duplicated(["slug", "file"]).any():
        raise UserError("the manifest lists an image twice")
    return score_group(maps_dir, images_dir, data_dir, manifest, condition, **settings)


def write_scores(scores: "pd.DataFrame", path: str | Path, job: record.Job | None = None) -> None:
    """Write scores to a Parquet file, whole or not at all; equal scores give equal bytes but for the record of the `job`."""
    with whole_file(path) as temporary:
        record.write(scores, temporary, job)
