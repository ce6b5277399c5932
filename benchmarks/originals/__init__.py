"""Other authors' published code, run from a user's checkout: one file a repository. Nothing of it is stored here.

What is adapted, in memory and only where it is needed: the device (`.cuda()` leaves a tensor where it is), names that newer
libraries have dropped, and packages that are imported but have no part in what is measured.
"""

import importlib
import os
import sys
import types
from contextlib import contextmanager


def on_cpu():
    """`.cuda()` and `.to("cuda")` leave tensors and modules where they are."""
    import torch

    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = lambda self, *_, **__: self


def unused(*names):
    """Packages that the measured part imports but does not use: empty ones where they are not installed."""
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, RuntimeError):
            parent, _, last = name.rpartition(".")
            sys.modules[name] = Empty(name)
            if parent:
                setattr(sys.modules[parent], last, sys.modules[name])


class Empty(types.ModuleType):
    """A module in which every name exists, and nothing can be done with it."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def load(path, name, *inside):
    """Module `name` of the checkout at `path`, whose folders `inside` are on Python's path, too."""
    sys.path[:0] = [str(path), *(os.path.join(path, folder) for folder in inside)]
    return importlib.import_module(name)


@contextmanager
def same_draws(generators):
    """`torch.randn` and `torch.randn_like` of a batch draw each image's noise from its own generator, as ours do.

    A call that brings its own generator keeps it.
    """
    import torch

    like, plain = torch.randn_like, torch.randn

    def draw(shape):
        return torch.stack([plain(shape[1:], generator=its) for its in generators])

    torch.randn_like = lambda x, **_: draw(x.shape)
    torch.randn = lambda *shape, **given: plain(*shape, **given) if "generator" in given else draw(torch.Size(shape))
    try:
        yield
    finally:
        torch.randn_like, torch.randn = like, plain
