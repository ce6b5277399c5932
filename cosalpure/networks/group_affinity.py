"""The group affinity module and the decoder block that GCoNet+ and MCCL share.

Affinity (Fan et al., GCoNet, CVPR 2021): a pixel matters as far as it finds its like in every image of the group. The
pixels so weighted are averaged into one prototype, with which every image's features are multiplied. Our own code
after the papers, with the parameter names of github.com/ZhengPeng7/GCoNet_plus and MCCL (both MIT).

Differs: the similarities of all pixels of all images, a matrix of (N h w)^2, are never held at once; they are reduced
key image by key image, so that memory grows linearly with the group. Values agree up to rounding (1e-7).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def upsample(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (N, C, h, w) to `size` (height, width), bilinear with aligned corners, as in all of both networks."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=True)


class GroupAffinity(nn.Module):
    """Features of one group (N, C, h, w) -> the same, multiplied by the group's prototype (1, C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_transform = nn.Conv2d(channels, channels, 1)
        self.key_transform = nn.Conv2d(channels, channels, 1)
        self.conv6 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x (N, C, h, w) times the prototype."""
        return x * self.prototype(x)

    def prototype(self, x: Tensor) -> Tensor:
        """Average what the group has in common over images and pixels: (1, C, 1, 1)."""
        common: Tensor = self.conv6(x * self.attention(x))
        return common.mean((0, 2, 3), keepdim=True)

    def attention(self, x: Tensor) -> Tensor:
        """Weigh each pixel of x (N, C, h, w) by its affinity to the group: (N, 1, h, w), of sum 1 in each image."""
        weights: Tensor = self.affinity(x).softmax(-1)
        return weights.view(len(x), 1, *x.shape[-2:])

    def affinity(self, x: Tensor) -> Tensor:
        """Average each pixel's best matches in all images, its own included: (N, h w)."""
        queries = self.query_transform(x).flatten(2).mT  # (N, h w, C)
        keys = self.key_transform(x).flatten(2)  # (N, C, h w)
        total: Tensor = queries.new_zeros(queries.shape[:2])
        for key in keys:
            # max keeps indices alone for its gradient, where amax would keep all similarities
            total = total + (queries @ key).max(-1).values
        scale: float = x.shape[1] ** -0.5
        return total / len(x) * scale


class GroupFeatures(nn.Module):
    """Holds the affinity module under the official name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.all_attention = GroupAffinity(channels)

    def forward(self, x: Tensor, counts: Sequence[int] | None = None) -> Tensor:
        """Return x (N, C, h, w) times the prototype of its group; `counts` images a group, by default one group."""
        groups = x.split(list(counts)) if counts else [x]
        return torch.cat([self.all_attention(group) for group in groups])


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm, `middle` channels between them; no skip and no ReLU at the end."""

    def __init__(self, inputs: int, outputs: int, middle: int = 64) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv_out = nn.Conv2d(middle, outputs, 3, padding=1)
        self.bn_in = nn.BatchNorm2d(middle)
        self.bn_out = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h, w) of x (N, inputs, h, w)."""
        y: Tensor = self.bn_out(self.conv_out(self.bn_in(self.conv_in(x)).relu()))
        return y
