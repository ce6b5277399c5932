"""Trains the mini benchmark's PoolNet: a small model of its architecture, on single scenes of the train concepts.

Saliency and edges learn at once, as in the paper; the edges are the outlines of the masks. About an hour on one core.

    from cosalpure.train.poolnet import PoolNetSettings, train_poolnet
    train_poolnet("results/models/poolnet.safetensors", PoolNetSettings())
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect import settings as detectors
from cosalpure.detect.common import resize
from cosalpure.detect.poolnet import PoolNet
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.co_saliency import map_loss, pools, success_rate, train_in_rounds
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import augment


@dataclass
class PoolNetSettings:
    """A reason for each number."""

    start: str = ""  # weights to begin with; empty: random ones
    width: float = 1 / 8  # 16 to 64 channels in the pathway: 0.9 M parameters
    layers: tuple[int, ...] = (2, 2, 2, 2)  # residual blocks of each stage, 3 4 6 3 officially
    side: int = 112  # px; the detector enlarges smaller images to it
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept
    dev_group: int = 8  # images of each dev concept on which success is measured
    rounds: tuple[int, ...] = (3000,)  # steps of a round; each starts from the last average
    restart: float = 0.5  # of the learning rate, in a further round
    batch: int = 12
    weights: dict[str, float] = field(
        default_factory=lambda: {"saliency": 1.0, "edges": 3.0}
    )  # outlines are few: so is their loss
    learning_rate: float = 1e-3  # the heads have no batch norm
    warmup: int = 200
    weight_decay: float = 1e-2
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250  # also when success is measured on the dev concepts
    log_every: int = 25


def train_poolnet(
    output: str | Path,
    settings: PoolNetSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, its, compute = Path(output), settings or PoolNetSettings(), compute or Compute()
    pool, dev = pools(its, compute.workers)
    arch = {"width": its.width, "layers": its.layers}
    network, arch = common.new_or_started("poolnet", arch, its.start, its.seed)
    if not its.start:
        with common.seeded(its.seed, "poolnet variance"):
            give_unit_variance(network, 60 * torch.randn(its.batch, 3, its.side, its.side))  # the spread of photographs
    prepare: Any = PoolNet(detectors.PoolNetSettings(), network, "cpu").prepare
    size = (its.side, its.side)
    network = network.to(compute.torch_device, memory_format=torch.channels_last)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = generator(its.seed, "poolnet", step)
        images, masks, _ = pool.draw(random, its.batch)
        images, masks = augment(images, masks, random)
        return prepare(images, size).contiguous(memory_format=torch.channels_last), resize(masks, size)

    def losses(network: Any, batch: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
        images, masks = batch
        with compute.autocast():
            saliency, outlines = predict_both(network, images, size)
        return {"saliency": map_loss(saliency.float().sigmoid(), masks), "edges": edge_loss(outlines.float(), masks)}

    def detector(network: Any) -> PoolNet:
        return PoolNet(detectors.PoolNetSettings(), network, compute.torch_device)

    folder = output.with_suffix("")
    network = train_in_rounds("poolnet", network, draw, losses, detector, dev, folder, its, compute)
    training = {"concepts": pool.concepts, **asdict(its), "dev_success": success_rate(detector(network), dev)}
    networks.save_weights(output, network, arch, "poolnet", training)
    return training


@torch.no_grad()
def give_unit_variance(network: Any, images: torch.Tensor) -> None:
    """Scale every convolution outside the backbone so that its outputs on `images` have variance one (LSUV, 2016).

    Forty of them follow each other without a norm; otherwise the sums of three branches double at every step.
    """

    def rescale(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
        spread = output.std().clamp(min=1e-6)
        layer.weight.div_(spread)
        return output / spread  # biases are zero here

    heads = (module for name, module in network.named_modules() if not name.startswith("base.resnet"))
    hooks = []
    for layer in heads:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            hooks.append(layer.register_forward_hook(rescale))
    network.train()(images)
    for hook in hooks:
        hook.remove()


def predict_both(network: Any, images: torch.Tensor, size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Predict saliency and edge logits (N, 1, *size) of images (N, 3, H, W). Saliency does not train the edge features."""
    steps = network.pathway(images)
    edges = network.edge_features(steps)
    return network.saliency(steps, [edge.detach() for edge in edges], size), network.fuse(edges, size)


def edge_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Compute the cross entropy (HED's) with the outlines, two pixels wide, of masks (N, 1, H, W).

    Outlines weigh as much as all the rest.
    """
    masks = (masks >= 0.5).float()
    thick = F.max_pool2d(masks, 3, 1, 1) + F.max_pool2d(-masks, 3, 1, 1)  # dilation minus erosion
    share = thick.mean().clamp(0.01, 0.99)
    weight = thick * (1 - share) + (1 - thick) * share
    return F.binary_cross_entropy_with_logits(logits, thick, weight)
