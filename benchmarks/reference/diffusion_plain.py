"""DiffPure's two processes and DDA as the official code computes them, written plainly: the references of `baselines.py`.

They follow NVlabs/DiffPure, runners/diffpure_guided.py, runners/diffpure_sde.py and guided_diffusion/gaussian_diffusion.py, and
shiyegao/DDA, image_adapt/guided_diffusion/gaussian_diffusion.py. Time beside the originals': docs/results/data/peers.csv.

x is (N, 3, S, S) in [-1, 1]; `noise(x)` draws its noise; schedules are `cosalpure.diffusion.unconditional.Schedule`.
"""

import torch

from cosalpure.purify.dda import LowPass


def at(values, step, like):
    """A step's value, looked up in float64 and spread over a tensor, as the official code does."""
    index = torch.full((len(like),), step)
    return values[index].float()[:, None, None, None].expand(like.shape)


def sample(network, schedule, x, step, noise):
    """An ancestral step: (x_{step - 1}, the clamped x_0)."""
    abar, before, betas = schedule.alphas_cumprod, schedule.alphas_cumprod_before, schedule.betas
    times = schedule.times[torch.full((len(x),), step)]
    epsilon, v = network(x, times).split(3, 1)
    low, high, share = at(schedule.posterior_variances.log(), step, x), at(betas.log(), step, x), (v + 1) / 2
    log_variance = share * high + (1 - share) * low
    guess = (at((1 / abar).sqrt(), step, x) * x - at((1 / abar - 1).sqrt(), step, x) * epsilon).clamp(-1, 1)
    of_x0, of_x = betas * before.sqrt() / (1 - abar), (1 - before) * (1 - betas).sqrt() / (1 - abar)
    mean = at(of_x0, step, x) * guess + at(of_x, step, x) * x
    return mean + (step > 0) * torch.exp(0.5 * log_variance) * noise, guess


def noised(schedule, x, step, noise):
    """x_step of the image x."""
    abar = schedule.alphas_cumprod[step]
    return abar.sqrt().float() * x + (1 - abar).sqrt().float() * noise


@torch.no_grad()
def ddpm(network, schedule, x, T, noise):
    """DiffPure, ancestral."""
    x = noised(schedule, x, T - 1, noise(x))
    for step in reversed(range(T)):
        x, _ = sample(network, schedule, x, step, noise(x))
    return x


@torch.no_grad()
def sde(network, schedule, x, T, noise, dt=1e-3):
    """DiffPure, Euler's method on the reverse SDE; drift and diffusion are asked for separately at every step."""
    x = noised(schedule, x, T - 1, noise(x))
    s, end = torch.tensor(1 - T / 1000), torch.tensor(1 - 1e-5)
    while s < end:
        following = torch.minimum(s + dt, end)
        tau = (1 - s).expand(len(x))
        beta, abar = 0.1 + tau * 19.9, torch.exp(-0.5 * 19.9 * tau**2 - 0.1 * tau)
        epsilon, _ = network(x, (tau * 1000).long()).split(3, 1)
        score = (-1 / torch.sqrt(1 - abar))[:, None, None, None] * epsilon
        drift = -0.5 * beta[:, None, None, None] * x - beta[:, None, None, None] * score
        step = following - s
        x = x - drift * step + torch.sqrt(beta)[:, None, None, None] * (step.sqrt() * noise(x))
        s = following
    return x


def dda(network, schedule, x, start, noise, scale):
    """DDA: each ancestral step is pulled by the gradient of one distance over the whole batch; both images are filtered anew."""
    low_pass, image = LowPass(x), x
    x = noised(schedule, x, start, noise(x))
    for step in reversed(range(start)):
        x = x.detach().requires_grad_()
        following, guess = sample(network, schedule, x, step, noise(x))
        distance = (low_pass(image) - low_pass(guess)).norm()
        x = (following - scale * torch.autograd.grad(distance, x)[0]).detach()
    return x
