"""HRNet: Deep High-Resolution Representation Learning (Wang et al., TPAMI 2020); GCAGC's backbone.

Branches at strides 4, 8, 16 and 32 run side by side and exchange what they found after every module; each stage adds
a branch. Origin: github.com/HRNet (MIT), whose parameter names are kept; our own code. Differs: no classifier, and
branches are brought to each other's size rather than by fixed factors, so that any image size works.
"""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from cosalpure.networks.resnet50 import EXPANSION, bottlenecks

BLOCKS = 4  # of a branch, in every module


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activate: bool = True) -> nn.Sequential:
    """Build a convolution without bias, batch norm, and ReLU if `activate`."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if activate else []))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of x (N, channels, h, w)."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + x)


class Exchange(nn.Module):
    """A module: every branch for itself, then every branch's sum over all branches, fine first."""

    def __init__(self, channels: Sequence[int], blocks: int) -> None:
        super().__init__()
        branches = (nn.Sequential(*(BasicBlock(depth) for _ in range(blocks))) for depth in channels)
        self.branches = nn.ModuleList(branches)
        numbers = range(len(channels))
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._path(channels, source, target) for source in numbers) for target in numbers
        )

    @staticmethod
    def _path(channels: Sequence[int], source: int, target: int) -> nn.Module:
        """Build the way from one branch to another: 1 x 1 to a finer one, a chain of strided 3 x 3 to a coarser one."""
        inputs, outputs = channels[source], channels[target]
        if source == target:
            return nn.Identity()
        if source > target:
            return convolution(inputs, outputs, kernel=1, activate=False)
        chain = [convolution(inputs, inputs, stride=2) for _ in range(target - source - 1)]
        return nn.Sequential(*chain, convolution(inputs, outputs, stride=2, activate=False))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Exchange maps (N, C, h, w) between the branches, fine first; their shapes stay."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        targets = zip(self.fuse_layers, maps, strict=True)
        return [F.relu(self._sum(cast(nn.ModuleList, paths), maps, x.shape[-2:])) for paths, x in targets]

    @staticmethod
    def _sum(paths: nn.ModuleList, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        total: Tensor | int = 0
        for path, x in zip(paths, maps, strict=True):
            y = path(x)
            total = total + (y if y.shape[-2:] == size else F.interpolate(y, size=size, mode="nearest"))
        return cast(Tensor, total)


class HRNet(nn.Module):
    """Images (N, 3, H, W) -> four maps, at strides 4, 8, 16 and 32; `self.channels` are their depths.

    `width` scales all channels (1 is HRNet-W48), `modules` counts the modules of stages 2 to 4, `blocks` the residual
    blocks of a branch in each.
    """

    def __init__(self, width: float = 1.0, modules: Sequence[int] = (1, 4, 3), blocks: int = BLOCKS) -> None:
        super().__init__()
        stem, base = max(1, round(64 * width)), max(2, round(48 * width))
        self.channels = [base * 2**branch for branch in range(4)]
        self.conv1 = nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = nn.Conv2d(stem, stem, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem)
        self.layer1 = bottlenecks(stem, stem, blocks)
        depths = [EXPANSION * stem]
        for stage, count in enumerate(modules, 2):
            wanted = self.channels[:stage]
            self.add_module(f"transition{stage - 1}", self._transition(depths, wanted))
            self.add_module(f"stage{stage}", nn.Sequential(*(Exchange(wanted, blocks) for _ in range(count))))
            depths = wanted

    @staticmethod
    def _transition(depths: Sequence[int], wanted: Sequence[int]) -> nn.ModuleList:
        """Build the transition to one branch more: the new one by a strided convolution of the coarsest map."""
        pairs = list(zip(depths, wanted, strict=False))
        old = [nn.Identity() if before == after else convolution(before, after) for before, after in pairs]
        return nn.ModuleList([*old, nn.Sequential(convolution(depths[-1], wanted[-1], stride=2))])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute four maps (N, C, h, w) of images (N, 3, H, W), fine first."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = F.relu(self.bn2(self.conv2(x)))
        maps = [self.layer1(x)]
        for stage in (2, 3, 4):
            transition = getattr(self, f"transition{stage - 1}")
            maps = [layer(maps[min(branch, stage - 2)]) for branch, layer in enumerate(transition)]
            maps = getattr(self, f"stage{stage}")(maps)
        return maps
