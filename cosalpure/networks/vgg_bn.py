"""VGG16 with batch norm (Simonyan & Zisserman 2015; Ioffe & Szegedy 2015), GCoNet+'s backbone: convolutions in five blocks.

Our own code; a layer's key is its block's name and its index in torchvision's vgg16_bn.features (conv1.0, conv1.1, ...).
There is no fifth pooling and no classifier, and the width is an argument.
"""

from torch import Tensor, nn

from cosalpure.networks.vgg import BLOCKS, block_channels


class VGGBatchNormBackbone(nn.Module):
    """Normalised images (N, 3, H, W) -> maps at strides 1, 2, 4, 8, 16."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        previous, index = 3, 0
        for number, block in enumerate(block_channels(width), 1):
            layers = nn.Sequential()
            if number > 1:
                layers.add_module(str(index), nn.MaxPool2d(2))
                index += 1
            for channels in block:
                parts = (nn.Conv2d(previous, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
                for part in parts:
                    layers.add_module(str(index), part)
                    index += 1
                previous = channels
            self.add_module(f"conv{number}", layers)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps, fine first."""
        maps = []
        for number in range(1, len(BLOCKS) + 1):
            images = getattr(self, f"conv{number}")(images)
            maps.append(images)
        return maps
