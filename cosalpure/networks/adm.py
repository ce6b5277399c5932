"""ADM: the U-Net of guided diffusion (Dhariwal and Nichol, NeurIPS 2021), which DiffPure and DDA purify with.

Origin: github.com/openai/guided-diffusion (MIT), whose parameter names are kept; our own code of the variant published
for 256 x 256 unconditional ImageNet: scale-shift conditioning on the time, residual blocks that resample, attention at
three resolutions, a second set of three output channels for the learned variance. Values agree within 1e-5.
Weights: 256x256_diffusion_uncond.pt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from cosalpure.errors import choose

GROUPS = 32  # of every group norm: all channels are multiples of it
CHANNEL_MULT: dict[int, tuple[int, ...]] = {
    256: (1, 1, 2, 2, 4, 4),
    128: (1, 1, 2, 3, 4),
    64: (1, 2, 3, 4),
}  # by image size, as published

Layer = TypeVar("Layer", bound=nn.Module)


def time_features(t: Tensor, channels: int) -> Tensor:
    """Embed times (N,), steps of the 1000-step process, as cosines, then sines, of falling frequencies (N, channels)."""
    half = channels // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], 1)


class ResBlock(nn.Module):
    """A residual block under the time embedding; `resample` halves, doubles or leaves the sides (0.5, 2, 1)."""

    def __init__(self, inputs: int, outputs: int, embedding: int, dropout: float, resample: float = 1) -> None:
        super().__init__()
        self.resample = resample
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * outputs))
        last = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.out_layers = nn.Sequential(nn.GroupNorm(GROUPS, outputs), nn.SiLU(), nn.Dropout(dropout), zeroed(last))
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return features (N, outputs, H', W') of x (N, inputs, H, W) and the embedding (N, embedding)."""
        norm, activate, convolve = self.in_layers
        y: Tensor = convolve(self._resampled(activate(norm(x))))
        scale, shift = self.emb_layers(embedding)[..., None, None].chunk(2, 1)
        norm, *rest = self.out_layers
        y = norm(y) * (1 + scale) + shift
        for layer in rest:
            y = layer(y)
        y = self.skip_connection(self._resampled(x)) + y
        return y

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == 0.5:
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2, mode="nearest") if self.resample == 2 else x


class Attention(nn.Module):
    """Self-attention over all positions. A head's queries, keys and values lie together in `qkv`: the older order."""

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Return features of the shape of x (N, C, H, W); the time embedding is not used."""
        flat = x.flatten(2)
        qkv = self.qkv(self.norm(flat)).unflatten(1, (self.heads, 3, -1))  # (N, heads, 3, channels a head, positions)
        q, k, v = qkv.transpose(-1, -2).unbind(2)
        y = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).flatten(1, 2)
        attended: Tensor = (flat + self.proj_out(y)).view_as(x)
        return attended


class Block(nn.ModuleList):
    """Layers in sequence, all of them given the time embedding."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Pass x (N, C, H, W) and the embedding (N, embedding) through the layers."""
        for layer in self:
            x = layer(x, embedding)
        return x


class ImageConvolution(nn.Conv2d):
    """The first layer, in the shape of a `Block`'s layers."""

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Convolve x (N, 3, H, W); the time embedding is not used."""
        return super().forward(x)


@dataclass(frozen=True)
class Levels:
    """The resolutions of the U-Net, the finest first: channels of each, which of them attend, residual blocks a level."""

    widths: tuple[int, ...]
    attends: tuple[bool, ...]
    blocks: int
    head_channels: int
    embedding: int
    dropout: float

    def way_down(self) -> tuple[nn.ModuleList, list[int]]:
        """Build the blocks down to the coarsest level, and list the depth of each one's output."""
        depths = [self.widths[0]]
        blocks = nn.ModuleList([Block([ImageConvolution(3, depths[0], 3, padding=1)])])
        for level, width in enumerate(self.widths):
            for _ in range(self.blocks):
                blocks.append(self._layers(depths[-1], level))
                depths.append(width)
            if level < len(self.widths) - 1:
                blocks.append(Block([self._residual(width, width, resample=0.5)]))
                depths.append(width)
        return blocks, depths

    def middle(self) -> Block:
        """Build the block at the coarsest level."""
        deepest = self.widths[-1]
        first, attention = self._residual(deepest, deepest), Attention(deepest, self.head_channels)
        return Block([first, attention, self._residual(deepest, deepest)])

    def way_up(self, depths: list[int]) -> nn.ModuleList:
        """Build the blocks up to the finest level, which take in the outputs of the way down, the last one first.

        They are one more a level than on the way down, as the downsampling block's output comes back too.
        """
        built, depths, current = nn.ModuleList(), list(depths), self.widths[-1]
        for level in reversed(range(len(self.widths))):
            for index in range(self.blocks + 1):
                block = self._layers(current + depths.pop(), level)
                current = self.widths[level]
                if level and index == self.blocks:
                    block.append(self._residual(current, current, resample=2))
                built.append(block)
        return built

    def _residual(self, inputs: int, outputs: int, resample: float = 1) -> ResBlock:
        return ResBlock(inputs, outputs, self.embedding, self.dropout, resample)

    def _layers(self, inputs: int, level: int) -> Block:
        width = self.widths[level]
        block = Block([self._residual(inputs, width)])
        return block.append(Attention(width, self.head_channels)) if self.attends[level] else block


class ADM(nn.Module):
    """Noisy images (N, 3, H, W) in [-1, 1] and times (N,) in [0, 1000) -> (N, 6, H, W): epsilon, then the variance.

    The variance channels v in about [-1, 1] mix the bounds: log variance = f log beta + (1 - f) log betatilde with
    f = (v + 1) / 2. `attention` lists the resolutions that attend; `blocks` counts the residual blocks of a level.
    Sides are multiples of `multiple_of`. With `checkpointing` set, gradients cost a second pass instead of the memory
    for every block's inside. Convolutions and matrix products compute in `dtype`; weights and output stay float32.
    """

    checkpointing = False
    dtype = torch.float32

    def __init__(
        self,
        image_size: int = 256,
        channels: int = 256,
        channel_mult: Sequence[int] | None = None,
        blocks: int = 2,
        attention: Sequence[int] = (32, 16, 8),
        head_channels: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.channels = channels
        embedding = 4 * channels
        self.time_embed = nn.Sequential(nn.Linear(channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        if channel_mult is None:
            channel_mult = CHANNEL_MULT[choose("image_size without channel_mult", image_size, list(CHANNEL_MULT))]
        widths = tuple(channels * mult for mult in channel_mult)
        attends = tuple(image_size // 2**level in attention for level in range(len(widths)))
        levels = Levels(widths, attends, blocks, head_channels, embedding, dropout)
        self.multiple_of = 2 ** (len(widths) - 1)
        self.input_blocks, depths = levels.way_down()
        self.middle_block = levels.middle()
        self.output_blocks = levels.way_up(depths)
        last = zeroed(nn.Conv2d(widths[0], 2 * 3, 3, padding=1))
        self.out = nn.Sequential(nn.GroupNorm(GROUPS, widths[0]), nn.SiLU(), last)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict epsilon and the variance channels (N, 6, H, W) of x (N, 3, H, W) at times t (N,)."""
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output = self._forward(x, t)
        return output.float()

    def _forward(self, x: Tensor, t: Tensor) -> Tensor:
        embedding = self.time_embed(time_features(t, self.channels))
        skipped = []
        for block in self.input_blocks:
            x = self._through(block, x, embedding)
            skipped.append(x)
        x = self._through(self.middle_block, x, embedding)
        for block in self.output_blocks:
            x = self._through(block, torch.cat([x, skipped.pop()], 1), embedding)
        output: Tensor = self.out(x)
        return output

    def _through(self, block: nn.Module, x: Tensor, embedding: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            output: Tensor = checkpoint(block, x, embedding, use_reentrant=False)
        else:
            output = block(x, embedding)
        return output


def zeroed(layer: Layer) -> Layer:
    """Set all parameters of a layer to zero: as a block's last layer it makes the block start as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
