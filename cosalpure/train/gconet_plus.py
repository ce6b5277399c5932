"""Trains the mini benchmark's GCoNet+: a small model of its architecture, on groups of scenes of the train concepts.

As in the paper, two groups at once learn maps, and that the prototype of one finds nothing in the other: an auxiliary
head on the deepest map shows the masks with the own prototype and an empty map with the other one (focal loss).
Without the paper's ImageNet start, a classification of single pictures teaches the backbone. The output head learns at
its gentle steepness, without its jump. About forty minutes on one core.

    from cosalpure.train.gconet_plus import GCoNetPlusSettings, train_gconet_plus
    train_gconet_plus("results/models/gconet_plus.safetensors", GCoNetPlusSettings())
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from cosalpure.detect import settings as detectors
from cosalpure.detect.common import resize
from cosalpure.detect.gconet_plus import GCoNetPlus
from cosalpure.networks.gconet_plus import smooth_logits
from cosalpure.train.co_saliency import map_loss
from cosalpure.train.compute import Compute
from cosalpure.train.group_affinity import Batch, Learner, empty_loss, train


@dataclass
class GCoNetPlusSettings:
    """A reason for each number."""

    start: str = ""  # weights to begin with; empty: random ones
    width: float = 1 / 4  # 16 to 128 channels in the backbone, 8 in the output head at full size
    input_size: int = 96  # px; the deepest map is 6 a side
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept
    dev_group: int = 8  # images of each dev concept on which success is measured
    rounds: tuple[int, ...] = (5500,)  # steps of a round; each starts from the last average
    restart: float = 0.5  # of the learning rate, in a further round
    groups: int = 2  # a step: each is the other's contrast
    group_sizes: tuple[int, ...] = (5, 8)  # images a group, as in the benchmark
    pictures: int = 16  # a step, to classify: many concepts where the groups show two
    closest: float = 0.5  # windows of half the image to the whole, of the pictures to classify
    label_smoothing: float = 0.1  # the label names one of two or three objects in the picture
    weights: dict[str, float] = field(default_factory=lambda: {"saliency": 1.0, "contrast": 1.0, "class": 0.3})
    rivals: float = 0.15  # share of images with another concept's object on top
    learning_rate: float = 2e-3  # AdamW with batch norm; the paper's 1e-4 is for a pretrained backbone
    warmup: int = 100
    weight_decay: float = 1e-2
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250  # also when success is measured on the dev concepts
    log_every: int = 25


def train_gconet_plus(
    output: str | Path,
    settings: GCoNetPlusSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    its = settings or GCoNetPlusSettings()
    sizes = ("width", "input_size")

    def detector(network: Any, device: torch.device) -> GCoNetPlus:
        return GCoNetPlus(detectors.GCoNetPlusSettings(), network, device)

    return train("gconet_plus", "co_x5", sizes, output, its, group_losses, detector, compute)


def group_losses(
    model: Learner,
    batch: Batch,
    its: GCoNetPlusSettings,
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, torch.Tensor]:
    """Compute the losses of a batch: scalars under "saliency", "contrast" and "class"."""
    network, count = model.network, len(batch.images)
    with autocast():
        *maps, deepest = network.bb(torch.cat([batch.images, batch.pictures]))
        groups = deepest[:count].split(batch.counts)
        prototypes = [network.co_x5.all_attention.prototype(group) for group in groups]
        own = torch.cat([group * its for group, its in zip(groups, prototypes, strict=True)])
        others = prototypes[1:] + prototypes[:1]
        other = torch.cat([group * its for group, its in zip(groups, others, strict=True)])
        values, threshold = network.decode(network.laterals([scale[:count] for scale in maps]), own)
        shown, mistaken = model.contrast(own).float(), model.contrast(other).float()
        class_loss = model.class_loss(deepest[count:], batch.labels, its.label_smoothing)
    logits = smooth_logits(values.float(), threshold.float())
    coarse = resize(batch.masks, shown.shape[-2:])
    return {
        "saliency": map_loss(logits.sigmoid(), batch.masks),
        "contrast": map_loss(shown.sigmoid(), coarse) + empty_loss(mistaken),
        "class": class_loss,
    }
