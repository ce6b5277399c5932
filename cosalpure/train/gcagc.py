"""Trains the mini benchmark's GCAGC: a slim twin of the official network, on groups of scenes of the train concepts.

Both heads learn at once, as in the paper: co-saliency on whole groups, plain saliency on a few images of each. Every
image of a batch passes the backbone and the decoder together, the graphs join only the images of one group. About
two hours on one core.

    from cosalpure.train.gcagc import GCAGCSettings, train_gcagc
    train_gcagc("resources/mini/weights/gcagc.safetensors", GCAGCSettings())
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect.common import resize
from cosalpure.detect.gcagc import GCAGC
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.co_saliency import draw_groups, map_loss, pools, success_rate, train_in_rounds


@dataclass
class GCAGCSettings:
    """A reason for each number."""

    width: float = 1 / 4  # branches of 12, 24, 48 and 96 channels: 1.3 M parameters
    modules: tuple = (1, 1, 1)  # one exchange a stage: time goes into the decoders, not into depth
    blocks: int = 2
    input_size: int = 96  # the graphs' maps are 12, 6 and 3 a side
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept
    dev_group: int = 8  # images of each dev concept on which success is measured
    rounds: tuple = (5500, 2500, 3000)  # steps of a round
    restart: float = 0.5  # of the learning rate, in a further round
    groups: int = 2  # a step; two, so that the batch norms see more than one group
    group_sizes: tuple = (5, 8)  # images a group, as in the benchmark
    saliency_images: int = 2  # of each group: that head works at full resolution and costs five times the other
    weights: dict = field(default_factory=lambda: {"cosaliency": 1.0, "saliency": 0.5})
    rivals: float = 0.15  # share of images with another concept's object on top
    learning_rate: float = 2e-3  # AdamW with batch norm
    warmup: int = 100
    weight_decay: float = 1e-2
    ema: float = 0.995
    seed: int = 0
    checkpoint_every: int = 250  # also when success is measured on the dev concepts
    log_every: int = 25


def train_gcagc(output, settings=None, resources=None):
    """Trains and writes `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, its = Path(output), settings or GCAGCSettings()
    pool, dev = pools(its, resources)
    arch = {key: getattr(its, key) for key in ("width", "modules", "blocks", "input_size")}
    with common.seeded(its.seed, "gcagc"):
        network = networks.build("gcagc", **arch).to(memory_format=torch.channels_last)

    def losses(network, step):
        return group_losses(network, draw_groups(pool, generator(its.seed, "gcagc", step), its), its)

    network = train_in_rounds("gcagc", network, losses, GCAGC, dev, output.with_suffix(""), its)
    training = {"concepts": pool.concepts, **asdict(its), "dev_success": success_rate(GCAGC(network), dev)}
    networks.save_weights(output, network, arch, "gcagc", training)
    return training


def group_losses(network, groups, its):
    """The two heads' losses on `groups` of (images, masks): scalars under "cosaliency" and "saliency"."""
    size = (its.input_size, its.input_size)
    images = networks.normalise(resize(torch.cat([images for images, _ in groups]), size))
    masks = resize(torch.cat([masks for _, masks in groups]), size)
    maps = network.cosalnet.prnet(images.contiguous(memory_format=torch.channels_last))[1:]
    counts = [len(pictures) for pictures, _ in groups]
    scales = zip(*(scale.split(counts) for scale in maps), strict=True)  # the three scales of each group
    common_maps = torch.cat([network.cosalnet.correlate(scale) for scale in scales])
    cosaliency = F.interpolate(network.cosalnet.decoder(common_maps), size, mode="bilinear").sigmoid()
    some = torch.cat([torch.arange(its.saliency_images) + sum(counts[:group]) for group in range(len(counts))])
    saliency = network.saliency([scale[some] for scale in maps], size).sigmoid()
    return {"cosaliency": map_loss(cosaliency, masks), "saliency": map_loss(saliency, masks[some])}
