"""What a degradation, a purifier and a detector are, and what they are given.

All three are called in one way:

    result = method(images, given)

`images` are float32 (N, 3, H, W), RGB, in [0, 1]: the attacked images of one group for a degradation, all images of a group
for a purifier and a detector. A degradation and a purifier return images of the same shape and range, a detector maps
(N, 1, H, W) in [0, 1]. `given` holds what the method's registry entry says that it needs (`cosalpure.registry.Method`);
everything else in it is None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cosalpure.concept import Concept

Role = Literal["reference", "attack", "adaptive", "corruption", "baseline", "control", "ablation", "ours"]

# What a method may need besides the images: "model", the text-to-image model, is handed to its constructor; the others
# are fields of `Given`. Generators are given to every degradation and purifier.
Need = Literal["model", "concept", "label", "group", "ground_truth", "evaluation"]
NEEDS: tuple[Need, ...] = get_args(Need)

Kind = Literal["degradation", "purifier", "detector"]
GIVEN_TO: dict[Kind, tuple[Need, ...]] = {  # what the stage of a kind can give
    "degradation": ("model", "concept", "label", "group", "ground_truth", "evaluation"),
    "purifier": ("model", "concept", "label", "ground_truth"),
    "detector": ("label", "ground_truth"),
}


@dataclass(frozen=True)
class Evaluation:
    """A group as its purifier and its detector are going to see it: what an attacker may know.

    Attributes:
        images: all images of the group (M, 3, H, W), RGB, [0, 1], none of them attacked yet.
        attacked: which of them the degradation is called with, in their order.
        ground_truth: of all images, (M, 1, H, W), 0 or 1.
        given: makes what the purifier will be given of all images, with fresh generators at every call.
    """

    images: Tensor
    attacked: Sequence[bool]
    ground_truth: Tensor
    given: Callable[[], Given]


@dataclass(frozen=True)
class Given:
    """What a method is given beside the images.

    Attributes:
        generators: one for each image, derived from its name; the only source of randomness that a method may use.
            Empty for a detector.
        concept: the group's learned concept; for a degradation that of the images of its setting `concepts_from`.
        label: the group's name, as a person reads it.
        group: all images of the group (M, 3, H, W), RGB, [0, 1], for a degradation.
        ground_truth: ground truth of `images`, (N, 1, H, W), 0 or 1.
        evaluation: the group as the stages behind a degradation will see it.
    """

    generators: Sequence[Generator] = ()
    concept: Concept | None = None
    label: str | None = None
    group: Tensor | None = None
    ground_truth: Tensor | None = None
    evaluation: Evaluation | None = None


NOTHING = Given()


def only(needs: Collection[Need], given: Given) -> Given:
    """Keep just what is needed of what could be given; generators are always kept."""
    return Given(given.generators, **{need: getattr(given, need) for need in needs if need != "model"})


class Degradation(Protocol):
    """Degrade the attacked images of one group."""

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Return images of the same shape, in [0, 1]."""
        ...


class Purifier(Protocol):
    """Purify all images of one group, attacked and clean ones."""

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Return images of the same shape, in [0, 1]."""
        ...


class Detector(Protocol):
    """Predict the co-saliency maps of one group."""

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Return maps (N, 1, H, W), in [0, 1]; 1 is the common object."""
        ...
