"""Batches drawn ahead of a training by worker processes, and pools of images composed by them.

Composing a scene costs 2 to 8 ms, more than a small network's step on it. Whatever is drawn for step n depends on
(seed, n) alone, so that any number of workers gives the same batches in the same order.
"""

import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

AHEAD = 4  # batches that each worker keeps ready


class Calls(Dataset[Any]):
    """`function(item)` for any item, as a dataset that worker processes read."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __getitem__(self, item: Any) -> Any:
        return self.function(item)


def _as_it_is(result: Any) -> Any:
    return result


class Endless:
    """The numbers `first`, `first` + 1, ...: a sampler whose end is decided by the training."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self.first)


def in_order(function: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Any]:
    """Yield `function(item)` for each item, in order, computed by `workers` processes (0: here and now)."""
    if not workers:
        yield from map(function, items)
        return
    # fork: the workers share the pool's memory, and nothing needs to be pickled but what they return
    yield from DataLoader(
        Calls(function),
        batch_size=None,
        sampler=items,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=AHEAD,
        multiprocessing_context="fork",
    )


class Drawn:
    """The batches `draw(step, progress)` of the steps from `first` on, in order: `next(drawn, progress)`.

    `progress` in [0, 1] is the share of the training that is done. Workers draw up to `AHEAD` batches each before
    they are used; `exact(step)` gives each one's own progress. With a time budget there is no such function
    (None): workers then use the progress of the last batch that was taken.
    """

    def __init__(
        self, draw: Callable[[int, float], Any], first: int, workers: int, exact: Callable[[int], float] | None = None
    ) -> None:
        latest = multiprocessing.Value("d", 0.0)
        self.latest = latest

        def function(step: int) -> Any:
            return draw(step, exact(step) if exact else latest.value)

        self.batches = iter(in_order(function, Endless(first), workers))

    def next(self, progress: float) -> Any:
        """Return the next step's batch."""
        self.latest.value = progress
        return next(self.batches)


def to_device(batch: Any, device: torch.device) -> Any:
    """Move a batch's tensors to `device`; tuples and lists are searched, anything else is left as it is."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, (tuple, list)):
        parts = [to_device(part, device) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)  # a named tuple, or a plain one
    return batch
