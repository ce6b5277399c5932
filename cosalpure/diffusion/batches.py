"""Batches that adapt to memory: as many rows at once as fit, fewer after running out."""

import torch

from cosalpure.errors import UserError


class Batches:
    """`batches(function, *rows)`: `function` over rows in batches of at most `size` (None: all at once), concatenated.

    When memory runs out the size is halved, for this call and all later ones. Every row must be computed for itself.
    """

    def __init__(self, size=None):
        self.size = size

    def __call__(self, function, *rows):
        """The tensor, or tuple of tensors, that `function(*rows)` would give on tensors of N rows each."""
        count, done, found = len(rows[0]), 0, []
        while done < count:
            size = min(self.size or count, count - done)
            try:
                found.append(function(*(part[done : done + size] for part in rows)))
                done += size
            except torch.OutOfMemoryError:
                self.shrink(size)
        if isinstance(found[0], tuple):
            return tuple(map(torch.cat, zip(*found, strict=True)))
        return torch.cat(found)

    def shrink(self, size):
        """Halves the batch after `size` rows did not fit; a UserError if it was a single one."""
        if size == 1:
            raise UserError(
                "out of memory with a single image: lower text_to_image.resolution, or set vae_tiling: true, "
                "or to learn a concept gradient_checkpointing: true"
            )
        self.size = size // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
