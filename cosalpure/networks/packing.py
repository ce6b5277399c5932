"""How this project's weight files store numbers: kernels in 16 or 8 bits, everything else as it is.

In 8 bits, a kernel is whole numbers in [-127, 127] and a factor for each output channel, under the kernel's key and
`SCALE`. A kernel in 16 bits may be compressed without loss: then its key has the bytes, and the key and `SHAPE` its shape.
Biases and batch statistics are small and delicate, so they stay in their type.
"""

import zlib
from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Bits = Literal[8, 16]
SCALE = ".scale"  # after the key of a kernel in 8 bits: its factors, (output channels,)
SHAPE = ".shape"  # after the key of a compressed kernel
LARGEST = 2**28  # numbers in a compressed kernel; a file from outside may claim anything


def packed(state: Mapping[str, Tensor], bits: Bits, compress: bool = False) -> dict[str, Tensor]:
    """Store a network's tensors; the kernels are those that have more than one dimension, `compress` is for 16 bits."""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        if not value.is_floating_point() or value.ndim < 2:
            found[key] = value
        elif bits == 16 and compress:
            found[key], found[key + SHAPE] = _compressed(value.half()), torch.tensor(value.shape)
        elif bits == 16:
            found[key] = value.half()
        else:
            scale = value.float().flatten(1).abs().amax(1) / 127
            found[key] = (value.float() / _beside(scale.clamp(min=1e-12), value)).round().to(torch.int8)
            found[key + SCALE] = scale
    return {key: value.cpu().contiguous() for key, value in found.items()}


def unpacked(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo `packed`: kernels in 8 bits become float32, other tensors keep their type.

    Raises:
        ValueError: if compressed bytes are not those of the shape that is beside them.
    """
    found = dict(state)
    for key in state:
        kernel, ending = key[: -len(SCALE)], key[-len(SCALE) :]  # both endings are equally long
        if ending == SCALE and kernel in state and state[kernel].dtype == torch.int8:
            found[kernel] = state[kernel].float() * _beside(found.pop(key), state[kernel])
        elif ending == SHAPE and kernel in state and state[kernel].dtype == torch.uint8:
            found[kernel] = _decompressed(state[kernel], found.pop(key).tolist(), kernel)
    return found


def _compressed(kernel: Tensor) -> Tensor:
    """Compress a float16 kernel: all low bytes, then all high bytes, which are more alike."""
    numbers = kernel.cpu().contiguous().numpy().view(np.uint8).reshape(-1, 2)
    return torch.frombuffer(bytearray(zlib.compress(numbers.T.tobytes(), 9)), dtype=torch.uint8)


def _decompressed(data: Tensor, shape: list[int], key: str) -> Tensor:
    """Undo `_compressed`; never more bytes than the shape asks for."""
    count = int(np.prod(shape, dtype=object))
    if not 0 < count <= LARGEST:
        raise ValueError(f"{key}: a kernel of shape {shape}")
    try:
        numbers = zlib.decompressobj().decompress(data.numpy().tobytes(), 2 * count + 1)
    except zlib.error as error:
        raise ValueError(f"{key}: {error}") from None
    if len(numbers) != 2 * count:
        raise ValueError(f"{key}: not the bytes of a kernel of shape {shape}")
    pairs = np.frombuffer(numbers, np.uint8).reshape(2, count).T
    return torch.from_numpy(np.ascontiguousarray(pairs).view(np.float16).reshape(shape))


def _beside(scale: Tensor, kernel: Tensor) -> Tensor:
    """Shape the factors of the output channels so that they multiply a kernel."""
    return scale.view(-1, *[1] * (kernel.ndim - 1))
