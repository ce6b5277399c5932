"""VGG16 (Simonyan & Zisserman 2015), in the two forms that GICD uses.

`VGG16` has torchvision's keys (features.N, classifier.N); `VGGBackbone` gives its five blocks apart, under the keys of
GICD's checkpoint (conv1.conv1_1, ...). Same convolutions; the backbone has no fifth pooling, so its last map is twice
as large. Our own code; what differs from torchvision is only that widths, pooling and classes are arguments.
"""

from torch import Tensor, nn

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def block_channels(width: float = 1.0) -> list[list[int]]:
    """List the output channels of every convolution, block by block, scaled by `width`."""
    return [[max(4, round(channels * width)) for channels in block] for block in BLOCKS]


def classifier_head(channels: int, pool: int, hidden: int, classes: int) -> nn.Sequential:
    """Build the fully connected layers on a `pool` x `pool` map; indices 0, 3, 6 carry weights."""
    return nn.Sequential(
        nn.Linear(channels * pool * pool, hidden), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(hidden, classes),
    )  # fmt: skip


class VGG16(nn.Module):
    """Image classifier: normalised images (N, 3, H, W) -> logits (N, classes)."""

    def __init__(self, width: float = 1.0, classes: int = 1000, classifier_width: int = 4096, pool: int = 7) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3
        for block in block_channels(width):
            for channels in block:
                layers += [nn.Conv2d(previous, channels, 3, padding=1), nn.ReLU(inplace=True)]
                previous = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(pool)
        self.classifier = classifier_head(previous, pool, classifier_width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits (N, classes)."""
        logits: Tensor = self.classifier(self.avgpool(self.features(images)).flatten(1))
        return logits


class VGGBackbone(nn.Module):
    """VGG16 in five blocks: normalised images (N, 3, H, W) -> maps at strides 1, 2, 4, 8, 16."""

    def __init__(self, width: float = 1.0, classes: int = 1000, classifier_width: int = 4096, pool: int = 7) -> None:
        super().__init__()
        previous = 3
        for number, block in enumerate(block_channels(width), 1):
            layers = nn.Sequential()
            if number > 1:
                layers.add_module(f"pool{number - 1}", nn.MaxPool2d(2))
            for index, channels in enumerate(block, 1):
                layers.add_module(f"conv{number}_{index}", nn.Conv2d(previous, channels, 3, padding=1))
                layers.add_module(f"relu{number}_{index}", nn.ReLU(inplace=True))
                previous = channels
            self.add_module(f"conv{number}", layers)
        self.avgpool = nn.AdaptiveAvgPool2d(pool)
        self.classifier = classifier_head(previous, pool, classifier_width, classes)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute five maps (N, C, h, w) of images (N, 3, H, W), fine first."""
        maps = []
        for number in range(1, len(BLOCKS) + 1):
            images = getattr(self, f"conv{number}")(images)
            maps.append(images)
        return maps

    def classify(self, deepest: Tensor) -> Tensor:
        """Predict logits (N, classes) from the last map (N, C, h, w)."""
        logits: Tensor = self.classifier(self.avgpool(deepest).flatten(1))
        return logits

    def load_classifier(self, vgg: VGG16) -> None:
        """Take over the weights of a `VGG16` of the same arguments: GICD's initialisation."""
        convolutions = [[m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (self, vgg.features)]
        for mine, its in zip(*convolutions, strict=True):
            mine.load_state_dict(its.state_dict())
        self.classifier.load_state_dict(vgg.classifier.state_dict())
