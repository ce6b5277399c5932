"""A group of images in memory: loaded from a dataset, a folder of photos, or made from what a notebook holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cosalpure.contract.values import SLACK
from cosalpure.data import MANIFEST, read_groups
from cosalpure.data.given import read_ground_truth
from cosalpure.data.settings import FolderDataset
from cosalpure.errors import UserError, choose
from cosalpure.io import read_images, to_uint8
from cosalpure.schema import validated
from cosalpure.seeds import SEED, generator
from cosalpure.tags import experiment_of

Images = Any  # an ImageGroup, a tensor (N, 3, H, W), arrays (H, W, 3), or PIL images


@dataclass(frozen=True)
class ImageGroup:
    """The images of one group, in memory.

    Attributes:
        name: label of the group, which random draws and {class_name} in prompts use.
        images: (N, 3, H, W), float32, RGB, [0, 1].
        files: names of the images, which random draws use.
        attacked: which images an attack changes; the first half of a group, as in the paper.
        ground_truth: (N, 1, H, W), 0 or 1; None if there is none.
        dataset: name of the dataset, which random draws use.
        seed: seed from which all draws are derived.
    """

    name: str
    images: Tensor
    files: tuple[str, ...]
    attacked: tuple[bool, ...]
    ground_truth: Tensor | None = None
    dataset: str = "images"
    seed: int = SEED

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def draws(self, stage: str, chosen: Sequence[int] | None = None) -> list[torch.Generator]:
        """Make one generator for each image, or for the chosen ones, of a stage: "degrade" or "purify"."""
        files = self.files if chosen is None else [self.files[index] for index in chosen]
        return [generator(self.seed, self.dataset, self.name, file, stage) for file in files]

    def with_images(self, images: Tensor) -> "ImageGroup":
        """Return the group with other images, rounded to 8 bits."""
        return replace(self, images=torch.from_numpy(to_uint8(images)).float() / 255)


def load_group(
    dataset: str | PathLike[str],
    which: int | str = 0,
    size: int | None = None,
    images: str | None = None,
    truth: str | None = None,
) -> ImageGroup:
    """Load one group of images.

    Args:
        dataset: "mini", a folder of photos in any layout of docs/reference/datasets.md, or a dataset that the workflow made
            (results/data/NAME).
        which: number of the group, from 0, or its name.
        size: side in px to which photos are resized; default 224.
        images: pattern of the photos below a folder, such as "rgb/{group}/*.jpg".
        truth: pattern of their ground truths, such as "masks/{group}/{stem}.png".

    Raises:
        UserError: if there is no such dataset or group, or a folder's layout is not known; it lists the choices.

    Example:
        group = load_group("pets", "dog", images="rgb/{group}/*.jpg", truth="masks/{group}/{stem}.png")
    """
    if not isinstance(dataset, str | PathLike):
        raise UserError(f"load_group: expected the name or folder of a dataset, found {dataset!r}")
    if (Path(dataset) / MANIFEST).is_file():
        return _from_folder(Path(dataset), which, Path(dataset).name)
    name = "mini" if str(dataset) == "mini" else Path(dataset).resolve().name
    settings = {"size": size, "images": images, "truth": truth}
    chosen = tuple((key, its) for key, its in settings.items() if its is not None)
    made = _made(name, str(dataset), chosen, _state(dataset))
    return _from_folder(Path(made.name) / "data", which, name)


def group_of(images: Images) -> tuple[ImageGroup, Callable[[ImageGroup], Any]]:
    """Return a group, and how a changed group becomes what was given."""
    if isinstance(images, ImageGroup):
        return images, lambda group: group
    pixels = _pixels(images)
    if pixels.ndim != 4 or pixels.shape[1] != 3 or not pixels.numel():
        raise UserError(f"images: expected (N, 3, H, W), found {tuple(pixels.shape)}")
    low, high = pixels.detach().aminmax()
    if not (-SLACK <= low and high <= 1 + SLACK):  # nor with NaN
        raise UserError(f"images: values from {low:.4g} to {high:.4g}; expected [0, 1], or 8-bit images")
    pixels = pixels if 0 <= low and high <= 1 else pixels.clamp(0, 1)
    files = tuple(f"{index:03d}.png" for index in range(len(pixels)))
    return ImageGroup("images", pixels, files, (True,) * len(pixels)), lambda group: group.images


def _pixels(images: Images) -> Tensor:
    """Turn a tensor, or several images, into one tensor of floats."""
    if isinstance(images, Tensor):
        return _floats(images)
    if not isinstance(images, list | tuple | np.ndarray) or not len(images):
        its = f"a {type(images).__name__}" if not isinstance(images, list | tuple) else "none"
        raise UserError(f"images: expected a group, a tensor (N, 3, H, W), or a list of images, found {its}")
    found = [_tensor(image) for image in images]
    if other := next((its.shape for its in found if its.shape != found[0].shape), None):
        raise UserError(f"images: expected one size, found {tuple(found[0].shape)} and {tuple(other)}")
    return torch.stack(found)


def _tensor(image: Any) -> Tensor:
    """Turn one PIL image, array (H, W, 3), or tensor (3, H, W) into a tensor (3, H, W)."""
    if isinstance(image, Tensor):
        return _floats(image)
    if hasattr(image, "convert"):
        image = image.convert("RGB")
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[-1] != 3:
        raise UserError(f"images: expected arrays (H, W, 3), found {array.shape}")
    if array.dtype.kind not in "fu":
        raise UserError(f"images: expected 8 bits or floating point, found {array.dtype}")
    return _floats(torch.from_numpy(array.copy()).permute(2, 0, 1))


def _floats(pixels: Tensor) -> Tensor:
    """Turn 8-bit values, or floating point, into float32."""
    if pixels.dtype == torch.uint8:
        return pixels.float() / 255
    if not pixels.is_floating_point():
        raise UserError(f"images: expected 8 bits or floating point, found {str(pixels.dtype).removeprefix('torch.')}")
    return pixels.float()


def _state(dataset: str | PathLike[str]) -> tuple[int, int]:
    """Count the files of a folder or archive, and find the latest change in ns: what tells whether it must be read again."""
    changes = [path.stat().st_mtime_ns for path in (Path(dataset), *Path(dataset).rglob("*")) if path.exists()]
    return len(changes), max(changes, default=0)


@lru_cache(maxsize=4)
def _made(
    name: str, dataset: str, settings: tuple[tuple[str, Any], ...], state: tuple[int, int]
) -> "TemporaryDirectory[str]":
    """Make a dataset once for all of its groups, in a folder that lasts as long as this process needs it."""
    from cosalpure.data.stage import run

    folder = TemporaryDirectory()
    chosen = experiment_of("mini").datasets["mini"].settings
    if dataset != "mini" or Path(dataset).is_dir():
        chosen = validated(FolderDataset, {"path": dataset, **dict(settings)}, f"{dataset}: ")
    run(name, chosen, Path(folder.name) / "data", SEED)
    return folder


def _from_folder(data: Path, which: int | str, name: str) -> ImageGroup:
    """Read a group of a dataset's folder into memory."""
    groups = read_groups(data)
    names = [group.name for group in groups]
    if isinstance(which, str):
        which = names.index(choose("group", which, names))
    if not isinstance(which, int):
        raise UserError(f"{name}: expected the number or name of a group, found {which!r}")
    if not 0 <= which < len(groups):
        raise UserError(f"{name}: no group {which}; there are groups 0 to {len(groups) - 1}")
    group = groups[which]
    has_truth = group.paths(data / "masks")[0].is_file()
    return ImageGroup(
        name=group.name,
        images=read_images(group.paths(data / "images")),
        files=group.files,
        attacked=group.attacked,
        ground_truth=read_ground_truth(group, data, group.files) if has_truth else None,
        dataset=group.dataset,
    )
