"""What a stage gives to a method: just what its registry entry says that it needs."""

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from cosalpure.data import Group, read_groups
from cosalpure.errors import UserError
from cosalpure.io import read_pixels
from cosalpure.protocols import Evaluation, Given, Need, only

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cosalpure.concept import Concept


def given_to(
    needs: Collection[Need],
    group: Group,
    data: str | PathLike[str],
    files: Sequence[str],
    generators: "Sequence[Generator]" = (),
    concept: "Concept | None" = None,
    whole: "Tensor | None" = None,
    evaluation: Evaluation | None = None,
) -> Given:
    """Collect what a method needs for some images of a group.

    Args:
        needs: of the method (`cosalpure.registry.Method.needs_of`).
        group: the group.
        data: folder of the dataset, whose ground truth is read if it is needed.
        files: names of the images that the method is called with.
        generators: one for each of the images.
        concept: the group's learned concept.
        whole: all images of the group (M, 3, H, W).
        evaluation: the group as the stages behind a degradation will see it.

    Raises:
        UserError: if the ground truth is needed and the dataset has none.
    """
    truth = read_ground_truth(group, Path(data), files) if "ground_truth" in needs else None
    return only(needs, Given(generators, concept, group.name, whole, truth, evaluation))


def read_ground_truth(group: Group, data: Path, files: Sequence[str]) -> "Tensor":
    """Read the ground truth of some images of a group, (N, 1, H, W), 0 or 1."""
    import numpy as np
    import torch

    paths = [data / "masks" / group.slug / file for file in files]
    absent = next((path for path in paths if not path.is_file()), None)
    if absent:
        raise UserError(f"{absent}: no such file; this method needs ground truth, and the dataset has none")
    masks = np.stack([read_pixels(path, "L") for path in paths])
    return torch.from_numpy(masks >= 128).float()[:, None]


def concept_owners(data: str | Path, whose: str) -> dict[str, str]:
    """Map each group to the one whose concept a method is given, {slug: slug}: its own, or the next one of the dataset."""
    slugs = [group.slug for group in read_groups(data)]
    return dict(zip(slugs, slugs[1:] + slugs[:1] if whose == "next" else slugs, strict=True))
