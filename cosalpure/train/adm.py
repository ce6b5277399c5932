"""Trains the mini benchmark's ADM: the unconditional diffusion model that DiffPure and DDA purify with.

A small model of its architecture on scenes and portraits of the train concepts, so that it meets the test concepts
as the official model, trained on ImageNet, meets the paper's images. The loss is the hybrid one of Nichol and
Dhariwal 2021 (Eq. 16), over the linear betas of Ho et al. 2020. About seventy minutes on one core.

    from cosalpure.train.adm import ADMSettings, train_adm
    train_adm("results/models/adm.safetensors", ADMSettings())
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.data.mini import MiniWorld
from cosalpure.diffusion import unconditional as diffusion
from cosalpure.seeds import generator
from cosalpure.train import common
from cosalpure.train.compute import Compute
from cosalpure.train.scenes import ScenePool, zoom

DEV_TIMES = (20, 40, 60, 100, 250)  # where the held-out loss is measured


@dataclass
class ADMSettings:
    """A reason for each number."""

    channels: int = 32  # the least: every group norm has 32 groups
    channel_mult: tuple[int, ...] = (
        1,
        1,
        2,
        3,
    )  # at 64, 32, 16, 8; 2.3 M parameters. 64 channels at 32 cost a third more time
    blocks: int = 1
    attention: tuple[int, ...] = (8,)  # and in the middle, as ever
    head_channels: int = 32
    scenes: int = 32  # in the pool, per concept
    portraits: int = 8  # per concept
    steps: int = 4000  # one second each on one core; more would help
    batch: int = 8  # many small steps: what limits a training this short is their number
    learning_rate: float = 1e-3
    warmup: int = 200
    ema: float = 0.998
    low_t: float = 0.8  # share of timesteps below `low_t_below`, uniform on both sides: purification noises to T < 150
    low_t_below: int = 150  # T = 250 at 256 px leaves as much of an image as about T = 70 at 64 px
    vlb: float = 1.0  # lambda, of one timestep's bound: .001 x 1000 timesteps in the paper
    seed: int = 0
    checkpoint_every: int = 250  # also when the held-out loss is measured
    log_every: int = 25


def train_adm(
    output: str | Path,
    settings: ADMSettings | None = None,
    compute: Compute | None = None,
) -> dict[str, Any]:
    """Train and write `output` (.safetensors); log and checkpoint lie in the folder of the same name. Resumable."""
    output, its, compute = Path(output), settings or ADMSettings(), compute or Compute()
    world = MiniWorld()
    pool = ScenePool(world, world.concepts("train"), its.scenes, its.portraits, its.seed, compute.workers)
    dev = ScenePool(world, world.concepts("dev"), 1, 0, its.seed)
    keys = ("channels", "channel_mult", "blocks", "attention", "head_channels")
    arch = {"image_size": world.size, **{key: getattr(its, key) for key in keys}}
    with common.seeded(its.seed, "adm"):
        network = networks.build("adm", **arch)
    network = network.to(compute.torch_device)
    average, schedule = common.moving_average(network, its.ema), diffusion.linear_schedule()
    optimizer = torch.optim.Adam(network.parameters(), its.learning_rate)

    def draw(number: int, progress: float) -> tuple[torch.Tensor, ...]:
        random = generator(its.seed, "adm", number)
        images, masks, _ = pool.draw(random, its.batch)
        x0 = clean_views(images, masks, random) * 2 - 1
        t = draw_timesteps(random, its.batch, its.low_t, its.low_t_below)
        return x0, t, torch.randn(x0.shape, generator=random)

    def forward(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        with compute.autocast():
            output: torch.Tensor = network.train()(x, t)
        return output.float()

    def learn(batch: tuple[torch.Tensor, ...], progress: float) -> dict[str, Any]:
        losses = hybrid_loss(forward, schedule, *batch)
        common.update(losses["simple"] + its.vlb * losses["vlb"], optimizer, [network], average)
        return {name: loss.detach() for name, loss in losses.items()}

    folder, parts = output.with_suffix(""), {"network": network, "average": average, "optimizer": optimizer}
    judge = dev_log(folder, average.module, schedule, dev, its.seed)
    common.train("adm", draw, learn, parts, folder, its, compute, judge)
    dev_loss = held_out_loss(average.module, schedule, dev, its.seed)
    training = {"concepts": pool.concepts, **asdict(its), "dev_loss": dev_loss}
    networks.save_weights(output, average.module, arch, "adm", training, compress=True)
    return training


def clean_views(images: torch.Tensor, masks: torch.Tensor, random: torch.Generator, furthest: int = 5) -> torch.Tensor:
    """Mirror images (N, 3, H, W) in [0, 1], move them by up to `furthest` whole px, and expose them mildly.

    They stay as sharp as they were: no blur and no noise, nor the zooms of the other trainings, which interpolate. The model is
    to know clean images.
    """
    n, side = len(images), images.shape[-1]
    moves = torch.randint(-furthest, furthest + 1, (n, 2), generator=random) * 2 / side
    mirror = (torch.rand(n, 1, generator=random) - 0.5).sign()
    images, _ = zoom(images, masks, torch.ones(n, 1), moves, mirror)
    gain = torch.exp(0.2 * (2 * torch.rand(n, 1, 1, 1, generator=random) - 1))
    return (images * gain).clamp(0, 1)


def draw_timesteps(random: torch.Generator, n: int, low_t: float, low_t_below: int, total: int = 1000) -> torch.Tensor:
    """Draw timesteps (n,): a share `low_t` uniform below `low_t_below`, the rest uniform from there to 999.

    The losses are not reweighted: that would undo what the share is for.
    """
    low = torch.randint(0, low_t_below, (n,), generator=random)
    high = torch.randint(low_t_below, total, (n,), generator=random)
    return torch.where(torch.rand(n, generator=random) < low_t, low, high)


def hybrid_loss(
    network: Callable[..., torch.Tensor],
    schedule: diffusion.Schedule,
    x0: torch.Tensor,
    t: torch.Tensor,
    noise: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Compute the error of epsilon, "simple", and the bound's term, "vlb", bits a value.

    The bound trains the variance only.

    Args:
        network: predicts epsilon and the variance's v, (N, 2 C, H, W).
        schedule: the noising process.
        x0: clean images (N, C, H, W) in [-1, 1].
        t: timesteps (N,).
        noise: standard normal values of the shape of x0.
    """
    x = diffusion.q_sample(schedule, x0, t, noise)
    epsilon, v = network(x, t).chunk(2, 1)
    vlb = bound(schedule, x0, x, t, epsilon.detach(), v)
    return {"simple": F.mse_loss(epsilon, noise), "vlb": vlb.mean()}


def bound(
    schedule: diffusion.Schedule,
    x0: torch.Tensor,
    x: torch.Tensor,
    t: torch.Tensor,
    epsilon: torch.Tensor,
    v: torch.Tensor,
) -> torch.Tensor:
    """Compute one timestep's term of the variational bound, bits a value (N,).

    Above t = 0 it is the divergence of the model's step from q(x_{t-1} | x_t, x_0), at t = 0 the negative log likelihood of the
    image's 8-bit levels: Nichol and Dhariwal 2021, Eq. 4 to 7.
    """
    guess = diffusion.predict_x0(schedule, x, epsilon, t)
    mean, log_variance = diffusion.posterior_mean(schedule, guess, x, t), diffusion.log_variance(schedule, v, t)
    true_mean = diffusion.posterior_mean(schedule, x0, x, t)
    true_log_variance = diffusion.at(schedule.posterior_variances.log(), t, x)
    difference = log_variance - true_log_variance
    squares = (true_mean - mean) ** 2 * torch.exp(-log_variance)
    divergence = 0.5 * (difference + torch.exp(-difference) - 1 + squares)
    surprise = -levels_log_likelihood(x0, mean, log_variance)
    return torch.where(t[:, None, None, None] == 0, surprise, divergence).mean((1, 2, 3)) / math.log(2)


def levels_log_likelihood(x0: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Compute the log probability that a Gaussian gives to each 8-bit level x0, (N, C, H, W), [-1, 1].

    Ho et al. 2020, Eq. 13.
    """
    scale = torch.exp(-0.5 * log_variance)
    above, below = (torch.special.ndtr((x0 - mean + edge) * scale) for edge in (1 / 255, -1 / 255))
    above = torch.where(x0 > 0.999, 1, above)
    below = torch.where(x0 < -0.999, 0, below)
    return (above - below).clamp(min=1e-12).log()


@torch.no_grad()
def held_out_loss(
    network: torch.nn.Module, schedule: diffusion.Schedule, dev: ScenePool, seed: int
) -> dict[int, float]:
    """Measure {t: the error of epsilon} on a scene of each dev concept, under the same noise every time."""
    device = next(network.parameters()).device
    x0 = dev.images.flatten(0, 1).float() / 127.5 - 1
    noise = torch.randn(x0.shape, generator=generator(seed, "adm", "dev"))
    losses = {}
    for time in DEV_TIMES:
        errors = []
        for images, noises in zip(torch.split(x0, 8), torch.split(noise, 8), strict=True):
            images, noises, t = images.to(device), noises.to(device), torch.full((len(images),), time, device=device)
            epsilon, _ = network.eval()(diffusion.q_sample(schedule, images, t, noises), t).chunk(2, 1)
            errors.append(((epsilon - noises) ** 2).mean((1, 2, 3)))
        losses[time] = float(f"{torch.cat(errors).mean().item():.5g}")
    return losses


def dev_log(
    folder: Path, network: torch.nn.Module, schedule: diffusion.Schedule, dev: ScenePool, seed: int
) -> Callable[[int], None]:
    """Make a function of the number of steps done that appends the held-out loss to `folder`/dev.jsonl."""

    def measure(done: int) -> None:
        with (folder / "dev.jsonl").open("a") as file:
            file.write(json.dumps({"step": done, "loss": held_out_loss(network, schedule, dev, seed)}) + "\n")

    return measure
