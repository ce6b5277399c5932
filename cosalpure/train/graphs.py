"""A small network's passes as CUDA graphs: the GPU needs less time for its kernels than the CPU for launching them.

    predict = graphed(lambda unet, x_t, t, hidden: unet(x_t, t, encoder_hidden_states=hidden).sample, unet, compute)
    loss = F.mse_loss(predict(x_t, t, hidden), v)

On a CPU the network is called as it is.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from cosalpure.train.compute import Compute


class Pass(nn.Module):
    """A call of a network in the training's precision, with all its arguments as tensors and one tensor as result."""

    def __init__(self, call: Callable[..., torch.Tensor], network: nn.Module, compute: Compute) -> None:
        super().__init__()
        self.call, self.network, self.compute = call, network, compute

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Compute `call(network, *tensors)`, float32."""
        with self.compute.autocast(cached=False):  # a recording must not refer to casts of another call
            return self.call(self.network, *tensors).float()


def graphed(call: Callable[..., torch.Tensor], network: nn.Module, compute: Compute) -> Callable[..., torch.Tensor]:
    """Return `call(network, *tensors)` as a function of the tensors, differentiable in the network's parameters.

    On a GPU its forward and backward pass are recorded at the first call with tensors of new shapes, and replayed from
    then on. The parameters are the recorded ones: they may be updated in place, not replaced.
    """
    if not compute.on_gpu:
        return Pass(call, network, compute)
    recorded: dict[Any, Callable[..., torch.Tensor]] = {}

    def replay(*tensors: torch.Tensor) -> torch.Tensor:
        shapes = tuple(tensor.shape for tensor in tensors)
        if shapes not in recorded:
            one = Pass(call, network, compute).train(network.training)
            recorded[shapes] = cast(Callable[..., torch.Tensor], torch.cuda.make_graphed_callables(one, tensors))
        return recorded[shapes](*tensors)

    return replay
