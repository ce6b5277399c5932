"""Gradients of purifiers and detectors, for attacks that know them: one implementation for calls with and without them.

A differentiable method passes gradients to the images that it is given if they ask for them (`requires_grad`), and builds no
graph otherwise. So does a method of a plug-in that declares `differentiable = True`; nothing here is needed for that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

LEVELS = 255  # of 8-bit files

Call = TypeVar("Call", bound=Callable[..., Any])
_recomputing: ContextVar[bool] = ContextVar("recomputing", default=False)


def on_demand(method: Call) -> Call:
    """Run a method `method(self, images, ...)` under `no_grad` unless `images` requires gradients."""

    @wraps(method)
    def call(self: Any, images: Tensor, *arguments: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(torch.is_grad_enabled() and images.requires_grad):
            return method(self, images, *arguments, **named)

    return cast(Call, call)


@contextmanager
def recomputing(on: bool = True) -> Iterator[None]:
    """Within the block, keep only what goes into a diffusion network, and run it again in the backward pass."""
    before = _recomputing.set(on)
    try:
        yield
    finally:
        _recomputing.reset(before)


def through(network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Call `network(*inputs)`, which draws no random numbers; within `recomputing` less memory, equal gradients."""
    if not (_recomputing.get() and torch.is_grad_enabled()):
        return network(*inputs)

    def whole(*inputs: Tensor) -> Tensor:
        with recomputing(False):  # once is enough: what is run again keeps its own activations
            return network(*inputs)

    return cast(Tensor, checkpoint(whole, *inputs, use_reentrant=False, preserve_rng_state=False))


class _StraightThrough(torch.autograd.Function):
    """The second argument; gradients reach the first one as if nothing had happened."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, changed: Tensor) -> Tensor:
        return changed.view_as(changed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def straight_through(images: Tensor, changed: Tensor) -> Tensor:
    """Return `changed`, what became of `images` by something without a gradient; its gradient is the identity.

    Athalye et al., "Obfuscated Gradients Give a False Sense of Security", ICML 2018: backward pass differentiable
    approximation (BPDA).
    """
    changed = changed.to(images)
    return cast(Tensor, _StraightThrough.apply(images, changed)) if images.requires_grad else changed  # type: ignore[no-untyped-call]


def as_in_files(images: Tensor) -> Tensor:
    """Round images in [0, 1] to the 256 levels of files; the gradient is the identity."""
    return straight_through(images, (images.detach().clamp(0, 1) * LEVELS).round() / LEVELS)
