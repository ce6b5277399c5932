"""What a method may return, checked wherever its values are taken: at a stage's boundary and in the Python interface.

checked(maps, (5, 1, 64, 64), "detector 'mine'")  # a float32 tensor, or a UserError
checked(maps, shape, "detector 'mine'", group.name, group.files)  # a UserError that names group and file
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cosalpure.errors import UserError

if TYPE_CHECKING:
    import torch


ARRAYS = ("torch.Tensor", "numpy.ndarray")
SLACK = 1e-3  # beyond [0, 1], for rounding; files keep steps of 1/255


def checked(
    values: Any, shape: Sequence[int], who: str, group: str | None = None, files: Sequence[str] | None = None
) -> "torch.Tensor":
    """Take what a method returned as a float32 tensor in [0, 1], on the CPU.

    Args:
        values: a tensor, a numpy array, or a list of one tensor or array for each image; of any floating-point type.
        shape: the expected shape, (N, C, H, W).
        who: what returned them, such as "detector 'gicd'".
        group: name of the group, for the message.
        files: names of the N images, for the message; by default they are numbered.

    Raises:
        UserError: in one line, if type, number, shape, data type or range is wrong, or a value is not finite.
    """
    start = f"{group}: {who}" if group else who
    images = _tensor(values, shape, start)
    if tuple(images.shape) != tuple(shape):
        raise UserError(f"{start} gave the shape {_text(images.shape)}; expected {_text(shape)}")
    names = files if files is not None else [f"image {number}" for number in range(len(images))]
    for name, image in zip(names, images, strict=True):
        place = f"{group}/{name}" if group else name
        if not image.isfinite().all():
            raise UserError(f"{place}: {who} gave values that are not finite numbers; expected [0, 1]")
        low, high = image.min().item(), image.max().item()
        if low < -SLACK or high > 1 + SLACK:
            raise UserError(f"{place}: {who} gave values from {low:.4g} to {high:.4g}; expected [0, 1]")
    return images if 0 <= images.min() and images.max() <= 1 else images.clamp(0, 1)


def checked_maps(
    maps: Any, shape: Sequence[int], who: str, group: str | None = None, files: Sequence[str] | None = None
) -> "torch.Tensor":
    """Take a detector's maps, as `checked` does; a UserError if no pixel of any map is below one half.

    Then nothing is background.
    """
    found = checked(maps, shape, who, group, files)
    if found.min() >= 0.5:
        low, high = found.min().item(), found.max().item()
        place = "/".join([group, *(files or ())[:1]]) + ": " if group else ""
        raise UserError(
            f"{place}{who} gave maps from {low:.4g} to {high:.4g}, all foreground; expected the "
            "background below 0.5 (is a sigmoid applied twice?)"
        )
    return found


def _tensor(values: Any, shape: Sequence[int], start: str) -> "torch.Tensor":
    """Convert a tensor, an array or a list of them to a float32 tensor on the CPU."""
    import numpy as np
    import torch

    if isinstance(values, torch.Tensor):
        if not values.is_floating_point():  # of whole numbers it is not certain which one is white
            raise _wrong_dtype(start, str(values.dtype).removeprefix("torch."))
        return values.detach().cpu().float()
    if isinstance(values, np.ndarray):
        if values.dtype.kind != "f":
            raise _wrong_dtype(start, str(values.dtype))
        with np.errstate(over="ignore"):  # becomes infinite, which is refused
            return torch.from_numpy(values.astype(np.float32))
    if isinstance(values, list | tuple) and values and all(_type(its) in ARRAYS for its in values):
        images = [_tensor(its, shape, start) for its in values]
        other = next((its for its in images if its.shape != images[0].shape), None)
        if other is not None:
            both = f"{_text(images[0].shape)} and {_text(other.shape)}"
            raise UserError(f"{start} gave a list of the shapes {both}; expected {_text(shape[1:])} each")
        return torch.stack(images)
    raise UserError(f"{start} gave {_described(values)}; expected a tensor of shape {_text(shape)}")


def _wrong_dtype(start: str, found: str) -> UserError:
    return UserError(f"{start} gave values of type {found}; expected floating point in [0, 1]")


def _described(values: object) -> str:
    """Describe a value that is no tensor by its type, and a list by what it holds."""
    if not isinstance(values, list | tuple):
        return f"a {_type(values)}"
    odd = next((_type(its) for its in values if _type(its) not in ARRAYS), None)
    return f"a {_type(values)} of {odd}" if odd else f"an empty {_type(values)}"


def _type(value: object) -> str:
    """Write the type of a value as text."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _text(shape: Sequence[int]) -> str:
    """Write a shape as text."""
    return f"({', '.join(map(str, shape))})"
