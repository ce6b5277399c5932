"""PoolNet: A Simple Pooling-Based Design for Real-Time Salient Object Detection (Liu et al., CVPR 2019), with edges.

A pyramid pooling module on the deepest map gives global guidance (GGM), which every step of a top-down pathway
receives; after each step, pooled copies of the map at three scales are aggregated (FAM). This is the variant trained
jointly with edge detection on ResNet-50: edge maps of all steps are predicted from the same pathway, and they help the
saliency map. Origin: github.com/backseason/PoolNet (MIT), whose parameter names are kept; our own code.
`width` scales all channels. A saliency detector: every image for itself.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cosalpure.networks.resnet50 import ResNet50

POOLS = (2, 4, 8)  # strides of a FAM's pooled copies: the deepest map needs 8 pixels a side, the image 112
PYRAMID = (1, 3, 5)  # sides of the pyramid pooling's grids
EDGE_CHANNELS = 16
CHANNEL_MEANS = (122.67892, 116.66877, 104.00699)  # red, green, blue in [0, 255], subtracted from the images


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (N, C, h, w) to `size` (height, width), bilinear with aligned corners, as in all of this network."""
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=True)


def convolution(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """Build a convolution without bias that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


def rectified(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Build such a convolution with a ReLU."""
    return nn.Sequential(convolution(inputs, outputs, kernel), nn.ReLU())


class Guided(nn.Module):
    """Backbone and global guidance (GGM): images -> five maps, and the guidance of four steps, coarse first."""

    def __init__(self, width: float, layers: Sequence[int], channels: int, steps: Sequence[int]) -> None:
        super().__init__()
        self.resnet = ResNet50(width, layers)
        self.ppms_pre = convolution(self.resnet.channels[-1], channels, 1)
        pooled = [nn.Sequential(nn.AdaptiveAvgPool2d(side), *rectified(channels, channels, 1)) for side in PYRAMID]
        self.ppms = nn.ModuleList(pooled)
        self.ppm_cat = rectified(channels * (1 + len(PYRAMID)), channels)
        self.infos = nn.ModuleList(rectified(channels, outputs) for outputs in steps)

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Compute five maps (N, C, h, w), fine first, and the guidance of four steps, coarse first."""
        maps: list[Tensor] = self.resnet(images)
        x = self.ppms_pre(maps[-1])
        x = self.ppm_cat(torch.cat([x] + [resize(pool(x), x.shape[-2:]) for pool in self.ppms], 1))
        guides = [info(resize(x, fine.shape[-2:])) for info, fine in zip(self.infos, maps[-2::-1], strict=True)]
        return maps, guides


class Aggregate(nn.Module):
    """A step of the pathway: feature aggregation (FAM), then the sum with the finer map and its guidance, if any."""

    def __init__(self, inputs: int, outputs: int, last: bool = False) -> None:
        super().__init__()
        self.convs = nn.ModuleList(convolution(inputs, inputs) for _ in POOLS)
        self.conv_sum = convolution(inputs, outputs)
        if not last:
            self.conv_sum_c = convolution(outputs, outputs)

    def forward(self, x: Tensor, finer: Tensor | None = None, guide: Tensor | None = None) -> Tensor:
        """Return features at the size of the finer map, or of x (N, inputs, h, w) if there is none."""
        pooled = (
            resize(conv(F.avg_pool2d(x, side)), x.shape[-2:]) for side, conv in zip(POOLS, self.convs, strict=True)
        )
        x = F.relu(sum(pooled, start=x))
        if finer is None:
            y: Tensor = self.conv_sum(x)
        else:
            y = self.conv_sum_c(self.conv_sum(resize(x, finer.shape[-2:])) + finer + guide)
        return y


class EdgeBlock(nn.Module):
    """Two residual units on a step's map, then its edge features. Lists of one: the checkpoint numbers its tasks."""

    block_in1: nn.ModuleList
    block_mid1: nn.ModuleList
    block_in2: nn.ModuleList
    block_mid2: nn.ModuleList

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = max(1, inputs // 4)
        for unit in (1, 2):
            middle = nn.Sequential(convolution(inner, inner), convolution(inner, inputs, 1))
            self.add_module(f"block_in{unit}", nn.ModuleList([convolution(inputs, inner, 1)]))
            self.add_module(f"block_mid{unit}", nn.ModuleList([middle]))
        self.block_out = nn.ModuleList([convolution(inputs, outputs, 1)])

    def forward(self, x: Tensor) -> Tensor:
        """Return edge features (N, outputs, h, w) of x (N, inputs, h, w)."""
        x = F.relu(x + self.block_mid1[0](self.block_in1[0](x)))
        x = F.relu(x + self.block_mid2[0](self.block_in2[0](x)))
        features: Tensor = self.block_out[0](x)
        return features


class EdgeFusion(nn.Module):
    """The steps' edge features -> one edge logit (N, 1, H, W)."""

    def __init__(self, inputs: int, steps: int) -> None:
        super().__init__()
        self.trans = nn.ModuleList(nn.Conv2d(inputs, 1, 1) for _ in range(steps))
        self.fuse = nn.Conv2d(steps, 1, 1)

    def forward(self, edges: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Predict edge logits (N, 1, *size)."""
        sides = [resize(head(edge), size) for head, edge in zip(self.trans, edges, strict=True)]
        logits: Tensor = self.fuse(torch.cat(sides, 1))
        return logits


class EdgeInformation(nn.Module):
    """The steps' edge features, at one size, as features for the saliency map."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        pairs = ((inputs, inputs), (inputs, outputs), (outputs, outputs), (outputs, outputs))
        self.trans = nn.Sequential(*(layer for pair in pairs for layer in rectified(*pair)))

    def forward(self, edges: Iterable[Tensor], size: Sequence[int]) -> Tensor:
        """Return features (N, outputs, *size)."""
        features: Tensor = self.trans(torch.cat([resize(edge, size) for edge in edges], 1))
        return features


class PoolNet(nn.Module):
    """Images (N, 3, H, W), BGR, [0, 255] minus the channel means -> saliency logits (N, 1, H, W). Sides from 112."""

    def __init__(self, width: float = 1.0, layers: Sequence[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        a, b, c, edge = (max(1, round(channels * width)) for channels in (128, 256, 512, EDGE_CHANNELS))
        steps = (c, b, b, a)  # depths of the pathway after each step, coarse first
        self.base = Guided(width, layers, c, steps)
        self.block = nn.ModuleList(EdgeBlock(depth, edge) for depth in steps)
        self.deep_pool = nn.ModuleList(Aggregate(*pair) for pair in zip((c, *steps), steps, strict=False))
        self.deep_pool.append(Aggregate(a, a, last=True))
        self.fuse = EdgeFusion(edge, len(steps))
        self.edgeinfo = EdgeInformation(edge * len(steps), a)
        self.score = nn.Sequential(OrderedDict(score=nn.Conv2d(2 * a, 1, 3, padding=1)))
        depths = zip(self.base.resnet.channels, (a, b, b, c, c), strict=True)
        self.convert = nn.ModuleDict({"convert0": nn.ModuleList(rectified(*pair, kernel=1) for pair in depths)})

    @staticmethod
    def variant(state: Iterable[str]) -> str:
        """Describe weights with the keys `state` if they are of PoolNet's variant without edges; else return ""."""
        edges = any(key.startswith(("edgeinfo.", "fuse.", "block.")) for key in state)
        if edges or not any(key.startswith("deep_pool.") for key in state):
            return ""
        return (
            "this is PoolNet trained without edges (published as run-0); expected the one trained with edges "
            "(cosalpure weights fetch poolnet)"
        )

    def forward(self, images: Tensor) -> Tensor:
        """Predict saliency logits (N, 1, H, W)."""
        steps = self.pathway(images)
        return self.saliency(steps, self.edge_features(steps), images.shape[-2:])

    def saliency(self, steps: Sequence[Tensor], edges: Iterable[Tensor], size: Sequence[int]) -> Tensor:
        """Predict saliency logits (N, 1, *size) from the pathway's maps and their edge features."""
        x = self.deep_pool[-1](steps[-1])
        x = torch.cat([x, self.edgeinfo(list(edges), x.shape[-2:])], 1)
        return resize(self.score(x), size)

    def edges(self, images: Tensor) -> Tensor:
        """Predict edge logits (N, 1, H, W) of the same images."""
        logits: Tensor = self.fuse(self.edge_features(self.pathway(images)), images.shape[-2:])
        return logits

    def edge_features(self, steps: Iterable[Tensor]) -> list[Tensor]:
        """Compute the edge features (N, C, h, w) of each step's map."""
        return [block(step) for block, step in zip(self.block, steps, strict=True)]

    def pathway(self, images: Tensor) -> list[Tensor]:
        """Compute the maps (N, C, h, w) after each of the four top-down steps, coarse first."""
        maps, guides = self.base(images)
        converts = cast(nn.ModuleList, self.convert["convert0"])
        x, *finer = (convert(part) for convert, part in zip(converts[::-1], maps[::-1], strict=True))
        steps = []
        for aggregate, part, guide in zip(self.deep_pool[:-1], finer, guides, strict=True):
            x = aggregate(x, part, guide)
            steps.append(x)
        return steps
