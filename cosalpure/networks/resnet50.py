"""ResNet-50 of the Caffe lineage (He et al., CVPR 2016), dilated in its last stage: PoolNet's backbone.

Origin: the backbone in github.com/backseason/PoolNet (MIT), whose parameter names are kept; our own code. Differs from
torchvision's: the stride sits in the first 1 x 1 convolution, max pooling rounds up, and stage 4 keeps stride 16 with
a dilation of 2. `width` scales all channels and `layers` counts the blocks of each stage.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4


class Bottleneck(nn.Module):
    """1 x 1 down with the stride, 3 x 3, 1 x 1 up to four times `channels`, plus the shortcut."""

    def __init__(self, inputs: int, channels: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = EXPANSION * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, 4 channels, h', w') of x (N, inputs, h, w)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def bottlenecks(inputs: int, channels: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Build one stage: `blocks` bottlenecks, the first with the stride."""
    first = Bottleneck(inputs, channels, stride, dilation)
    rest = [Bottleneck(EXPANSION * channels, channels, dilation=dilation) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


class ResNet50(nn.Module):
    """Images (N, 3, H, W) -> five maps, at strides 2, 4, 8, 16 and 16; `self.channels` are their depths."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, width: float = 1.0, layers: Sequence[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        stem = max(1, round(64 * width))
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.channels = [stem] + [EXPANSION * stem * 2**stage for stage in range(4)]
        for stage, (blocks, stride, dilation) in enumerate(zip(layers, (1, 2, 2, 1), (1, 1, 1, 2), strict=True)):
            layer = bottlenecks(self.channels[stage], stem * 2**stage, blocks, stride, dilation)
            self.add_module(f"layer{stage + 1}", layer)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute five maps (N, C, h, w) of images (N, 3, H, W), fine first."""
        maps = [F.relu(self.bn1(self.conv1(images)))]
        x = self.maxpool(maps[0])
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            maps.append(x)
        return maps
