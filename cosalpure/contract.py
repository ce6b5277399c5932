"""What a stage accepts from a method, built in or a plug-in's: a tensor of the expected shape with values in [0, 1]."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cosalpure.errors import UserError

if TYPE_CHECKING:
    import torch

    from cosalpure.data import Group


SLACK = 1e-3  # beyond [0, 1], for rounding; files keep steps of 1/255


def checked(values: Any, shape: Sequence[int], who: str, group: "Group", files: Sequence[str]) -> "torch.Tensor":
    """`values`, a float tensor (N, C, H, W) of `shape` in [0, 1], on the CPU; a UserError names `who` and what is wrong.

    `who` is such as "detector 'gicd'", `files` are the names of the N images of `group`, a `data.Group`.
    """
    import torch

    where = group.name
    if not isinstance(values, torch.Tensor):
        raise UserError(f"{where}: {who} gave a {_type(values)}; expected a tensor of shape {_text(shape)}")
    if tuple(values.shape) != tuple(shape):
        raise UserError(f"{where}: {who} gave the shape {_text(values.shape)}; expected {_text(shape)}")
    if not values.is_floating_point():
        found = str(values.dtype).removeprefix("torch.")
        raise UserError(f"{where}: {who} gave values of type {found}; expected floating point in [0, 1]")
    images: torch.Tensor = values.detach().cpu()
    for file, value in zip(files, images, strict=True):
        if not value.isfinite().all():
            raise UserError(f"{where}/{file}: {who} gave values that are not finite numbers")
        low, high = value.min().item(), value.max().item()
        if low < -SLACK or high > 1 + SLACK:
            raise UserError(f"{where}/{file}: {who} gave values from {low:.4g} to {high:.4g}; expected [0, 1]")
    return images


def checked_maps(maps: Any, shape: Sequence[int], who: str, group: "Group", files: Sequence[str]) -> "torch.Tensor":
    """`checked`, and a UserError if no pixel of any map is below one half: then nothing is background."""
    found = checked(maps, shape, who, group, files)
    if found.min() >= 0.5:
        low, high = found.min().item(), found.max().item()
        raise UserError(
            f"{group.name}/{files[0]}: {who} gave maps from {low:.4g} to {high:.4g}, all foreground; expected the "
            "background below 0.5 (is a sigmoid applied twice?)"
        )
    return found


def _type(values: object) -> str:
    """The type of a value as text."""
    kind = type(values)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _text(shape: Sequence[int]) -> str:
    """A shape as text."""
    return f"({', '.join(map(str, shape))})"
