"""GCAGC: Adaptive Graph Convolutional Network with Attention Graph Clustering (Zhang et al., CVPR 2020), on HRNet-W48.

All positions of all images of the group are the nodes of one graph, joined by the similarity of their features
(AGCN); two graph convolutions at each of three scales let every position see its like in the other images. An
unsupervised clustering of the coarsest scale (AGCM) marks the positions that hang together across the group, and a
decoder turns both into the co-saliency map. Origin: github.com/ltp1995/GCAGC-CVPR2020 (no licence); this is our own
code after the paper, with its parameter names. A second head (JPU, decodersal) gives plain saliency.

Differs: the adjacency, a matrix of (784 N)^2, is never built: it is F F^T with scaled rows, and is applied factor by
factor, in time and memory linear in N; any image size and one image alone work; a position without any feature does
not turn the group's mask into NaN. Values agree within 1e-5, but for the clustering, which starts on a kink.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cosalpure.networks.hrnet import BLOCKS, HRNet, convolution

EPS_ROWS = 1e-10  # as in the official code
EPS_LENGTH = 1e-6  # a first step of 0.01 takes 10,000 positions from 1/100 to zero, all at once
CLUSTERING_STEPS = 200
CLUSTERING_RATE = 0.01
LENGTH_WEIGHT = 50  # of the penalty that keeps the clustering's solution at length one


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (N, C, h, w) to `size` (height, width), bilinear between pixel centres, as in all of this network."""
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


class GraphConvolution(nn.Module):
    """Row-normalised adjacency times `x` times the weight (Kipf and Welling, ICLR 2017); x (K, inputs), nodes (K, C).

    The adjacency of the `nodes`, A = nodes nodes^T, stays in factors: A y = nodes (nodes^T y).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        bound = 1 / math.sqrt(outputs)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor, nodes: Tensor) -> Tensor:
        """Return features (K, outputs) of the K nodes."""
        neighbours = nodes @ (nodes.T @ (x @ self.weight))
        degrees = nodes @ nodes.sum(0)[:, None]
        return neighbours / (degrees + EPS_ROWS) + self.bias


def cluster(maps: Tensor) -> Tensor:
    """Cluster a group's maps (N, C, h, w) into a mask (N, 1, h, w) by 200 steps of Adam (AGCM).

    Maximises s^T G s over unit vectors s, G being the cosine similarities of all positions minus one. Starts from the
    constant vector, whose length is one up to rounding: exactly the kink of the penalty on the length, so that the
    last bit decides about the first step. On the CPU, therefore, as in the official code. A constant for training.
    """
    with torch.inference_mode(False):  # Adam needs ordinary tensors; none of them asks for gradients
        nodes = maps.detach().float().cpu().permute(0, 2, 3, 1).flatten(0, 2)  # (K, C), K = N h w
        nodes = nodes / nodes.square().sum(1, keepdim=True).sqrt().clamp_min(torch.finfo(torch.float32).tiny)
        count = len(nodes)
        s = torch.sqrt(count * torch.ones(count, 1)) / count
        optimizer = torch.optim.Adam([s], CLUSTERING_RATE)
        for _ in range(CLUSTERING_STEPS):
            length = s.square().sum().sqrt().clamp_min(EPS_LENGTH)
            # the penalty: -log(2 - |s|) from one on, -log |s| below
            slope = 1 / (2 - length) if length >= 1 else -1 / length
            similarity = nodes @ (nodes.T @ s) - s.sum()
            s.grad = LENGTH_WEIGHT * slope * s / length - 2 * similarity
            optimizer.step()
    n, _, height, width = maps.shape
    return s.view(n, 1, height, width).to(maps)


def decoder(inputs: int, *stages: int) -> nn.Sequential:
    """Build convolutions at one size, then, for each of `stages` (depths), at twice that size; the last has one channel.

    Under one name more, for the official keys: decoder.features.0 and so on.
    """
    layers: list[nn.Module] = [*_block(nn.Conv2d(inputs, inputs, 3, padding=1))]
    for outputs in stages:
        layers += _block(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1))
        for _ in range(2):
            layers += _block(nn.Conv2d(outputs, outputs, 3, padding=1))
        inputs = outputs
    layers.append(nn.Conv2d(inputs, 1, 3, padding=1))
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers)))


def _block(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()


class CoSaliency(nn.Module):
    """The backbone and the co-saliency head: `decode(prnet(images)[1:])` gives one group's logits."""

    def __init__(self, width: float = 1.0, modules: Sequence[int] = (1, 4, 3), blocks: int = BLOCKS) -> None:
        super().__init__()
        self.prnet = HRNet(width, modules, blocks)
        depths = self.prnet.channels
        for level in (4, 3, 2):  # the backbone's branches, coarse first
            inputs, outputs = depths[level - 1], depths[level - 2]
            self.add_module(f"gc{level}_1", GraphConvolution(inputs, outputs))
            self.add_module(f"gc{level}_2", GraphConvolution(outputs, outputs))
        self.decoder = decoder(sum(depths[:3]), max(1, round(128 * width)), max(1, round(64 * width)))

    def decode(self, maps: Sequence[Tensor]) -> Tensor:
        """Predict logits (N, 1, h, w) at stride 2 from the backbone's maps of strides 8, 16 and 32."""
        logits: Tensor = self.decoder(self.correlate(maps))
        return logits

    def correlate(self, maps: Sequence[Tensor]) -> Tensor:
        """Find what the images have in common: graphs of three scales, at stride 8.

        The clustering marks what belongs to the object. `maps` are three, (N, C, h, w), fine first.
        """
        size = maps[0].shape[-2:]
        coarse = self.convolve_graph(4, maps[2])
        graphs = [coarse, self.convolve_graph(3, maps[1]), self.convolve_graph(2, maps[0])]
        fused = torch.cat([resize(graph, size) for graph in graphs], 1)
        return fused + resize(cluster(coarse), size)

    def convolve_graph(self, level: int, maps: Tensor) -> Tensor:
        """Convolve maps (N, C, h, w) twice over the graph of all positions of the group, to (N, C', h, w)."""
        n, _, height, width = maps.shape
        nodes = maps.permute(0, 2, 3, 1).flatten(0, 2)
        x: Tensor = getattr(self, f"gc{level}_1")(nodes, nodes).relu()
        x = getattr(self, f"gc{level}_2")(x, nodes).relu()
        return x.view(n, height, width, -1).permute(0, 3, 1, 2)


class Separable(nn.Module):
    """A dilated depthwise convolution, batch norm, a pointwise convolution."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, 1, dilation, dilation, groups=inputs, bias=False)
        self.bn = nn.BatchNorm2d(inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h, w) of x (N, inputs, h, w)."""
        y: Tensor = self.pointwise(self.bn(self.conv1(x)))
        return y


class JPU(nn.Module):
    """Joint pyramid upsampling (Wu et al., 2019): maps of strides 8, 16 and 32 -> one of stride 8."""

    dilation1: nn.Sequential
    dilation2: nn.Sequential
    dilation3: nn.Sequential
    dilation4: nn.Sequential

    def __init__(self, depths: Sequence[int], width: int) -> None:
        super().__init__()
        self.conv5 = convolution(depths[2], width)
        self.conv4 = convolution(depths[1], width)
        self.conv3 = convolution(depths[0], width)
        for number in (1, 2, 3, 4):
            separable = Separable(3 * width, width, dilation=2 ** (number - 1))
            self.add_module(f"dilation{number}", nn.Sequential(separable, nn.BatchNorm2d(width), nn.ReLU()))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return features (N, 4 width, h, w) at stride 8."""
        size = maps[0].shape[-2:]
        x = torch.cat([resize(self.conv5(maps[2]), size), resize(self.conv4(maps[1]), size), self.conv3(maps[0])], 1)
        return torch.cat([self.dilation1(x), self.dilation2(x), self.dilation3(x), self.dilation4(x)], 1)


class GCAGC(nn.Module):
    """One group of normalised images (N, 3, H, W) -> saliency logits and co-saliency maps in (0, 1), both (N, 1, H, W).

    `input_size` is the side of the square images that the weights were trained on, for whoever feeds the network;
    `width`, `modules` and `blocks` are the backbone's, and `width` scales the heads too.
    """

    def __init__(
        self, width: float = 1.0, modules: Sequence[int] = (1, 4, 3), blocks: int = BLOCKS, input_size: int = 224
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.cosalnet = CoSaliency(width, modules, blocks)
        depths = self.cosalnet.prnet.channels[1:]
        self.jpu = JPU(depths, depths[0])
        self.decodersal = decoder(4 * depths[0], *(max(1, round(depth * width)) for depth in (256, 128, 64)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Predict saliency logits and co-saliency maps, both (N, 1, H, W)."""
        maps, size = self.cosalnet.prnet(images)[1:], images.shape[-2:]
        return self.saliency(maps, size), self.cosaliency(maps, size)

    def saliency(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Predict saliency logits (N, 1, *size) from the backbone's maps of strides 8, 16 and 32."""
        return resize(self.decodersal(self.jpu(maps)), size)

    def cosaliency(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Predict co-saliency maps (N, 1, *size) in (0, 1) from the same maps, of one group."""
        return resize(self.cosalnet.decode(maps), size).sigmoid()
