"""ResNet(A)-50b: ResNet-50 with a three-convolution stem and average-pooled shortcuts (He et al. 2016; He et al. 2019).

The surrogate of the Jadena attack. Origin: github.com/osmr/pytorchcv (MIT), whose parameter names are kept; our own
code. "A": shortcuts shrink by average pooling before their 1 x 1 convolution; "b": the stride sits in the 3 x 3
convolution. Differs: `width` scales all channels and `layers` counts the units of each stage.
"""

from collections.abc import Collection, Sequence
from typing import cast

from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution without bias, batch norm, ReLU unless `activate` is false."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, activate: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.activ = nn.ReLU(inplace=True) if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h', w') of x (N, inputs, h, w)."""
        y: Tensor = self.activ(self.bn(self.conv(x)))
        return y


class Stem(nn.Module):
    """Images at stride 4."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, outputs // 2, 3, stride=2)
        self.conv2 = ConvBlock(outputs // 2, outputs // 2, 3)
        self.conv3 = ConvBlock(outputs // 2, outputs, 3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, H / 4, W / 4) of images (N, 3, H, W)."""
        y: Tensor = self.pool(self.conv3(self.conv2(self.conv1(x))))
        return y


class Bottleneck(nn.Sequential):
    """1 x 1 down to a quarter, 3 x 3 with the stride, 1 x 1 up again."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(inputs, outputs // 4, 1)
        self.conv2 = ConvBlock(outputs // 4, outputs // 4, 3, stride)
        self.conv3 = ConvBlock(outputs // 4, outputs, 1, activate=False)


class Shortcut(nn.Module):
    """Average pooling by the stride (odd sizes round up), then 1 x 1."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        self.conv = ConvBlock(inputs, outputs, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h', w') of x (N, inputs, h, w)."""
        y: Tensor = self.conv(self.pool(x))
        return y


class Unit(nn.Module):
    """A residual unit."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = Bottleneck(inputs, outputs, stride)
        same = inputs == outputs and stride == 1
        self.identity_block = nn.Identity() if same else Shortcut(inputs, outputs, stride)
        self.activ = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h', w') of x (N, inputs, h, w)."""
        y: Tensor = self.activ(self.body(x) + self.identity_block(x))
        return y


class ResNetA50b(nn.Module):
    """Classifier: normalised images (N, 3, H, W) -> logits (N, classes); `stages` gives the maps in between."""

    def __init__(self, width: float = 1.0, classes: int = 1000, layers: Sequence[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        stem = max(2, round(64 * width / 2) * 2)
        self.features = nn.Sequential()
        self.features.add_module("init_block", Stem(stem))
        previous = stem
        for stage, units in enumerate(layers, 1):
            outputs = max(4, round(64 * width) * 4) * 2 ** (stage - 1)
            block = nn.Sequential()
            for unit in range(1, units + 1):
                stride = 2 if unit == 1 and stage > 1 else 1
                block.add_module(f"unit{unit}", Unit(previous, outputs, stride))
                previous = outputs
            self.features.add_module(f"stage{stage}", block)
        self.features.add_module("final_pool", nn.AdaptiveAvgPool2d(1))
        self.output = nn.Linear(previous, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits (N, classes)."""
        logits: Tensor = self.output(self.features(images).flatten(1))
        return logits

    def stages(self, images: Tensor, wanted: Collection[int] = (1, 2, 3)) -> list[Tensor]:
        """Compute the outputs (N, C, h, w) of the `wanted` stages, in ascending order.

        Stages are numbered 1 to 4, at strides 4 to 32.
        """
        maps = []
        layers = cast(nn.Sequential, self.features[: max(wanted) + 1])
        for number, layer in enumerate(layers):
            images = layer(images)
            if number in wanted:
                maps.append(images)
        return maps
