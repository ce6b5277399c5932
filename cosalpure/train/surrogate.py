"""Trains the mini benchmark's surrogate: a small resneta50b that classifies scenes of the train concepts.

The attack pushes the features of its stages 1 to 3; the detector never sees it. About fifteen minutes on one free core.

    from cosalpure.train.surrogate import SurrogateSettings, train_surrogate
    train_surrogate("results/models/resneta50b.safetensors", SurrogateSettings())
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.data.mini import MiniWorld
from cosalpure.networks.resneta50b import Bottleneck
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import ScenePool, augment, fade_surroundings


@dataclass
class SurrogateSettings:
    """A reason for each number."""

    steps: int = 2260  # a budget of 30 minutes gave as many, and 67 % of new whole scenes; chance is 0.4 %
    batch: int = 128
    learning_rate: float = 3e-3  # AdamW with batch norm
    warmup: int = 50
    weight_decay: float = 0.02
    label_smoothing: float = 0.1  # the label names one of two or three objects in the picture
    closest: float = 0.5  # windows of half the image to the whole: with whole images only, hardly anything is learned
    fade: float = 0.5  # the surroundings appear over this share of the steps: a curriculum
    width: float = 7 / 32  # 14, 28, 56, 112 channels in the 3 x 3 convolutions: 1.2 M parameters, 2.5 MB
    scenes: int = 100  # in the pool, per concept; 32,000 pictures are composed in three minutes on one core
    portraits: int = 28  # per concept; large objects teach faster than small ones
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250
    log_every: int = 25


def train_surrogate(
    output: str | Path,
    settings: SurrogateSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, settings, compute = Path(output), settings or SurrogateSettings(), compute or Compute()
    world = MiniWorld()
    concepts, sizes = world.concepts("train"), (settings.scenes, settings.portraits)
    pool = ScenePool(world, concepts, *sizes, settings.seed, compute.workers)
    arch = {"width": settings.width, "classes": len(pool.concepts)}
    with common.seeded(settings.seed, "surrogate"):
        network = networks.build("resneta50b", **arch)
        start_residuals_at_zero(network)
    network = network.to(compute.torch_device, memory_format=torch.channels_last)  # a third faster on a CPU
    average = common.moving_average(network, settings.ema)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)

    def draw(number: int, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        random = generator(settings.seed, "surrogate", number)
        images, masks, labels = pool.draw(random, settings.batch)
        images = fade_surroundings(images, masks, max(0.0, 1 - progress / settings.fade))
        images, _ = augment(images, masks, random, settings.closest)
        return networks.normalise(images).contiguous(memory_format=torch.channels_last), labels

    def learn(batch: tuple[torch.Tensor, torch.Tensor], progress: float) -> dict[str, Any]:
        images, labels = batch
        with compute.autocast():
            scores = network.train()(images)
        loss = F.cross_entropy(scores.float(), labels, label_smoothing=settings.label_smoothing)
        common.update(loss, optimizer, [network], average)
        return {"loss": loss.detach(), "accuracy": (scores.argmax(1) == labels).float().mean()}

    parts = {"network": network, "average": average, "optimizer": optimizer}
    common.train("surrogate", draw, learn, parts, output.with_suffix(""), settings, compute)
    found = _accuracy(average.module, world, pool, settings, compute)
    training = {"concepts": pool.concepts, **asdict(settings), **found}
    networks.save_weights(output, average.module, arch, "resneta50b", training)
    return training


def start_residuals_at_zero(network: torch.nn.Module) -> None:
    """Start every residual unit as its shortcut (Goyal et al. 2017)."""
    for module in network.modules():
        if isinstance(module, Bottleneck):
            torch.nn.init.zeros_(module.conv3.bn.weight)


@torch.no_grad()
def _accuracy(
    network: torch.nn.Module, world: MiniWorld, pool: ScenePool, settings: SurrogateSettings, compute: Compute
) -> dict[str, float]:
    """Measure the top-1 accuracy on at most 1000 scenes that are not in the pool, four a concept."""
    fresh = ScenePool(world, pool.concepts, min(4, settings.scenes), 0, settings.seed + 1, compute.workers)
    labels = torch.arange(len(pool.concepts)).repeat_interleave(fresh.scenes)
    images = fresh.images.flatten(0, 1)
    parts = (networks.normalise(part.to(compute.torch_device).float() / 255) for part in torch.split(images, 64))
    scores = torch.cat([network.eval()(part).cpu() for part in parts])
    return {"accuracy_on_new_scenes": round((scores.argmax(1) == labels).float().mean().item(), 4)}
