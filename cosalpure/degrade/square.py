"""The Square attack (Andriushchenko et al., ECCV 2020; L-infinity, Algorithms 1 and 2) on co-saliency maps: queries, no gradients.

It shows whether an attack with gradients, `pgd`, fails only because gradients mislead it: more queries must not be stronger.
The images of a group are attacked together. A query proposes one square of noise for every attacked image, and an image keeps
its square if the loss of its own map falls. Where a detector lets images influence each other, or a purifier draws noise, the
losses of two queries differ by that too, as they do for any attacker who only sees maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cosalpure.degrade.adaptive_settings import SquareSettings
from cosalpure.degrade.pgd import Attack, Attacker, Scene, segpgd, soft_iou
from cosalpure.errors import UserError
from cosalpure.protocols import Given

# Queries, of 10,000, after which the share of the squares is halved (official code, `p_selection`)
HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class Square(Attacker):
    """Attack the images of a group together; `settings` is a `SquareSettings`."""

    settings: SquareSettings

    def __init__(self, settings: SquareSettings, text_to_image: Callable[[], Any] | None = None):
        if settings.detector is None:
            raise UserError("square: name the detector that is asked")
        super().__init__(settings, text_to_image)

    @torch.no_grad()
    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Attack images (N, 3, H, W), RGB, [0, 1], which are the attacked ones of `given.evaluation`."""
        settings, scene = self.settings, Scene.of(images, given)
        losses, best = [], torch.full((len(images),), torch.inf)  # of each image, in its best state so far
        noise = torch.zeros_like(images)
        for query in range(settings.queries):
            # 1. Vertical stripes at first, then one square more for each image.
            shape = images.shape[-2:]
            side = None if query == 0 else side_of(settings.share, query, settings.queries, shape)
            proposed = torch.stack(
                [
                    stripes(its, draws) if side is None else with_square(its, side, draws)
                    for its, draws in zip(noise, given.generators, strict=True)
                ]
            )
            # 2. An image keeps what makes the loss of its map lower.
            found = self.losses((images + settings.epsilon * proposed).clamp(0, 1), scene, query)
            kept = found < best
            best = torch.where(kept, found, best)
            noise[kept] = proposed[kept]
            losses.append(best.mean().item())
        attacked = (images + settings.epsilon * noise).clamp(0, 1)
        self.last = Attack(attacked, losses, [], settings.queries)
        return attacked

    def losses(self, attacked: Tensor, scene: Scene, query: int) -> Tensor:
        """Compute the loss of each attacked image's map (N,), by one query with the whole group."""
        maps = self.maps(attacked, scene, (query,))[scene.attacked]
        pairs = zip(maps[:, None], scene.evaluation.ground_truth[scene.attacked].to(maps)[:, None], strict=True)
        by_overlap = self.settings.loss == "soft_iou"
        return torch.stack([soft_iou(*pair) if by_overlap else segpgd(*pair, weight=0.0) for pair in pairs])


def side_of(share: float, query: int, queries: int, size: Sequence[int]) -> int:
    """Compute the side in px of the square of a query, in images of `size`; it shrinks as in the published schedule."""
    place = query * 10_000 // queries
    share = share / 2 ** sum(place > each for each in HALVED)
    side = round(math.sqrt(share * size[0] * size[1]))
    return max(1, min(side, min(size) - 1))


def stripes(noise: Tensor, generator: torch.Generator) -> Tensor:
    """Draw vertical stripes for one image, of noise (3, H, W) in units of the bound."""
    return signs((3, 1, noise.shape[-1]), generator).expand_as(noise).clone()


def with_square(noise: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Put a square of one colour at a random place of the noise (3, H, W)."""
    top, left = (int(torch.randint(each - side + 1, (), generator=generator)) for each in noise.shape[-2:])
    changed = noise.clone()
    changed[:, top : top + side, left : left + side] = signs((3, 1, 1), generator)
    return changed


def signs(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw -1 and 1."""
    return torch.randint(2, tuple(shape), generator=generator).float() * 2 - 1
