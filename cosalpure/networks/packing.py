"""How this project's weight files store numbers: kernels in 16 or 8 bits, everything else as it is.

In 8 bits, a kernel is whole numbers in [-127, 127] and a factor for each output channel, under the kernel's key and
`SCALE`. Biases and batch statistics are small and delicate, so they stay in their type.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Bits = Literal[8, 16]
SCALE = ".scale"  # after the key of a kernel in 8 bits: its factors, (output channels,)


def packed(state: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
    """Store a network's tensors; the kernels are those that have more than one dimension."""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        if not value.is_floating_point() or value.ndim < 2:
            found[key] = value
        elif bits == 16:
            found[key] = value.half()
        else:
            scale = value.float().flatten(1).abs().amax(1) / 127
            found[key] = (value.float() / _beside(scale.clamp(min=1e-12), value)).round().to(torch.int8)
            found[key + SCALE] = scale
    return {key: value.cpu().contiguous() for key, value in found.items()}


def unpacked(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo `packed`: kernels in 8 bits become float32, other tensors keep their type."""
    scales = {key.removesuffix(SCALE): value for key, value in state.items() if key.endswith(SCALE)}
    kernels = {key for key in scales if key in state and state[key].dtype == torch.int8}
    found = {key: value for key, value in state.items() if key.removesuffix(SCALE) not in kernels or key in kernels}
    return found | {key: state[key].float() * _beside(scales[key], state[key]) for key in kernels}


def _beside(scale: Tensor, kernel: Tensor) -> Tensor:
    """Shape the factors of the output channels so that they multiply a kernel."""
    return scale.view(-1, *[1] * (kernel.ndim - 1))
