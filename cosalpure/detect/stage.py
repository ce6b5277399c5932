"""The detect stage: a whole group in, one co-saliency map an image out, as 8-bit PNG."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from cosalpure import record
from cosalpure.contract.values import checked_maps
from cosalpure.data import Group, read_groups, write_index
from cosalpure.data.given import given_to
from cosalpure.detect import DETECTORS
from cosalpure.io import read_images, whole_folder, write_image
from cosalpure.protocols import NOTHING, Detector, Given
from cosalpure.schema import Model

if TYPE_CHECKING:
    import torch


def run(
    method: str,
    settings: Model,
    data: str | Path,
    images: str | Path,
    output: str | Path,
    span: str,
    average_with: str | Path | None = None,
) -> None:
    """Detect in each group of `span` and write `output`/maps/<slug>/*.png.

    Args:
        method: name of the detector.
        settings: its settings.
        data: folder of the dataset.
        images: folder of the purified images.
        output: folder that is written to.
        span: "A:B" selects groups A to B - 1.
        average_with: folder of the degraded images; a map is then the mean of those of both images.
    """
    job = record.begin("detect", output, method, settings, registry=DETECTORS)
    groups, needs = read_groups(data, span), DETECTORS.needs(method, settings)
    detector = DETECTORS.make(method, settings)
    for group in tqdm(groups, desc=f"detect {method}", unit="group"):
        folders = [images, average_with] if average_with else [images]
        given = given_to(needs, group, data, group.files)
        seen = [detected(detector, method, group, Path(folder) / "images", given) for folder in folders]
        maps: torch.Tensor = sum(seen) / len(seen)  # type: ignore[assignment]  # not the 0 of an empty sum
        with whole_folder(Path(output) / "maps" / group.slug) as folder:
            for file, values in zip(group.files, maps, strict=True):
                write_image(folder / file, truncated(values))
    write_index(output, span, groups, Path(output) / "maps", job=job)


def detected(
    detector: Detector, method: str, group: Group, images: str | Path, given: Given = NOTHING
) -> "torch.Tensor":
    """Compute a detector's maps (N, 1, H, W) in [0, 1] of a group's files in the folder `images`."""
    pixels = read_images(group.paths(images))
    shape = (len(pixels), 1, *pixels.shape[-2:])
    return checked_maps(detector(pixels, given), shape, f"detector '{method}'", group.name, group.files)


def truncated(values: "torch.Tensor") -> np.ndarray:
    """Convert a map (1, H, W) in [0, 1] to uint8 (H, W).

    The official code truncates, so foreground is 128 and above.
    """
    return (values[0].clamp(0, 1) * 255).byte().numpy()
