"""Trains the mini benchmark's GICD: a small model of its architecture, on scenes of the train concepts.

First the co-classifier, a narrow VGG16 (with batch norm, folded into the convolutions at the end: the architecture
has none, and without it nothing this deep learns in minutes); then GINet on groups, as in the paper: backbone from
the classifier, soft IoU on all five maps, consensus from the frozen co-classifier. About an hour and a half on one core.

    from cosalpure.train.gicd import GICDSettings, train_gicd
    train_gicd("results/models/gicd.safetensors", GICDSettings())
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect import settings as detectors
from cosalpure.detect.gicd import GICD
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.co_saliency import dev_log, draw_groups, map_loss, pools, success_rate
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import ScenePool, augment, fade_surroundings


@dataclass
class ClassifierSettings:
    """The co-classifier's training."""

    steps: int = 3500  # after 900 it names 9 % of its pictures: too little to start GINet from
    batch: int = 48
    small_steps: float = 0.9  # this share at `small_side` pixels: more than twice as fast, same convolutions
    small_side: int = 64
    closest: float = 0.5  # windows of half the image to the whole: with whole images only, hardly anything is learned
    fade: float = 0.6  # the surroundings appear over this share of the steps: a curriculum
    learning_rate: float = 2e-3
    warmup: int = 50
    weight_decay: float = 0.02
    label_smoothing: float = 0.1  # the label names one of two or three objects in the picture
    ema: float = 0.99
    checkpoint_every: int = 150
    log_every: int = 25


@dataclass
class GINetSettings:
    """GINet's training."""

    rounds: tuple[int, ...] = (
        4500,
    )  # steps; a further round starts from the last one's average, at the full rate again
    groups: int = 2  # a step; two, so that neighbours in a batch differ in their consensus
    group_sizes: tuple[int, ...] = (5, 8)  # images a group, as in the benchmark
    learning_rate: float = 2e-3  # with batch norm
    backbone_factor: float = 0.5  # the backbone has learned a little already
    cross_entropy: float = 1.0  # weight of the cross entropy beside the paper's soft IoU
    warmup: int = 50
    weight_decay: float = 1e-4  # the paper's
    rivals: float = 0.15  # share of images with another concept's object on top
    ema: float = 0.99
    checkpoint_every: int = 100  # also when success is measured on the dev concepts
    log_every: int = 25


@dataclass
class GICDSettings:
    """A reason for each number."""

    start: str = ""  # weights to begin with: GINet alone then learns, without batch norm; empty: random ones
    width: float = 3 / 16  # 12 to 96 channels; 1/4 takes 1.1 to 1.8 times as long
    channels: int = 16  # of the decoder, which works at full resolution and costs most: 64 officially
    classifier_width: int = 256
    pool: int = 3  # the classifier sees 3 x 3 positions, what VGG16 leaves of 96 pixels
    input_size: int = 96  # 64 leaves 4 x 4 positions to the deepest map: too coarse for objects of 24 to 40 pixels
    scenes: int = 40  # in the pool, per concept
    portraits: int = 16  # per concept; large objects teach the classifier faster than small ones
    dev_group: int = 8  # images of each dev concept on which success is measured
    classifier_share: float = 0.4  # of a time budget; GINet has the rest
    seed: int = 0
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    ginet: GINetSettings = field(default_factory=GINetSettings)


def train_gicd(
    output: str | Path,
    settings: GICDSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); logs and checkpoints lie in the folder of the same name. Resumable."""
    output, settings, compute = Path(output), settings or GICDSettings(), compute or Compute()
    pool, dev = pools(settings, compute.workers)
    arch = {key: getattr(settings, key) for key in ("width", "channels", "classifier_width", "pool", "input_size")}
    arch["classes"] = len(pool.concepts)
    network, arch = common.new_or_started("gicd", arch, settings.start, settings.seed)
    network = network.to(compute.torch_device, memory_format=torch.channels_last)
    if not settings.start:
        twin = train_co_classifier(
            network.co_classifier, pool, output.with_suffix("") / "classifier", settings, compute
        )
        network.ginet.backbone.load_classifier(network.co_classifier)
        insert_batch_norm(network.ginet, twin)
    for number in range(len(settings.ginet.rounds)):
        folder = output.with_suffix("") / f"ginet-{number + 1}"
        network = train_ginet(network, pool, dev, folder, settings, number, compute)
    fold_inserted(network.ginet)
    success = success_rate(GICD(detectors.GICDSettings(), network, compute.torch_device), dev)
    training = {"concepts": pool.concepts, **asdict(settings), "dev_success": success}
    networks.save_weights(output, network, arch, "gicd", training)
    return training


def train_co_classifier(
    vgg: nn.Module, pool: ScenePool, folder: Path, settings: GICDSettings, compute: Compute
) -> nn.Module:
    """Fill `vgg` with the weights of a batch-normalised twin that learned to name the pool's concepts."""
    its = settings.classifier
    with common.seeded(settings.seed, "co-classifier"):
        twin = with_batch_norm(vgg)
    twin = twin.to(compute.torch_device, memory_format=torch.channels_last)  # a quarter faster on a CPU
    average = common.moving_average(twin, its.ema)
    optimizer = torch.optim.AdamW(twin.parameters(), its.learning_rate, weight_decay=its.weight_decay)

    def draw(number: int, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        random = generator(settings.seed, "co-classifier", number)
        images, masks, labels = pool.draw(random, its.batch)
        images = fade_surroundings(images, masks, max(0.0, 1 - progress / its.fade))
        images, _ = augment(images, masks, random, its.closest)
        return prepare(images, its.small_side if progress < its.small_steps else settings.input_size), labels

    def learn(batch: tuple[torch.Tensor, torch.Tensor], progress: float) -> dict[str, Any]:
        images, labels = batch
        with compute.autocast():
            scores = twin.train()(images)
        loss = F.cross_entropy(scores.float(), labels, label_smoothing=its.label_smoothing)
        common.update(loss, optimizer, [twin], average)
        return {"loss": loss.detach(), "accuracy": (scores.argmax(1) == labels).float().mean()}

    parts = {"network": twin, "average": average, "optimizer": optimizer}
    common.train("co-classifier", draw, learn, parts, folder, its, compute.share(settings.classifier_share))
    fold_batch_norm(average.module, vgg)
    return average.module


def train_ginet(
    network: Any,
    pool: ScenePool,
    dev: ScenePool,
    folder: Path,
    settings: GICDSettings,
    round_number: int,
    compute: Compute,
) -> nn.Module:
    """Train `network.ginet` on groups for one round; return the averaged network."""
    its, before = settings.ginet, sum(settings.ginet.rounds[:round_number])
    network = network.to(compute.torch_device)  # the inserted batch norms too
    network.ginet.train()
    network.co_classifier.eval()  # no dropout: the classifiers only serve as rulers
    network.ginet.backbone.classifier.eval()
    network.requires_grad_(False)
    network.ginet.requires_grad_(True)
    network.ginet.backbone.classifier.requires_grad_(False)
    for module in network.ginet.backbone.modules():  # the backbone's norms keep the scales that the classifier learned
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)
    average = common.moving_average(network, its.ema)
    backbone = [p for p in network.ginet.backbone.parameters() if p.requires_grad]
    decoder = [p for name, p in network.ginet.named_parameters() if not name.startswith("backbone.")]
    groups = [{"params": decoder}, {"params": backbone}]
    optimizer = torch.optim.AdamW(groups, its.learning_rate, weight_decay=its.weight_decay)

    def draw(number: int, progress: float) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        return draw_batch(pool, settings, before + number)

    def learn(batch: tuple[torch.Tensor, torch.Tensor, list[int]], progress: float) -> dict[str, Any]:
        images, masks, counts = batch
        optimizer.param_groups[1]["lr"] *= its.backbone_factor
        with compute.autocast():
            maps = network.ginet(images, group_consensus(network, images, counts))
        losses = [map_loss(its_map.float(), masks, its.cross_entropy) for its_map in maps]
        found = {"loss": sum(losses[1:], losses[0]) / len(losses), "loss_last": losses[-1]}
        common.update(found["loss"], optimizer, [network], average)
        return {key: loss.detach() for key, loss in found.items()} | {"samples": len(images)}

    parts = {"network": network, "average": average, "optimizer": optimizer}
    steps = its.rounds[round_number]
    of_round = SimpleNamespace(**asdict(its), steps=steps)
    left = 1 if settings.start else 1 - settings.classifier_share
    compute = compute.share(left * steps / sum(settings.ginet.rounds))
    judge = dev_log(folder, GICD(detectors.GICDSettings(), average.module, compute.torch_device), dev)
    common.train("ginet", draw, learn, parts, folder, of_round, compute, judge)
    return average.module


def draw_batch(pool: ScenePool, settings: GICDSettings, number: int) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Draw the groups of step `number` as one batch.

    Returns:
        Images (N, 3, H, W) and masks (N, 1, H, W) at the input size, and the number of images of each group.
    """
    random, side = generator(settings.seed, "ginet", number), settings.input_size
    groups = draw_groups(pool, random, settings.ginet)
    images = torch.cat([prepare(pictures, side) for pictures, _ in groups])
    masks = torch.cat([shapes for _, shapes in groups])
    masks = F.interpolate(masks, size=(side, side), mode="bilinear", align_corners=True)
    return images.contiguous(memory_format=torch.channels_last), masks, [len(pictures) for pictures, _ in groups]


@torch.no_grad()
def group_consensus(network: Any, images: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Compute each image's group consensus (N, classes), of groups of `counts` images that follow each other."""
    groups = torch.split(images, list(counts))
    return torch.cat([network.consensus(group).expand(len(group), -1) for group in groups])


def prepare(images: torch.Tensor, side: int) -> torch.Tensor:
    """Prepare images (N, 3, H, W) as the detector does: resized bilinearly with aligned corners, normalised."""
    images = F.interpolate(images, size=(side, side), mode="bilinear", align_corners=True)
    normalised: torch.Tensor = networks.normalise(images)
    return normalised.contiguous(memory_format=torch.channels_last)


def with_batch_norm(vgg: Any) -> Any:
    """Copy a `VGG16`, freshly initialised, with batch norm after every layer but the last, and no dropout."""
    twin = copy.deepcopy(vgg)
    twin.features, twin.classifier = (_with_batch_norm(part) for part in (twin.features, twin.classifier))
    twin.classifier[-1] = nn.Identity()  # the class scores are what they are
    return twin


def _with_batch_norm(sequence: nn.Sequential) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in sequence:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            norm = nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d
            layers += [layer, norm(layer.weight.shape[0])]
        elif not isinstance(layer, nn.Dropout):
            layers.append(layer)
    return nn.Sequential(*layers)


def insert_batch_norm(ginet: Any, twin: Any) -> None:
    """Put a batch norm behind every convolution of `ginet` but the predicting ones.

    The backbone's are those of `twin`. From scratch, thirteen plain convolutions hardly learn; `fold_inserted` takes the norms
    out again.
    """
    pairs = zip(twin.features, twin.features[1:], strict=False)
    trained = iter([pair for pair in pairs if isinstance(pair[0], nn.Conv2d)])
    for name, module in list(ginet.named_modules()):
        if isinstance(module, nn.Conv2d) and "predlayer" not in name:
            norm = nn.BatchNorm2d(module.out_channels)
            if name.startswith("backbone."):
                conv, norm = map(copy.deepcopy, next(trained))
                module.load_state_dict(conv.state_dict())
            set_submodule(ginet, name, nn.Sequential(module, norm))


@torch.no_grad()
def fold_inserted(ginet: nn.Module) -> None:
    """Undo `insert_batch_norm`: the same function in eval mode, by convolutions alone."""
    for name, module in list(ginet.named_modules()):
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d):
            layers: Any = module
            conv, norm = layers
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            conv.weight.mul_(scale.view(-1, 1, 1, 1))
            conv.bias.copy_((conv.bias - norm.running_mean) * scale + norm.bias)
            set_submodule(ginet, name, conv)


def set_submodule(root: nn.Module, name: str, module: nn.Module) -> None:
    """Replace the submodule `name` ("a.b.0") of `root`."""
    parent, _, last = name.rpartition(".")
    setattr(root.get_submodule(parent), last, module)


@torch.no_grad()
def fold_batch_norm(twin: Any, vgg: Any) -> None:
    """Write into `vgg` the weights that compute what `twin` (of `with_batch_norm`) computes in eval mode."""
    targets: Iterator[Any] = (layer for layer in vgg.modules() if isinstance(layer, (nn.Conv2d, nn.Linear)))
    layers = [*twin.features, *twin.classifier]
    for layer, norm in zip(layers, layers[1:], strict=False):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            target = next(targets)
            bias: Any = layer.bias
            scale, shift = torch.ones_like(bias), torch.zeros_like(bias)
            if not isinstance(norm, nn.Identity):
                scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                shift = norm.bias - norm.running_mean * scale
            target.weight.copy_(layer.weight * scale.view(-1, *[1] * (layer.weight.ndim - 1)))
            target.bias.copy_(bias * scale + shift)
