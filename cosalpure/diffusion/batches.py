"""Batches that adapt to memory: as many rows at once as fit, fewer after running out."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

from cosalpure.errors import UserError

Found = TypeVar("Found")  # a tensor, or a tuple of tensors


class Batches:
    """`batches(function, *rows)`: `function` over rows in batches of at most `size` (None: all at once), concatenated.

    When memory runs out the size is halved, for this call and all later ones. Every row must be computed for itself.
    """

    def __init__(self, size: int | None = None) -> None:
        self.size = size

    def __call__(self, function: Callable[..., Found], *rows: torch.Tensor) -> Found:
        """Return the tensor, or tuple of tensors, that `function(*rows)` would give on tensors of N rows each."""
        count, done = len(rows[0]), 0
        found: list[Any] = []
        while done < count:
            size = min(self.size or count, count - done)
            try:
                found.append(function(*(part[done : done + size] for part in rows)))
                done += size
            except torch.OutOfMemoryError:
                self.shrink(size)
        if isinstance(found[0], tuple):
            return cast(Found, tuple(map(torch.cat, zip(*found, strict=True))))
        return cast(Found, torch.cat(found))

    def shrink(self, size: int) -> None:
        """Halve the batch after `size` rows did not fit; raise a UserError if it was a single one."""
        if size == 1:
            raise UserError(
                "out of memory with a single image: lower text_to_image.resolution, or set vae_tiling: true, "
                "or to learn a concept gradient_checkpointing: true"
            )
        self.size = size // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
