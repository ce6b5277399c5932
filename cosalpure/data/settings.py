"""Settings of datasets."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from cosalpure.data.patterns import FilePattern
from cosalpure.data.published import PUBLISHED
from cosalpure.errors import UserError, choose
from cosalpure.schema import Fraction, Model, validated


class MiniDataset(Model):
    """The small bundled dataset: groups of images composed from sprites (`cosalpure/data/mini.py`)."""

    source: Literal["mini"] = Field("mini", description="Source of the images.")
    split: Literal["train", "dev", "test"] = Field(
        "test", description="Split of the concepts. Choose settings on dev and report on test."
    )
    groups: PositiveInt = Field(
        24, description="Number of groups. If it exceeds the number of concepts, concepts are used again."
    )
    images: PositiveInt = Field(8, description="Number of images in a group.")
    size: Annotated[int, Field(ge=32, le=128)] = Field(64, description="Side of an image, in px.")
    attacked_fraction: Fraction = Field(
        0.5, description="Share of a group's images that are degraded: the first ones by name."
    )


class PhotoDataset(Model):
    """A dataset of image files with one folder for each group."""

    source: str = Field(description="Source of the images.")
    path: str | None = Field(None, description="Folder or archive (zip, tar) that holds the groups.")
    groups: PositiveInt | None = Field(
        None, description="Number of groups. null: count them, which needs an existing folder."
    )
    ground_truth: bool | None = Field(
        None,
        description="Whether the dataset has ground truth. Without it, maps are not scored. null: look for it, which needs an "
        "existing folder.",
    )
    size: Annotated[int, Field(ge=32, le=2048)] = Field(
        224, description="Side in px to which images are resized (bicubic; ground truth by nearest neighbour)."
    )
    attacked_fraction: Fraction = Field(
        0.5, description="Share of a group's images that are degraded: the first ones by name."
    )
    problems: Literal["strict", "skip", "keep"] = Field(
        "skip",
        description="What to do about invalid images. strict: stop and list them. skip: exclude them and report it. keep: "
        "exclude only images that cannot be used.",
    )


class FolderDataset(PhotoDataset):
    """Images of your own: one folder for each group, or an archive of them. See `docs/reference/datasets.md` for the layouts."""

    source: Literal["folder"] = Field("folder", description="Source of the images.")
    path: str = Field(description="Folder or archive (zip, tar) that holds the groups.")
    images: str | None = Field(
        None,
        description='Pattern of the images below path, such as "rgb/{group}/*.jpg". Default: the layout is recognised by names.',
    )
    truth: str | None = Field(
        None,
        description='Pattern of the ground truths, such as "masks/{group}/{stem}.png". Default, with images: no ground truth.',
    )

    @field_validator("images", "truth")
    @classmethod
    def _is_a_pattern(cls, text: str | None) -> str | None:
        return text if text is None else FilePattern(text).text

    @model_validator(mode="after")
    def _patterns_fit(self) -> "FolderDataset":
        images, truth = (FilePattern(text) if text else None for text in (self.images, self.truth))
        if self.truth and not images:
            raise ValueError("truth is a pattern; give the pattern of the images, too: images")
        if truth and images:
            if not truth.has("stem"):
                raise ValueError("truth: expected {stem} in it, so that every image has a ground truth of its own")
            if truth.has("group") and not images.has("group"):
                raise ValueError("truth: {group} is known only if images has it, too")
            if truth == images:
                raise ValueError("truth: expected another pattern than that of images")
        if images and self.ground_truth is not None and self.ground_truth != bool(truth):
            raise ValueError("ground_truth: leave it out; with images, there is ground truth if truth is given")
        return self


class PublishedDataset(PhotoDataset):
    """One of the four published datasets. It is downloaded unless `path` is given, and checked against the published counts."""

    source: Literal["cosal2015", "icoseg", "cosod3k", "coca"] = Field(description="Name of the published dataset.")
    path: str | None = Field(None, description="Archive or folder that you already have. null: download the archive.")
    groups: PositiveInt | None = Field(
        None, description="Number of groups in `path`, where it holds a part of the dataset. null: all of the dataset."
    )
    ground_truth: Literal[True] = Field(
        True, description="Whether the dataset has ground truth. Every published dataset has it."
    )
    problems: Literal["strict", "skip", "keep"] = Field(
        "strict",
        description="What to do about invalid images. strict: stop and list them. skip: exclude them and report it. keep: "
        "exclude only images that cannot be used.",
    )


Dataset = MiniDataset | FolderDataset | PublishedDataset
DATASETS: dict[str, type[Dataset]] = {
    "mini": MiniDataset,
    "folder": FolderDataset,
    **dict.fromkeys(PUBLISHED, PublishedDataset),
}
COMMANDS = ("list", "fetch")  # words of `cosalpure data`: no names of datasets


def dataset_settings(name: str, values: Mapping[str, Any], where: str) -> Dataset:
    """Validate the settings of a dataset.

    Args:
        name: of the dataset.
        values: its settings; `source` may be left out beside a `path`, or where `name` says it.
        where: key or option of the settings, for messages.

    Raises:
        UserError: for invalid settings; a line for each.
    """
    if name in COMMANDS:
        raise UserError(f"{where}: `cosalpure data {name}` has another meaning; choose another name")
    source = values.get("source") or (
        name.lower() if name.lower() in PUBLISHED else "folder" if "path" in values else name
    )
    choose("source", source, list(DATASETS), where)
    return validated(DATASETS[source], {**values, "source": source}, f"{where}.")
