"""Trains the continuous representation (CR): LIIF on EDSR, from attacked to clean images, as DISCO and the paper do.

For the mini benchmark: a small LIIF on scenes of the train concepts, under PGD against the surrogate. With `images` a
folder and `classifier` the official file, the same rule is the paper's (config/train/liif-imagenet.yaml).

    from cosalpure.train.liif import LIIFSettings, train_liif
    train_liif("results/models/liif.safetensors", LIIFSettings())
"""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.data.mini import MiniWorld
from cosalpure.networks.representation import ContinuousRepresentation
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train import common
from cosalpure.train.compute import Compute
from cosalpure.train.pairs import Classifier, Folder, Pairs, Scenes, Some, Source, attack


@dataclass
class LIIFSettings:
    """A reason for each number."""

    images: str = ""  # a folder of images, class folders or not; empty: scenes of the mini benchmark's train concepts
    classifier: str = "bundled:mini/weights/resneta50b.safetensors"  # what PGD attacks; or the official file
    start: str = ""  # weights to begin with; empty: as bilinear interpolation
    side: int = 64  # px of the inputs
    target_side: int = 128  # px of the targets: scenes are composed at this size and made small
    crop: int = 48  # px of an input in a step, as DISCO; on the mini's 64 px three quarters of the image
    scenes: int = 16  # of every concept, in the pool: 5,000 images
    portraits: int = 4  # of every concept; large objects show textures from nearby
    epsilon: float = 16 / 255  # the paper's
    attack_steps: int = 10
    attack_step: float = 4 / 255  # 2.5 epsilon / steps, Madry's rule; the paper names neither
    attack_batch: int = 64  # no influence on the result
    unattacked: float = 0.25  # share of clean inputs: half of a group is, and CR must not blur it
    same_size: float = 0.5  # share of steps at the input's own size, which the mini benchmark asks for
    full_size: float = 0.0  # share of steps at the target's; all others in between
    channels: int = 32  # 185,000 parameters, 0.4 MB
    blocks: int = 8
    hidden: tuple[int, ...] = (64, 64, 64)
    steps: int = 2800
    batch: int = 8  # crops
    learning_rate: float = 1e-3  # DISCO: 1e-4 for a hundred times the steps
    warmup: int = 100
    ema: float = 0.995
    held_out: int = 48  # images for PSNR: of dev concepts, or of the folder
    seed: int = 0
    checkpoint_every: int = 400
    log_every: int = 25


def train_liif(
    output: str | Path,
    settings: LIIFSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, its, compute = Path(output), settings or LIIFSettings(), compute or Compute()
    folder, classifier = output.with_suffix(""), Classifier(its.classifier, compute.torch_device)
    learned, held_out = sources(its, classifier, compute.workers)
    pairs = Pairs(learned, classifier, folder, its)
    network, arch = start_network(its)
    network = network.to(compute.torch_device).train()
    average = common.moving_average(network, its.ema)
    optimizer = torch.optim.Adam(network.parameters(), its.learning_rate)

    def draw(number: int, progress: float) -> tuple[Any, ...]:
        random = generator(its.seed, "liif", number)
        side = output_side(random, its)
        inputs, targets = pairs.draw(random, its.batch, side)
        # as many random rows and columns as the crop has, so that large outputs cost no more
        rows, columns = (torch.randperm(side, generator=random)[: its.crop].sort().values for _ in range(2))
        return inputs, targets[:, :, rows][..., columns], side, (rows, columns)

    def learn(batch: tuple[Any, ...], progress: float) -> dict[str, Any]:
        inputs, targets, side, places = batch
        with compute.autocast():
            codes = network.encoder(inputs)
        # in float32: bfloat16 would round colours to steps of up to 1/128, and the areas of the interpolation too
        loss = (network.decode(codes.float(), (side, side), places) - targets).abs().mean()
        common.update(loss, optimizer, [network], average)
        return {"loss": loss.detach(), "side": side}

    clean, attacked = attack(held_out, range(len(held_out)), classifier, its)
    large = held_out.read(range(len(held_out)))
    measure = partial(quality, average.module, clean, attacked, large)
    parts = {"network": network, "average": average, "optimizer": optimizer}

    def judge(done: int) -> None:
        log_quality(folder / "dev.jsonl", done, measure())

    common.train("liif", draw, learn, parts, folder, its, compute, judge)
    training = {**asdict(its), "held_out_psnr": measure()}
    networks.save_weights(output, average.module, arch, "liif", training)
    return training


def sources(its: LIIFSettings, classifier: Classifier, workers: int = 0) -> tuple[Source, Source]:
    """Make (images to learn from, held-out images): train and dev concepts, or two parts of a folder."""
    if its.images:
        folder = Folder(its.images, its.target_side, classifier)
        order = numpy_generator(its.seed, "held out").permutation(len(folder))
        count = min(its.held_out, len(folder) // 2)
        return Some(folder, sorted(order[count:])), Some(folder, sorted(order[:count]))
    world = MiniWorld()
    make = partial(Scenes, side=its.target_side, classifier=classifier, workers=workers)
    learned = make(world.concepts("train"), its.scenes, its.portraits, seed=its.seed)
    concepts = world.concepts("dev")
    dev = make(concepts, -(-its.held_out // len(concepts)), 0, seed=its.seed)
    return learned, Some(dev, range(min(its.held_out, len(dev))))


def start_network(its: LIIFSettings) -> tuple[Any, dict[str, Any]]:
    """Make (network to train, its architecture): `its.start`, or a new network that interpolates bilinearly."""
    arch = {"channels": its.channels, "blocks": its.blocks, "hidden": its.hidden}
    if its.start:
        network = networks.load("liif", its.start).requires_grad_(True)
        own = Path(its.start).suffix == ".safetensors"
        return network, json.loads(networks.read_header(its.start)["arch"]) if own else {}
    with common.seeded(its.seed, "liif"):
        network = networks.build("liif", **arch)
    start_as_bilinear(network)
    return network, arch


@torch.no_grad()
def start_as_bilinear(network: Any) -> None:
    """Initialise a LIIF as bilinear interpolation of its input, everything else random and free to be learned.

    LIIF's local ensemble *is* bilinear interpolation if each code's answer is its own pixel's colour. Plain
    initialisation spends a thousand steps on finding that. Here the encoder's first three codes are the colours; the
    MLP carries them through its ReLUs as pairs (s, -s), for s = relu(s) - relu(-s). What is random beside adds nothing
    to the output at first.
    """
    head, last = network.encoder.head[0], network.encoder.body[-1]
    torch.nn.init.zeros_(last.weight), torch.nn.init.zeros_(last.bias)
    head.weight[:3], head.bias[:3] = 0, 0
    for channel in range(3):
        head.weight[channel, channel, 1, 1] = 1
    linear = [layer for layer in network.imnet.layers if isinstance(layer, torch.nn.Linear)]
    signs = torch.tensor([1.0, -1.0]).repeat(3)
    for number, layer in enumerate(linear):
        rows = 3 if layer is linear[-1] else 6
        layer.weight[:rows], layer.bias[:rows] = 0, 0
        if number == 0:  # the centre of the 3 x 3 neighbourhood, unfolded as (channel, position)
            layer.weight[torch.arange(6), torch.arange(3).repeat_interleave(2) * 9 + 4] = signs
        elif layer is linear[-1]:
            layer.weight[torch.arange(3).repeat_interleave(2), torch.arange(6)] = signs
        else:
            layer.weight[torch.arange(6), torch.arange(6)] = 1


def output_side(random: torch.Generator, its: LIIFSettings) -> int:
    """Draw the side in px that a step's crops are asked for: from the crop's own to the target's."""
    kind, place = torch.rand(2, generator=random).tolist()
    largest = its.crop * its.target_side // its.side
    if kind < its.same_size:
        return its.crop
    return largest if kind >= 1 - its.full_size else its.crop + round(place * (largest - its.crop))


def quality(
    network: torch.nn.Module, clean: torch.Tensor, attacked: torch.Tensor, large: torch.Tensor
) -> dict[str, float]:
    """Measure the mean PSNR in dB of attacked and clean images (N, 3, H, W) in [0, 1], before CR and after.

    Args:
        network: the representation.
        clean: clean images, which PSNR is measured against.
        attacked: the same images, attacked.
        large: the clean images, uint8, at the size of "enlarged"; before CR means interpolated bilinearly.
    """
    represent, found = ContinuousRepresentation(network, device=next(network.parameters()).device), {}
    for kind, images in (("attacked", attacked), ("clean", clean)):
        for name, references in (("", clean), ("_enlarged", large.float() / 255)):
            size = tuple(references.shape[-2:])
            if images is not references:
                interpolated = F.interpolate(images, size, mode="bilinear")
                found[f"{kind}{name}_before"] = psnr(interpolated, references)
            found[f"{kind}{name}_after"] = psnr(represent(images, size), references)
    return found


def psnr(images: torch.Tensor, references: torch.Tensor) -> float:
    """Average the PSNR, in dB, over images (N, 3, H, W) in [0, 1]."""
    return round((-10 * (images - references).square().mean((1, 2, 3)).log10()).mean().item(), 2)


def log_quality(path: Path, done: int, found: dict[str, Any]) -> None:
    """Append a line to the log of what the held-out images say."""
    with path.open("a") as file:
        file.write(json.dumps({"step": done, **found}) + "\n")
