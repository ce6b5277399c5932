"""What only the images of a run can show: the attack's bound, and that files are those of the hashes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosalpure.data import file_hash
from cosalpure.errors import UserError
from cosalpure.experiment.layout import Layout
from cosalpure.io import read_pixels
from cosalpure.leaderboard.entry import Entry

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-9
MOST = 20  # faults of images that are listed


def image_faults(entry: Entry, rows: "pd.DataFrame", results: str) -> list[str]:
    """Check the images of every degradation below `results`/data and `results`/degrade."""
    names = ["dataset", "degradation", "slug", "file", "attacked", "sha256", "degraded_sha256"]
    found: list[str] = []
    images: list[Any] = list(rows[names].drop_duplicates().itertuples(index=False))
    for its in images:
        original = Layout(results).images("data", its.dataset) / its.slug / its.file
        degraded = Layout(results).images("degrade", its.dataset, its.degradation) / its.slug / its.file
        try:
            found += _of_image(entry, its, original, degraded)
        except UserError as error:
            found.append(f"images: {error}")
        if len(found) >= MOST:
            return [*found, "images: further faults are not listed"]
    return found


def _of_image(entry: Entry, its: Any, original: Path, degraded: Path) -> Iterator[str]:
    for name, path, digest in (("sha256", original, its.sha256), ("degraded_sha256", degraded, its.degraded_sha256)):
        if not path.is_file():
            raise UserError(f"{path}: no such image")
        if digest and file_hash(path) != digest:
            yield f"scores.{name}: not the hash of {path}"
    if not its.attacked or its.degradation != entry.entry or entry.track != "attack" or entry.bound is None:
        return
    linf = distance(original, degraded)
    if linf > entry.bound + ROUNDING:
        yield f"bound: {entry.bound:.5f}, but {degraded} is {linf:.5f} away from its original"


def distance(a: Path, b: Path) -> float:
    """Compute the L-infinity distance of two images in [0, 1]; 1 for images of different sizes."""
    first, second = (read_pixels(path, "RGB").astype(np.int16) for path in (a, b))
    return float(np.abs(first - second).max() / 255) if first.shape == second.shape else 1.0
