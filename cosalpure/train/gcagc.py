"""Trains the mini benchmark's GCAGC: a small model of its architecture, on groups of scenes of the train concepts.

Both heads learn at once, as in the paper: co-saliency on whole groups, plain saliency on a few images of each. Every
image of a batch passes the backbone and the decoder together, the graphs join only the images of one group. About
two hours on one core.

    from cosalpure.train.gcagc import GCAGCSettings, train_gcagc
    train_gcagc("results/models/gcagc.safetensors", GCAGCSettings())
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect import settings as detectors
from cosalpure.detect.common import resize
from cosalpure.detect.gcagc import GCAGC
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.co_saliency import draw_groups, map_loss, pools, success_rate, train_in_rounds
from cosalpure.train.compute import Compute


@dataclass
class GCAGCSettings:
    """A reason for each number."""

    start: str = ""  # weights to begin with; empty: random ones
    width: float = 1 / 4  # branches of 12, 24, 48 and 96 channels: 1.3 M parameters
    modules: tuple[int, ...] = (1, 1, 1)  # one exchange a stage: time goes into the decoders, not into depth
    blocks: int = 2
    input_size: int = 96  # the graphs' maps are 12, 6 and 3 a side
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept
    dev_group: int = 8  # images of each dev concept on which success is measured
    rounds: tuple[int, ...] = (5500, 2500, 3000)  # steps of a round
    restart: float = 0.5  # of the learning rate, in a further round
    groups: int = 2  # a step; two, so that the batch norms see more than one group
    group_sizes: tuple[int, ...] = (5, 8)  # images a group, as in the benchmark
    saliency_images: int = 2  # of each group: that head works at full resolution and costs five times the other
    weights: dict[str, float] = field(default_factory=lambda: {"cosaliency": 1.0, "saliency": 0.5})
    rivals: float = 0.15  # share of images with another concept's object on top
    learning_rate: float = 2e-3  # AdamW with batch norm
    warmup: int = 100
    weight_decay: float = 1e-2
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250  # also when success is measured on the dev concepts
    log_every: int = 25


def train_gcagc(
    output: str | Path,
    settings: GCAGCSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, its, compute = Path(output), settings or GCAGCSettings(), compute or Compute()
    pool, dev = pools(its, compute.workers)
    arch = {key: getattr(its, key) for key in ("width", "modules", "blocks", "input_size")}
    network, arch = common.new_or_started("gcagc", arch, its.start, its.seed)
    network = network.to(compute.torch_device, memory_format=torch.channels_last)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        return batch_of(draw_groups(pool, generator(its.seed, "gcagc", step), its), its)

    def losses(network: Any, batch: tuple[torch.Tensor, torch.Tensor, list[int]]) -> dict[str, torch.Tensor]:
        return group_losses(network, batch, its, compute.autocast)

    def detector(network: Any) -> GCAGC:
        return GCAGC(detectors.GCAGCSettings(), network, compute.torch_device)

    folder = output.with_suffix("")
    network = train_in_rounds("gcagc", network, draw, losses, detector, dev, folder, its, compute)
    training = {"concepts": pool.concepts, **asdict(its), "dev_success": success_rate(detector(network), dev)}
    networks.save_weights(output, network, arch, "gcagc", training)
    return training


def batch_of(
    groups: Sequence[tuple[torch.Tensor, torch.Tensor]], its: GCAGCSettings
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Join groups of images and masks to one batch.

    Returns:
        Normalised images (N, 3, H, W) and masks (N, 1, H, W), both at the input size, and the number of images of each group.
    """
    size = (its.input_size, its.input_size)
    images = networks.normalise(resize(torch.cat([images for images, _ in groups]), size))
    masks = resize(torch.cat([masks for _, masks in groups]), size)
    return images.contiguous(memory_format=torch.channels_last), masks, [len(pictures) for pictures, _ in groups]


def group_losses(
    network: Any,
    batch: tuple[torch.Tensor, torch.Tensor, list[int]],
    its: GCAGCSettings,
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, torch.Tensor]:
    """Compute the two heads' losses on a batch of `batch_of`: scalars under "cosaliency" and "saliency".

    The graphs are computed in float32: products of features over all positions are too large a range for bfloat16.
    """
    (images, masks, counts), size = batch, (its.input_size, its.input_size)
    some = torch.cat([torch.arange(its.saliency_images) + sum(counts[:group]) for group in range(len(counts))])
    with autocast():
        maps = network.cosalnet.prnet(images)[1:]
        saliency = network.saliency([scale[some] for scale in maps], size)
    scales = zip(*(scale.float().split(counts) for scale in maps), strict=True)  # the three scales of each group
    common_maps = torch.cat([network.cosalnet.correlate(scale) for scale in scales])
    with autocast():
        cosaliency = network.cosalnet.decoder(common_maps)
    cosaliency = F.interpolate(cosaliency.float(), size, mode="bilinear").sigmoid()
    saliency = saliency.float().sigmoid()
    return {"cosaliency": map_loss(cosaliency, masks), "saliency": map_loss(saliency, masks[some])}
