"""A tiny group that methods are tried on: a bright square on a smooth background, drawn anew every time."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from cosalpure.seeds import generator

LABEL = "square"
SIDE = 64  # px


@dataclass(frozen=True)
class Sample:
    """Some images of a group and what a stage knows of them.

    Attributes:
        images: (N, 3, H, W), RGB, [0, 1], with the 256 levels of files.
        ground_truth: (N, 1, H, W), 0 or 1.
        group: all images of the group (M, 3, H, W): `images`, and as many clean ones.
        numbers: of the N images; their generators are derived from them.
    """

    images: Tensor
    ground_truth: Tensor
    group: Tensor
    numbers: tuple[int, ...]

    def only(self, index: int) -> "Sample":
        """Select one image; the group stays whole."""
        part = slice(index, index + 1)
        images, ground_truth = self.images[part].clone(), self.ground_truth[part].clone()
        return replace(self, images=images, ground_truth=ground_truth, numbers=self.numbers[part])

    def filled(self, levels: list[float]) -> "Sample":
        """Replace the images by featureless ones of these grey levels, one each."""
        images = torch.tensor(levels)[:, None, None, None].expand_as(self.images).contiguous()
        return replace(self, images=images, group=torch.cat([images, self.group[len(images) :]]))


def draw(count: int, height: int = SIDE, width: int = SIDE) -> Sample:
    """Draw a group of which `count` images are handed to the method."""
    drawn = [_scene(number, height, width) for number in range(2 * count)]
    images, masks = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    return Sample(images[:count].clone(), masks[:count].clone(), images, tuple(range(count)))


def _scene(number: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Draw one image (3, H, W) and its mask (1, H, W)."""
    draws = generator(0, "contract", number)
    blue = torch.tensor([0.2, 0.3, 0.5])[:, None, None]
    coarse = 0.2 * torch.rand(1, 3, 5, 5, generator=draws)
    image = blue + F.interpolate(coarse, size=(height, width), mode="bilinear")[0]
    side = max(1, min(height, width) // 2)
    top = int(torch.randint(height - side + 1, (), generator=draws))
    left = int(torch.randint(width - side + 1, (), generator=draws))
    mask = torch.zeros(1, height, width)
    mask[:, top : top + side, left : left + side] = 1
    orange = torch.tensor([0.9, 0.6, 0.1])[:, None, None]
    return ((image * (1 - mask) + orange * mask) * 255).round() / 255, mask
