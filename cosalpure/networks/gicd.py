"""GICD: Gradient-Induced Co-Saliency Detection (Zhang, Jin, Xu, Cheng; ECCV 2020, arXiv:2004.13364).

A co-classifier sums the class scores of all images of the group into one consensus. In each image, the gradient of
the consensus' similarity with the image's own scores says which channels of the deepest map speak for the common
object (GIM, Eq. 1-4); the map so weighted is refined top-down, each stage attending where the coarser one pointed
(ARM). Origin: github.com/zzhanghub/gicd (no licence); this is our own code after the paper, with its parameter names.
Differs: images go through in batches, never one by one (all normalisations are per image, as there), and parameters
never collect gradients. Values agree with the official code within 1e-5.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cosalpure.networks.vgg import VGG16, VGGBackbone, block_channels

EPS_WEIGHTS = 1e-20  # as in the official code
EPS_MAP = 1e-6


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (N, C, h, w) to `size` (height, width), bilinear with aligned corners, as in all of this network."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=True)


def two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    """Build two 3 x 3 convolutions with a ReLU between them."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(outputs, outputs, 3, padding=1)
    )


class Lateral(nn.Module):
    """A backbone map, brought to the decoder's width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convlayer = two_convolutions(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, h, w) of x (N, inputs, h, w)."""
        y: Tensor = self.convlayer(x)
        return y


class Enhance(nn.Module):
    """Smooths the sum of the lateral and the upsampled map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enlayer = two_convolutions(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of x (N, channels, h, w)."""
        y: Tensor = self.enlayer(x)
        return y


class SideOutput(nn.Module):
    """A decoder map -> a co-saliency map in (0, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enlayer = two_convolutions(channels, channels).append(nn.ReLU(inplace=True))
        self.predlayer = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Predict a map (N, 1, h, w) from x (N, channels, h, w)."""
        y: Tensor = self.predlayer(self.enlayer(x))
        return y


class GINet(nn.Module):
    """Normalised images (N, 3, H, W) and the group's consensus (1, classes) -> five maps (N, 1, H, W), coarse first."""

    def __init__(
        self,
        width: float = 1.0,
        classes: int = 1000,
        classifier_width: int = 4096,
        pool: int = 7,
        channels: int = 64,
    ) -> None:
        super().__init__()
        self.backbone = VGGBackbone(width, classes, classifier_width, pool)
        depths = [block[-1] for block in block_channels(width)]
        self.toplayer = nn.Sequential(
            nn.Conv2d(depths[4], channels, 1), nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 1)
        )
        for level in (4, 3, 2, 1):
            self.add_module(f"latlayer{level}", Lateral(depths[level - 1], channels))
            self.add_module(f"enlayer{level}", Enhance(channels))
            self.add_module(f"dslayer{level}", SideOutput(channels))

    def forward(self, images: Tensor, consensus: Tensor, exact: bool = False) -> list[Tensor]:
        """Predict five maps (N, 1, H, W) in [0, 1], coarse first; `exact` as in `channel_weights`."""
        size = images.shape[-2:]
        *maps, deepest = self.backbone(images)  # strides 1, 2, 4, 8 and 16
        weighted = deepest * self.channel_weights(deepest, consensus, exact)
        prediction = self.induced_map(weighted)
        predictions = [resize(prediction, size)]
        state = self.toplayer(weighted)
        for level in (4, 3, 2, 1):
            feature = maps[level - 1]
            attended = feature * resize(prediction, feature.shape[-2:])
            state = resize(state, feature.shape[-2:]) + getattr(self, f"latlayer{level}")(attended)
            state = getattr(self, f"enlayer{level}")(state)
            prediction = getattr(self, f"dslayer{level}")(state)
            predictions.append(resize(prediction, size))
        return predictions

    def channel_weights(self, deepest: Tensor, consensus: Tensor, exact: bool = False) -> Tensor:
        """Weigh each channel by its gradient of the consensus, averaged over positions, in [0, 1]; (N, C, 1, 1).

        Constants to whoever trains the network. Works under the caller's no_grad and inference_mode too. With `exact`,
        gradients of images pass through the weights, too: through them alone one image of a group sees the others.
        """
        exact = exact and torch.is_grad_enabled() and deepest.requires_grad
        with torch.inference_mode(False), torch.enable_grad():
            leaf = deepest if exact else deepest.detach().clone().requires_grad_()
            consensus = consensus if exact else consensus.detach().clone()
            similarity = (consensus * self.backbone.classify(leaf)).sum()
            (gradient,) = torch.autograd.grad(similarity, leaf, create_graph=exact)
        weights = gradient.mean((2, 3), keepdim=True).relu()
        low, high = weights.amin(1, keepdim=True), weights.amax(1, keepdim=True)
        return (weights - low) / (high - low + EPS_WEIGHTS)

    @staticmethod
    def induced_map(weighted: Tensor) -> Tensor:
        """Average the weighted map (N, C, h, w) over channels and stretch it to [0, 1] in each image; (N, 1, h, w)."""
        cam = weighted.mean(1, keepdim=True).relu()
        cam = cam - cam.amin((2, 3), keepdim=True)
        return (cam / (cam.amax((2, 3), keepdim=True) + EPS_MAP)).clamp(0, 1)


class GICD(nn.Module):
    """A group of normalised images (N, 3, H, W) -> five co-saliency maps (N, 1, H, W) in [0, 1]; the last one counts.

    `input_size` is the side of the square images that the weights were trained on, for whoever feeds the network.
    """

    def __init__(
        self,
        width: float = 1.0,
        classes: int = 1000,
        classifier_width: int = 4096,
        pool: int = 7,
        channels: int = 64,
        input_size: int = 224,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.co_classifier = VGG16(width, classes, classifier_width, pool)
        self.ginet = GINet(width, classes, classifier_width, pool, channels)

    def consensus(self, images: Tensor) -> Tensor:
        """Sum the class scores over the group and take their softmax: (1, classes)."""
        scores: Tensor = self.co_classifier(images)
        return scores.sum(0, keepdim=True).softmax(1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Predict five co-saliency maps (N, 1, H, W) in [0, 1], coarse first."""
        with torch.no_grad():
            consensus = self.consensus(images)
        maps: list[Tensor] = self.ginet(images, consensus)
        return maps

    @staticmethod
    def official_state(gicd_ginet: Mapping[str, Tensor], vgg16: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Join gicd_ginet.pth and torchvision's ImageNet vgg16, which the official code downloads by itself."""
        parts = {"ginet": gicd_ginet, "co_classifier": vgg16}
        return {f"{part}.{key}": value for part, state in parts.items() for key, value in state.items()}
