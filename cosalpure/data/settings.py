"""Settings of datasets."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from cosalpure.data.published import PUBLISHED
from cosalpure.errors import UserError, choose
from cosalpure.schema import Fraction, Model, validated


class MiniDataset(Model):
    """The embedded miniature: groups composed from sprites (`cosalpure/data/mini.py`)."""

    source: Literal["mini"] = Field("mini", description="where the images come from")
    split: Literal["train", "dev", "test"] = Field("test", description="choices are made on dev, reported on test")
    groups: PositiveInt = Field(24, description="number of groups; above the split's concepts, a concept comes again")
    images: PositiveInt = Field(8, description="images a group")
    size: Annotated[int, Field(ge=32, le=128)] = Field(64, description="side of an image in px")
    attacked_fraction: Fraction = Field(0.5, description="share of a group that is degraded: the first in name order")


class PhotoDataset(Model):
    """A dataset made from files of images, one folder a group."""

    source: str = Field(description="where the images come from")
    path: str | None = Field(None, description="folder of group folders, or archive (zip, tar)")
    groups: PositiveInt | None = Field(
        None, description="number of groups; null counts them, which needs a folder that is there"
    )
    ground_truth: bool | None = Field(
        None, description="whether there is any: without, nothing is scored; null looks, which needs a folder"
    )
    size: Annotated[int, Field(ge=32, le=2048)] = Field(
        224, description="side of an image in px: images are resized to it, bicubic, ground truth by nearest neighbour"
    )
    attacked_fraction: Fraction = Field(0.5, description="share of a group that is degraded: the first in name order")
    problems: Literal["strict", "skip", "keep"] = Field(
        "skip",
        description="invalid images: strict stops and lists them; skip leaves them out and says so; keep leaves out only "
        "what cannot be used at all",
    )


class FolderDataset(PhotoDataset):
    """Images of your own: a folder with one folder a group, or an archive of that; `docs/how-to/data.md` shows the layouts."""

    source: Literal["folder"] = Field("folder", description="where the images come from")
    path: str = Field(description="folder of group folders, or archive (zip, tar)")


class PublishedDataset(PhotoDataset):
    """One of the four published datasets, checked against its published counts; downloaded unless `path` is given."""

    source: Literal["cosal2015", "icoseg", "cosod3k", "coca"] = Field(description="which one")
    path: str | None = Field(None, description="archive or unpacked folder that you have; null downloads the archive")
    groups: PositiveInt | None = Field(None, description="number of groups, for a part of the set; null is all of it")
    ground_truth: Literal[True] = Field(True, description="published sets have it")
    problems: Literal["strict", "skip", "keep"] = Field("strict", description="as above")


Dataset = MiniDataset | FolderDataset | PublishedDataset
DATASETS: dict[str, type[Dataset]] = {
    "mini": MiniDataset,
    "folder": FolderDataset,
    **dict.fromkeys(PUBLISHED, PublishedDataset),
}
COMMANDS = ("list", "fetch")  # words of `cosalpure data`: no names of datasets


def dataset_settings(name: str, values: Mapping[str, Any], where: str) -> Dataset:
    """The validated settings of a dataset. Its `source` may be left out beside a `path`, or where `name` says it."""
    if name in COMMANDS:
        raise UserError(f"{where}: `cosalpure data {name}` has another meaning; choose another name")
    source = values.get("source") or (
        name.lower() if name.lower() in PUBLISHED else "folder" if "path" in values else name
    )
    choose("source", source, list(DATASETS), where)
    return validated(DATASETS[source], {**values, "source": source}, f"{where}.")
