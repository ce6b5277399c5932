"""Training images for the surrogate and the detector: scenes of the train concepts, composed once, drawn many times.

Composing takes several milliseconds an image, as much as the networks themselves; a pool and cheap augmentation on
tensors keep one core busy with learning.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from cosalpure.data.mini import MiniWorld
from cosalpure.seeds import numpy_generator
from cosalpure.train.batches import in_order


class ScenePool:
    """`scenes` benchmark-like scenes and `portraits` large single objects of every concept, in memory as uint8.

    `workers` processes compose them; the pictures do not depend on their number.
    """

    def __init__(
        self, world: MiniWorld, concepts: Sequence[str], scenes: int, portraits: int, seed: int, workers: int = 0
    ) -> None:
        self.concepts = list(concepts)
        self.scenes = scenes

        def compose(concept: str) -> list[np.ndarray]:
            rng = numpy_generator(seed, "scene pool", concept)
            pictures, shapes = world.group(rng, concept, scenes, self.concepts)
            pairs = [world.portrait(rng, concept) for _ in range(portraits)]
            return [np.stack([*whole, *(pair[i] for pair in pairs)]) for i, whole in enumerate((pictures, shapes))]

        images, masks = zip(*in_order(compose, self.concepts, workers), strict=True)
        # (concepts, pictures, 3, H, W) and (concepts, pictures, 1, H, W)
        self.images = torch.from_numpy(np.stack(images)).permute(0, 1, 4, 2, 3).contiguous()
        self.masks = torch.from_numpy(np.stack(masks))[:, :, None]

    def draw(self, generator: torch.Generator, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Draw any pictures of any concepts: images (n, 3, H, W) in [0, 1], masks (n, 1, H, W) of 0 and 1, labels (n,)."""
        concepts = torch.randint(len(self.concepts), (n,), generator=generator)
        pictures = torch.randint(self.images.shape[1], (n,), generator=generator)
        return *self._pick(concepts, pictures), concepts

    def draw_group(self, generator: torch.Generator, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw `n` different scenes of one concept: images (n, 3, H, W) in [0, 1], masks (n, 1, H, W) of 0 and 1."""
        concept = torch.randint(len(self.concepts), (), generator=generator)
        return self._pick(concept, torch.randperm(self.scenes, generator=generator)[:n])

    def _pick(self, concepts: torch.Tensor | int, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[concepts, pictures].float() / 255, self.masks[concepts, pictures].float() / 255


def augment(
    images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, closest: float = 0.85
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mirror, zoom, expose moderately and blur slightly images (N, 3, H, W) in [0, 1] and their masks.

    The window is `closest` to 1.15 times the image, moved towards the object: a classifier learns ten times faster
    when it sees objects from nearby too. Blur is that of a soft lens or of an autoencoder's round trip. Exposure stays
    within a photographer's 0.7 to 1.4. There is no additive noise: noise is what the benchmark's attack adds, and the
    published detectors were not trained against it.
    """
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, *(shape or (1, 1, 1)), generator=generator)

    scale = uniform(closest, 1.15, 1)
    room = (1 - scale).clamp(min=0)
    shift = centres(masks).clamp(-room, room) + uniform(-0.1, 0.1, 2)
    images, masks = zoom(images, masks, scale, shift, uniform(-1, 1, 1).sign())
    images = images * torch.exp(uniform(-0.35, 0.35)) * uniform(0.95, 1.05, 3, 1, 1)  # gain 0.7 to 1.4; slight tint
    images = torch.lerp(images, blur(images), uniform(-1, 1).clamp(min=0))  # half of them not blurred at all
    return images.clamp(0, 1), masks


def fade_surroundings(images: torch.Tensor, masks: torch.Tensor, amount: float) -> torch.Tensor:
    """Fade all but the object of images (N, 3, H, W) towards grey by `amount` in [0, 1].

    Distractors may appear slowly in a training so.
    """
    return torch.lerp(images, torch.full_like(images, 0.5), (1 - masks) * amount)


def centres(masks: torch.Tensor) -> torch.Tensor:
    """Compute the objects' centres of mass (N, 2) as (x, y) in [-1, 1]."""
    height, width = masks.shape[-2:]
    total = masks.sum((1, 2, 3)).clamp(min=1)
    x = (masks.sum((1, 2)) * torch.linspace(-1, 1, width)).sum(1) / total
    y = (masks.sum((1, 3)) * torch.linspace(-1, 1, height)).sum(1) / total
    return torch.stack([x, y], 1)


def zoom(
    images: torch.Tensor, masks: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, mirror: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Look at images (N, 3, H, W) and masks through a window, perhaps mirrored.

    It is `scale` times as wide as the image, and moved by `shift` half-widths.
    """
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = (scale * mirror)[:, 0]
    theta[:, 1, 1] = scale[:, 0]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return images, (F.grid_sample(masks, grid, align_corners=False) >= 0.5).float()


def blur(images: torch.Tensor) -> torch.Tensor:
    """Blur images (N, 3, H, W) by a Gaussian of one pixel's standard deviation."""
    line = torch.exp(-0.5 * torch.arange(-2.0, 3.0) ** 2)
    kernel = torch.outer(line, line)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=images.shape[1])


def add_rivals(
    images: torch.Tensor,
    masks: torch.Tensor,
    others: torch.Tensor,
    other_masks: torch.Tensor,
    generator: torch.Generator,
    share: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Paste, in a `share` of the images, another concept's object on top: (images, masks).

    In composed scenes the common object is always the topmost and largest one; with rivals only the group tells
    which object is common. An image whose object a rival would cover by more than a quarter is left as it is.
    """
    covered = (masks * other_masks).sum((1, 2, 3), keepdim=True) / masks.sum((1, 2, 3), keepdim=True).clamp(min=1)
    chosen = torch.rand(covered.shape, generator=generator) < share
    paste = other_masks * (chosen & (covered < 0.25))
    return torch.lerp(images, others, paste), masks * (1 - paste)
