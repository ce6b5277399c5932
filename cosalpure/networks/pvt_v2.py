"""PVTv2: Pyramid Vision Transformer v2 (Wang et al., Computational Visual Media 2022), the backbone of MCCL.

Four stages of a transformer on maps of strides 4, 8, 16 and 32. A patch embedding is a convolution whose windows
overlap; keys and values are reduced by a strided convolution; a depthwise convolution inside each multilayer
perceptron stands for a position code. Our own code after the paper, with the parameter names of its release
(github.com/whai362/PVT, Apache-2.0). Inactive in evaluation and left out: dropout and drop path.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

HEADS = (1, 2, 5, 8)
RATIOS = (8, 8, 4, 4)  # hidden channels of a multilayer perceptron, in multiples of the stage's
REDUCTIONS = (8, 4, 2, 1)  # of keys and values, each way
EPS = 1e-6  # of the norms of blocks and stages; patch embeddings and reductions keep PyTorch's 1e-5


def stage_channels(width: float = 1.0) -> list[int]:
    """List the channels of the four stages: heads times the channels of a head, 64 officially."""
    return [heads * max(4, round(64 * width)) for heads in HEADS]


class PatchEmbedding(nn.Module):
    """A map (N, C, H, W) -> tokens (N, h w, channels) of overlapping windows, and h and w."""

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, channels, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return tokens in row order, and the height and width of their map."""
        x = self.proj(x)
        height, width = x.shape[-2:]
        return self.norm(x.flatten(2).mT), (height, width)


class Attention(nn.Module):
    """Self-attention whose keys and values come from a map `reduction` times smaller each way."""

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        self.reduction = reduction
        if reduction > 1:
            self.sr = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return tokens of the shape of x (N, h w, C); `size` is (h, w)."""
        n, _, channels = x.shape
        source = x
        if self.reduction > 1:
            source = self.norm(self.sr(as_map(x, size)).flatten(2).mT)
        q = self.q(x).view(n, -1, self.heads, channels // self.heads).transpose(1, 2)
        kv = self.kv(source).view(n, -1, 2, self.heads, channels // self.heads)
        k, v = kv.permute(2, 0, 3, 1, 4)  # (N, heads, tokens, d) each
        # keys are few, so nothing is saved by a fused kernel, whose gradients are slower on a CPU
        similarities = q @ k.mT * (channels // self.heads) ** -0.5
        attended = similarities.softmax(-1) @ v
        y: Tensor = self.proj(attended.transpose(1, 2).reshape(n, -1, channels))
        return y


class DepthwiseConvolution(nn.Module):
    """Holds the depthwise convolution under the official name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return tokens of the shape of x (N, h w, C)."""
        maps: Tensor = self.dwconv(as_map(x, size))
        return maps.flatten(2).mT


class Perceptron(nn.Module):
    """Two linear layers, a depthwise convolution and a GELU between them."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = DepthwiseConvolution(hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return tokens of the shape of x (N, h w, C)."""
        y: Tensor = self.fc2(F.gelu(self.dwconv(self.fc1(x), size)))
        return y


class Block(nn.Module):
    """A transformer block with norms before attention and perceptron."""

    def __init__(self, channels: int, heads: int, ratio: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, EPS)
        self.attn = Attention(channels, heads, reduction)
        self.norm2 = nn.LayerNorm(channels, EPS)
        self.mlp = Perceptron(channels, ratio * channels)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return tokens of the shape of x (N, h w, C)."""
        x = x + self.attn(self.norm1(x), size)
        y: Tensor = x + self.mlp(self.norm2(x), size)
        return y


class PVTv2(nn.Module):
    """Normalised images (N, 3, H, W), of 32 px or more -> maps at strides 4, 8, 16, 32. By default PVTv2-b2."""

    def __init__(self, width: float = 1.0, depths: Sequence[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        self.depths, previous = tuple(depths), 3
        stages = zip(stage_channels(width), HEADS, RATIOS, REDUCTIONS, self.depths, strict=True)
        for number, (channels, heads, ratio, reduction, depth) in enumerate(stages, 1):
            kernel, stride = (7, 4) if number == 1 else (3, 2)
            self.add_module(f"patch_embed{number}", PatchEmbedding(previous, channels, kernel, stride))
            blocks = [Block(channels, heads, ratio, reduction) for _ in range(depth)]
            self.add_module(f"block{number}", nn.ModuleList(blocks))
            self.add_module(f"norm{number}", nn.LayerNorm(channels, EPS))
            previous = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the four maps, fine first."""
        maps = []
        for number in range(1, len(self.depths) + 1):
            tokens, size = getattr(self, f"patch_embed{number}")(images)
            for block in getattr(self, f"block{number}"):
                tokens = block(tokens, size)
            images = as_map(getattr(self, f"norm{number}")(tokens), size)
            maps.append(images)
        return maps


def as_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """Reorder tokens (N, h w, C) into a map (N, C, h, w)."""
    return tokens.mT.reshape(len(tokens), -1, *size)
