"""What the trainings of GCoNet+ and MCCL share: batches of groups, a classification beside them, losses on prototypes."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect.group_affinity import smoothly_resized
from cosalpure.networks.packing import Bits, packed, unpacked
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.co_saliency import draw_groups, pools, success_rate, train_in_rounds
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import ScenePool, augment

BITS: Bits = 8  # of a kernel's number in the file: what ships has a budget
FOCUS = 2.0  # exponent of the focal loss, its authors' (Lin et al., ICCV 2017)


class Batch(NamedTuple):
    """Groups that follow each other, and single pictures with the number of their concept."""

    images: torch.Tensor  # (N, 3, side, side), normalised
    masks: torch.Tensor  # (N, 1, side, side)
    counts: list[int]  # images of each group
    pictures: torch.Tensor  # (M, 3, side, side), normalised
    labels: torch.Tensor  # (M,)


class Learner(nn.Module):
    """A detection network and the parts that only its training needs: a classifier, and a head on its deepest map.

    Both networks start from ImageNet officially; the classifier, which names the concept of single pictures, teaches
    the backbone here what that start would have.
    """

    def __init__(self, network: Any, deepest: int, concepts: int) -> None:
        super().__init__()
        self.network = network
        self.classifier = nn.Linear(deepest, concepts)
        self.contrast = nn.Sequential(
            nn.Conv2d(deepest, deepest // 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(deepest // 4, 1, 1)
        )

    def class_loss(self, deepest: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Compute the cross entropy of the concepts of pictures whose deepest maps are (M, C, h, w)."""
        scores = self.classifier(deepest.mean((2, 3)))
        return F.cross_entropy(scores.float(), labels, label_smoothing=smoothing)


def train(
    name: str,
    deepest: str,
    sizes: Sequence[str],
    output: str | Path,
    its: Any,
    group_losses: Callable[..., dict[str, torch.Tensor]],
    detector: Callable[[Any, torch.device], Any],
    compute: Compute | None,
) -> dict[str, Any]:
    """Train a network and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable.

    Args:
        name: the network's.
        deepest: the name of its group module.
        sizes: the settings that are its architecture.
        output: the file to write.
        its: the training's settings.
        group_losses: gives the losses of (learner, batch, settings, autocast).
        detector: makes the detector of (network, device), whose success on the dev concepts is measured.
        compute: where and how long to compute.

    Returns:
        What the file says of its training.
    """
    output, compute = Path(output), compute or Compute()
    device = compute.torch_device
    pool, dev = pools(its, compute.workers)
    model, arch = learner(name, deepest, its, {key: getattr(its, key) for key in sizes}, len(pool.concepts))
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def draw(step: int) -> Batch:
        return draw_batch(pool, its, name, step)

    def losses(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        return group_losses(model, batch, its, compute.autocast)

    def of_learner(model: Any) -> Any:
        return detector(model.network, device)

    folder = output.with_suffix("")
    trained: Any = train_in_rounds(name, model, draw, losses, of_learner, dev, folder, its, compute)
    trained.network.load_state_dict(unpacked(packed(trained.network.state_dict(), BITS)))  # success is that of the file
    training = {"concepts": pool.concepts, **asdict(its), "dev_success": success_rate(of_learner(trained), dev)}
    networks.save_weights(output, trained.network, arch, name, training, BITS)
    return training


def learner(name: str, deepest: str, its: Any, arch: dict[str, Any], concepts: int) -> tuple[Learner, dict[str, Any]]:
    """Build a learner of network `name`, new or of the file `its.start`, and give its architecture too.

    `deepest` names the network's group module.
    """
    network, arch = common.new_or_started(name, arch, its.start, its.seed)
    channels = getattr(network, deepest).all_attention.conv6.out_channels
    with common.seeded(its.seed, name, "heads"):
        return Learner(network, channels, concepts), arch


def draw_batch(pool: ScenePool, its: Any, name: str, step: int) -> Batch:
    """Step `step`'s groups, and pictures to classify, at the input size; it depends on (`its.seed`, `name`, step) only."""
    random, side = generator(its.seed, name, step), its.input_size
    groups = draw_groups(pool, random, its)
    images, masks = (torch.cat(parts) for parts in zip(*groups, strict=True))
    pictures, shapes, labels = pool.draw(random, its.pictures)
    pictures, _ = augment(pictures, shapes, random, its.closest)
    counts = [len(group) for group, _ in groups]
    return Batch(prepared(images, side), smoothly_resized(masks, side), counts, prepared(pictures, side), labels)


def prepared(images: torch.Tensor, side: int) -> torch.Tensor:
    """Do what the detectors do before the network, but for the rounding to 8 bits."""
    return networks.normalise(smoothly_resized(images, side)).contiguous(memory_format=torch.channels_last)


def triplet_loss(features: torch.Tensor, counts: Sequence[int], margin: float) -> torch.Tensor:
    """Pull images (N, C) of one group together and groups apart: triplets of the farthest own and the nearest other one.

    Distances are Euclidean between vectors of length one (batch-hard triplets: Hermans et al. 2017).
    """
    vectors = F.normalize(features, dim=1)
    squared = (2 - 2 * vectors @ vectors.T).clamp(min=1e-6)  # the root has no gradient at 0
    groups = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).to(features.device)
    same = groups[:, None] == groups
    distances = squared.sqrt()
    own = distances.masked_fill(~same, -1).amax(1)
    other = distances.masked_fill(same, 4).amin(1)
    return (own - other + margin).clamp(min=0).mean()


def empty_loss(logits: torch.Tensor) -> torch.Tensor:
    """Compute the focal loss of maps that should be empty: an object that another group's prototype finds is a mistake."""
    wrong = logits.sigmoid()
    return (wrong**FOCUS * F.softplus(logits)).mean()
