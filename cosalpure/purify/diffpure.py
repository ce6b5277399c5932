"""DiffPure (Nie et al., ICML 2022): noise the image to t = T, then run the unconditional diffusion backwards.

Written after the paper and the published behaviour of NVlabs/DiffPure; tests/golden/diffpure_*.npz hold its results.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from cosalpure.diffusion import unconditional as diffusion
from cosalpure.diffusion.settings import share_of_steps
from cosalpure.diffusion.timestep import PIXELS, at_side
from cosalpure.gradients import on_demand, through
from cosalpure.protocols import Given
from cosalpure.purify.settings import DiffPureSettings

Noise = Callable[[Tensor], Tensor]  # draws noise of the shape of its argument
Network = Callable[..., Tensor]


class DiffPure:
    """Purify images by an unconditional diffusion; no concept is used."""

    def __init__(self, settings: DiffPureSettings):
        self.settings = settings
        self.network = diffusion.load_network(settings)
        alphas_cumprod = diffusion.linear_schedule().alphas_cumprod
        every = len(alphas_cumprod)
        self.T, steps = at_side(settings.timestep, settings.steps or every, settings.resolution, alphas_cumprod, PIXELS)
        self.steps = share_of_steps(steps, self.T)

    @on_demand
    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Purify images (N, 3, H, W), RGB, [0, 1]; each draws its noise from its own generator."""
        process = {"ddpm": purify_by_ddpm, "sde": purify_by_sde}[self.settings.process]

        def purify(x: Tensor, noise: Noise) -> Tensor:
            return process(self.network, x, self.T, noise, self.steps)

        return diffusion.purified(purify, images, given.generators, self.settings, self.network)


def purify_by_ddpm(network: Network, x0: Tensor, T: int, noise: Noise, steps: int | None = None) -> Tensor:
    """Noise x0 (N, 3, H, W), [-1, 1], to step T - 1 and sample it back to 0 in `steps` steps, or in all T.

    `noise(x)` is called for every noise in its order.
    """
    steps = steps or T
    schedule = diffusion.linear_schedule()
    if steps < T:
        schedule = diffusion.below(schedule, T, steps)
    x = diffusion.q_sample(schedule, x0, torch.full((len(x0),), steps - 1), noise(x0))
    for step in reversed(range(steps)):
        x, _ = diffusion.p_sample(network, schedule, x, step, noise(x))
    return x


def purify_by_sde(network: Network, x0: Tensor, T: int, noise: Noise, steps: int | None = None) -> Tensor:
    """Solve the reverse variance-preserving SDE (the paper's Eq. 6) for x0 (N, 3, H, W), [-1, 1].

    It is solved by Euler-Maruyama in `steps` steps, or in all T, and x_0 is never clamped. Time runs in s = 1 - tau, from
    1 - T / 1000 to 1 - 1e-5, in float32, as published: it decides the network's step.
    """
    schedule = diffusion.linear_schedule()
    x = diffusion.q_sample(schedule, x0, torch.full((len(x0),), T - 1), noise(x0))
    for s, following in euler_times(T, 1e-3 * (T / (steps or T))):
        tau = 1 - s
        beta, abar = 0.1 + 19.9 * tau, torch.exp(-0.1 * tau - 19.9 / 2 * tau**2)
        step = (tau * 1000).long().expand(len(x)).to(x.device)
        epsilon, _ = through(network, x, step).chunk(2, 1)
        score = -epsilon / (1 - abar).sqrt().item()
        drift = beta.item() * (x / 2 + score)
        h = (following - s).item()
        x = x + drift * h + (beta * h).sqrt().item() * noise(x)
    return x


def euler_times(T: int, dt: float) -> list[tuple[Tensor, Tensor]]:
    """List (s, next s) of the Euler steps, float32 scalars."""
    s, end = torch.tensor(1 - T / 1000), torch.tensor(1 - 1e-5)
    times = []
    while s < end:
        following = torch.minimum(s + dt, end)
        times.append((s, following))
        s = following
    return times
