"""Where and how a training computes: device, precision, data workers, time budget.

    Compute()                               the GPU if there is one, bfloat16 where the hardware has it, no budget
    Compute(device="cpu", precision="float32", workers=2, minutes=10)

Results are reproducible, bit for bit, on one kind of machine as long as `minutes` is None. With a budget the number of
steps depends on the machine's speed. Importing this module is cheap: torch is loaded when it is needed.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure.errors import UserError, choose

if TYPE_CHECKING:
    import torch


DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Compute:
    """How a training uses the machine; `minutes` changes the result, the others change it by rounding only."""

    device: str = "auto"  # cpu, cuda; auto: the GPU if there is one
    precision: str = "auto"  # of the networks' forward passes; auto: bfloat16 where the hardware computes in it
    workers: int = 0  # processes that compose or augment images ahead of the training; 0: in the training's own process
    minutes: float | None = None  # of training steps; the learning rate then falls with the time; None: all steps

    def __post_init__(self) -> None:
        choose("device", self.device, DEVICES)
        choose("precision", self.precision, PRECISIONS)
        if self.workers < 0:
            raise UserError(f"workers: expected 0 or more processes, found {self.workers}")
        if self.minutes is not None and not self.minutes > 0:
            raise UserError(f"minutes: expected a number above 0, found {self.minutes}")

    @property
    def torch_device(self) -> "torch.device":
        """The device as `torch.device`; a UserError if a GPU is asked for and there is none."""
        import torch

        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("device: cuda asked for, but PyTorch finds no GPU; choose cpu or auto")
        name = self.device if self.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device(name)

    @property
    def on_gpu(self) -> bool:
        """Whether the training runs on a GPU."""
        return self.torch_device.type == "cuda"

    @property
    def bfloat16(self) -> bool:
        """Whether forward passes are computed in bfloat16."""
        if self.precision == "auto":
            return has_bfloat16(self.torch_device.type)
        return self.precision == "bfloat16"

    def autocast(self, cached: bool = True) -> AbstractContextManager[Any]:
        """Make a context in which convolutions and matrix products are computed in the chosen precision.

        With `cached`, a parameter that is used several times is cast once.
        """
        import torch

        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.torch_device.type, torch.bfloat16, cache_enabled=cached)

    def share(self, fraction: float) -> "Compute":
        """Return the same with a part of the time budget, for one phase of a training."""
        return self if self.minutes is None else replace(self, minutes=self.minutes * fraction)


@cache
def has_bfloat16(device: str) -> bool:
    """Say whether the hardware computes in bfloat16.

    That is avx512_bf16 or amx_bf16 of a processor, Ampere or later of a GPU. A processor without these instructions emulates
    bfloat16, at a fraction of float32's speed.
    """
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool({"avx512_bf16", "amx_bf16"} & processor_flags())


def processor_flags(path: str | Path = "/proc/cpuinfo") -> set[str]:
    """Read the processor's instruction sets as Linux names them; empty where `path` does not exist."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return set()
    return set(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))
