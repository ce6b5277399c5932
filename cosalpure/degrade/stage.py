"""The degrade stage: the attacked images of every group are degraded, the clean ones keep their bytes."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from cosalpure import record
from cosalpure.contract.values import checked
from cosalpure.data import Group, read_groups, write_index
from cosalpure.data.given import given_to
from cosalpure.degrade import DEGRADATIONS
from cosalpure.errors import UserError
from cosalpure.io import read_images, whole_folder, write_image
from cosalpure.protocols import Degradation, Need
from cosalpure.schema import Model
from cosalpure.seeds import generator

if TYPE_CHECKING:
    import torch


def run(method: str, settings: Model, data: str | Path, output: str | Path, span: str, seed: int) -> None:
    """Degrade each group of `span` and write `output`/images/<slug>/*.png.

    The record of the files also says how many images were degraded in one batch with each: `batch`, 0 for a clean image.

    Args:
        method: name of the degradation.
        settings: its settings.
        data: folder of the dataset.
        output: folder that is written to.
        span: "A:B" selects groups A to B - 1.
        seed: seed from which all draws are derived.
    """
    job = record.begin("degrade", output, method, settings, seed, DEGRADATIONS)
    groups, needs = read_groups(data, span), DEGRADATIONS.needs(method, settings)
    degradation = DEGRADATIONS.make(method, settings)
    for group in tqdm(groups, desc=f"degrade {method}", unit="group"):
        sources = group.paths(Path(data) / "images")
        degraded = {} if method == "none" else degrade_group(degradation, group, data, seed, method, needs)
        with whole_folder(Path(output) / "images" / group.slug) as folder:
            for path in sources:
                if path in degraded:
                    write_image(folder / path.name, degraded[path])
                else:
                    shutil.copyfile(path, folder / path.name)
    size = getattr(settings, "images_per_batch", None)
    batches = {key: count for group in groups for key, count in batch_sizes(group, method, size).items()}
    write_index(output, span, groups, Path(output) / "images", more={"batch": batches}, job=job)


def batch_sizes(group: Group, method: str, size: int | None = None) -> dict[tuple[str, str], int]:
    """Count the images in the batch of each image of a group: {(slug, file): images}.

    Args:
        group: the group, whose attacked images are degraded.
        method: the degradation.
        size: images degraded at once; None for all.
    """
    count = 0 if method == "none" else sum(group.attacked)
    size, found, number = size or max(count, 1), {}, 0
    for file, attacked in zip(group.files, group.attacked, strict=True):
        start = number // size * size
        found[group.slug, file] = min(size, count - start) if attacked and count else 0
        number += attacked
    return found


def degrade_group(
    degradation: Degradation,
    group: Group,
    data: str | Path,
    seed: int,
    method: str = "",
    needs: Collection[Need] = frozenset(),
) -> "dict[Path, torch.Tensor]":
    """Degrade the attacked images of a group: {path: degraded image (3, H, W)}, from the dataset's folder `data`.

    The draws of an image depend on its name alone: degradations that draw alike, such as one corruption at several
    severities, see the same draws.
    """
    sources = group.paths(Path(data) / "images")
    chosen = [path for path, attacked in zip(sources, group.attacked, strict=True) if attacked]
    if not chosen:
        return {}
    draws = [generator(seed, group.dataset, group.name, path.name, "degrade") for path in chosen]
    pixels = read_images(sources)  # all of them, so that one of another size is named
    attacked = pixels[list(group.attacked)]
    shape = tuple(attacked.shape)
    files = [path.name for path in chosen]
    given = given_to(needs, group, data, files, generators=draws, whole=pixels)
    try:
        degraded = degradation(attacked, given)
    except UserError as error:
        raise UserError(f"{sources[0].parent}: {error}") from None
    return dict(zip(chosen, checked(degraded, shape, f"degradation '{method}'", group.name, files), strict=True))
