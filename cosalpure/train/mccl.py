"""Trains the mini benchmark's MCCL: a small model of its architecture, on groups of scenes of the train concepts.

As in the paper, two groups at once, each with its own prototype, learn maps (cross entropy and soft IoU) and to differ
from each other (triplets of the deepest features times their prototype). Without the paper's ImageNet start, a
classification of single pictures teaches the backbone. No discriminator. About forty minutes on one core.

    from cosalpure.train.mccl import MCCLSettings, train_mccl
    train_mccl("results/models/mccl.safetensors", MCCLSettings())
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from cosalpure.detect import settings as detectors
from cosalpure.detect.mccl import MCCL
from cosalpure.networks.group_affinity import upsample
from cosalpure.train.co_saliency import map_loss
from cosalpure.train.compute import Compute
from cosalpure.train.group_affinity import Batch, Learner, train, triplet_loss


@dataclass
class MCCLSettings:
    """A reason for each number."""

    start: str = ""  # weights to begin with; empty: random ones
    width: float = 1 / 4  # 16, 32, 80 and 128 channels
    depths: tuple[int, ...] = (2, 2, 2, 2)  # blocks of each stage, 3 4 6 3 officially
    input_size: int = 128  # px; the deepest map is 4 a side, of which an object covers two or three
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept
    dev_group: int = 8  # images of each dev concept on which success is measured
    rounds: tuple[int, ...] = (7000,)  # steps of a round; each starts from the last average
    restart: float = 0.5  # of the learning rate, in a further round
    groups: int = 2  # a step, the paper's
    group_sizes: tuple[int, ...] = (5, 8)  # images a group, as in the benchmark
    pictures: int = 16  # a step, to classify: many concepts where the groups show two
    closest: float = 0.5  # windows of half the image to the whole, of the pictures to classify
    label_smoothing: float = 0.1  # the label names one of two or three objects in the picture
    weights: dict[str, float] = field(default_factory=lambda: {"saliency": 1.0, "triplet": 1.0, "class": 0.3})
    margin: float = 0.1  # of the triplets, the paper's
    rivals: float = 0.15  # share of images with another concept's object on top
    learning_rate: float = 1e-3  # AdamW; the paper's 1e-4 is for a pretrained backbone
    warmup: int = 200
    weight_decay: float = 1e-2  # the paper's
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250  # also when success is measured on the dev concepts
    log_every: int = 25


def train_mccl(
    output: str | Path,
    settings: MCCLSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    its = settings or MCCLSettings()
    sizes = ("width", "depths", "input_size")

    def detector(network: Any, device: torch.device) -> MCCL:
        return MCCL(detectors.MCCLSettings(), network, device)

    return train("mccl", "co_x4", sizes, output, its, group_losses, detector, compute)


def group_losses(
    model: Learner,
    batch: Batch,
    its: MCCLSettings,
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, torch.Tensor]:
    """Compute the losses of a batch: scalars under "saliency", "triplet" and "class"."""
    network, count = model.network, len(batch.images)
    with autocast():
        maps = network.bb(torch.cat([batch.images, batch.pictures]))
        laterals = network.laterals([scale[:count] for scale in maps[:-1]])
        common = network.co_x4(maps[-1][:count], batch.counts)
        logits = upsample(network.decode(laterals, common), batch.masks.shape[-2:])
        class_loss = model.class_loss(maps[-1][count:], batch.labels, its.label_smoothing)
    return {
        "saliency": map_loss(logits.float().sigmoid(), batch.masks),
        "triplet": triplet_loss(common.float().mean((2, 3)), batch.counts, its.margin),
        "class": class_loss,
    }
