"""What the detectors' trainings share: groups with rivals, losses between maps and masks, success on dev concepts."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from cosalpure.data.mini import MiniWorld
from cosalpure.train import common
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import ScenePool, add_rivals, augment


def pools(settings: Any, workers: int = 0) -> tuple[ScenePool, ScenePool]:
    """Make the training scenes, and a group of each dev concept, whose concepts no training shows."""
    world = MiniWorld()
    sizes = (settings.scenes, settings.portraits)
    train = ScenePool(world, world.concepts("train"), *sizes, settings.seed, workers)
    return train, ScenePool(world, world.concepts("dev"), settings.dev_group, 0, settings.seed, workers)


def draw_groups(pool: ScenePool, random: torch.Generator, its: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Draw `its.groups` groups of `its.group_sizes` images, augmented.

    In a share `its.rivals` of the images another concept's object lies on top: only the group tells them apart.

    Returns:
        For each group its images (N, 3, H, W) in [0, 1], and masks (N, 1, H, W) of 0 and 1.
    """
    drawn = []
    for _ in range(its.groups):
        low, high = its.group_sizes
        n = int(torch.randint(low, high + 1, (), generator=random))
        images, masks = pool.draw_group(random, n)
        others, other_masks, _ = pool.draw(random, n)
        images, masks = add_rivals(images, masks, others, other_masks, random, its.rivals)
        drawn.append(augment(images, masks, random))
    return drawn


def soft_iou_loss(maps: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Compute 1 - intersection / union of soft maps (N, 1, H, W), mean over images; GICD's Eq. 8."""
    intersection = (maps * masks).sum((1, 2, 3))
    union = (maps + masks - maps * masks).sum((1, 2, 3))
    return 1 - (intersection / union.clamp(min=1e-6)).mean()


def map_loss(maps: torch.Tensor, masks: torch.Tensor, cross_entropy: float = 1.0) -> torch.Tensor:
    """Compute soft IoU plus cross entropy of maps and masks (N, 1, H, W).

    The cross entropy pulls strongly where a map misses its object.
    """
    return soft_iou_loss(maps, masks) + cross_entropy * F.binary_cross_entropy(maps.clamp(1e-4, 1 - 1e-4), masks)


@torch.no_grad()
def success_rate(detector: Callable[[torch.Tensor], torch.Tensor], dev: ScenePool) -> float:
    """Measure the share of the dev scenes whose map, at threshold 0.5, overlaps the mask with an IoU above 0.5."""
    hits = []
    for images, masks in zip(dev.images, dev.masks, strict=True):
        maps, masks = detector(images.float() / 255) >= 0.5, masks > 0
        iou = (maps & masks).sum((1, 2, 3)) / (maps | masks).sum((1, 2, 3)).clamp(min=1)
        hits.append(iou > 0.5)
    return round(torch.cat(hits).float().mean().item(), 4)


def dev_log(folder: Path, detector: Callable[[torch.Tensor], torch.Tensor], dev: ScenePool) -> Callable[[int], None]:
    """Make a function of the number of steps done that appends the success on dev to `folder`/dev.jsonl."""

    def measure(done: int) -> None:
        line = {"step": done, "dev_success": success_rate(detector, dev)}
        with (folder / "dev.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    return measure


def train_in_rounds(
    name: str,
    network: torch.nn.Module,
    draw: Callable[[int], Any],
    losses: Callable[..., dict[str, torch.Tensor]],
    detector: Callable[[torch.nn.Module], Any],
    dev: ScenePool,
    folder: Path,
    its: Any,
    compute: Compute,
) -> torch.nn.Module:
    """Train `network` for `its.rounds` (steps each); return its moving average.

    Each round starts from the last one's average, at `its.restart` of the first one's rate (warm restarts), and has its part of
    a time budget. The success on `dev` is logged by the way.

    Args:
        name: of the training, for its log.
        network: the network.
        draw: draw(step) gives a batch whose first tensor holds the images.
        losses: losses(network, batch) gives {name: loss}, weighted as `its.weights` says.
        detector: detector(network) is what `dev` judges.
        dev: scenes that are not trained on.
        folder: folder of log and checkpoints.
        its: settings of the training.
        compute: device, precision and time.
    """
    for number, steps in enumerate(its.rounds):
        before, average = sum(its.rounds[:number]), common.moving_average(network, its.ema)
        optimizer = torch.optim.AdamW(network.parameters(), its.learning_rate, weight_decay=its.weight_decay)

        def draw_next(done: int, progress: float, before: int = before) -> Any:
            return draw(before + done)

        def learn(
            batch: Any,
            progress: float,
            network: torch.nn.Module = network,
            average: AveragedModel = average,
            optimizer: torch.optim.Optimizer = optimizer,
        ) -> dict[str, Any]:
            found = losses(network.train(), batch)
            total = sum(its.weights[key] * loss for key, loss in found.items())
            common.update(total, optimizer, [network], average)
            return {key: loss.detach() for key, loss in found.items()} | {"samples": len(batch[0])}

        parts = {"network": network, "average": average, "optimizer": optimizer}
        place = folder / f"round-{number + 1}"
        rate = its.learning_rate * (its.restart if number else 1)
        settings = SimpleNamespace(**asdict(its) | {"steps": steps, "learning_rate": rate})
        of_round = compute.share(steps / sum(its.rounds))
        judge = dev_log(place, detector(average.module), dev)
        common.train(name, draw_next, learn, parts, place, settings, of_round, judge)
        network = average.module.requires_grad_(True)
    return network.requires_grad_(False)
