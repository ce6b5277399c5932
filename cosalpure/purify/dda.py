"""Diffusion-driven adaptation, DDA (Gao et al., CVPR 2023): a reverse diffusion that keeps the image's low frequencies.

Written after the paper and the published behaviour of shiyegao/DDA; tests/golden/dda.npz holds its results.
"""

import torch
from torch import Tensor

from cosalpure.diffusion import unconditional as diffusion
from cosalpure.diffusion.settings import share_of_steps
from cosalpure.diffusion.timestep import PIXELS, at_side
from cosalpure.protocols import Given
from cosalpure.purify.settings import DDASettings

FACTOR = 4  # D in the paper: the low-pass filter shrinks by it and enlarges again


class DDA:
    """Purify images by a diffusion that is pulled to their low frequencies; no concept is used."""

    def __init__(self, settings: DDASettings):
        self.settings = settings
        self.network = diffusion.load_network(settings)
        self.network.checkpointing = settings.save_memory
        full = diffusion.linear_schedule()
        self.T, steps = at_side(settings.timestep, settings.steps, settings.resolution, full.alphas_cumprod, PIXELS)
        self.start, self.schedule = share_of_steps(steps, self.T), diffusion.respaced(full, steps)

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        def purify(x, noise):
            return adapt(self.network, self.schedule, x, self.start, self.settings.guidance_scale, noise)

        return diffusion.purified(purify, images, given.generators, self.settings, self.network)


def lengths(differences):
    """The Euclidean length of each image's difference, (N,). Published: one length over the whole batch."""
    return differences.flatten(1).norm(dim=1)


def adapt(network, schedule, x0, start, scale, noise, lengths=lengths):
    """x0 noised to step `start` and sampled back under its own low frequencies (the paper's Algorithm 1).

    The first step down is taken for step `start` - 1, one less noisy than the image then is: so it is published.
    `noise(x)` is called for every noise in its order.
    """
    low_pass = LowPass(x0)
    reference = low_pass(x0)
    x = diffusion.q_sample(schedule, x0, torch.full((len(x0),), start), noise(x0))
    for step in reversed(range(start)):
        x, _ = pulled_step(network, schedule, x, step, noise(x), low_pass, reference, scale, lengths)
    return x


def pulled_step(network, schedule, x, step, noise, low_pass, reference, scale, lengths=lengths):
    """(x_{step - 1}, the x_0 behind x_step): an ancestral step, then `scale` times the pull towards `reference`.

    The pull is the gradient, through the network, of the distance between the reference and the filtered x_0.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        sample, guess = diffusion.p_sample(network, schedule, x, step, noise)
        (gradient,) = torch.autograd.grad(lengths(reference - low_pass(guess)).sum(), x)
    return (sample - scale * gradient).detach(), guess.detach()


class LowPass:
    """Images (N, 3, H, W) shrunk by FACTOR and enlarged again; matrices made once for the size of `like`."""

    def __init__(self, like):
        sides = like.shape[-2:]
        small = [-(-side // FACTOR) for side in sides]
        self.down = [cubic_resize(a, b, 1 / FACTOR).to(like.device) for a, b in zip(sides, small, strict=True)]
        self.up = [cubic_resize(b, a, FACTOR).to(like.device) for a, b in zip(sides, small, strict=True)]

    def __call__(self, x):
        return resized(resized(x, self.down), self.up)


def resized(x, matrices):
    """x (N, C, H, W) with its rows and columns resized by two matrices (new side, side)."""
    rows, columns = matrices
    return rows @ x @ columns.T


def cubic_resize(side, new_side, scale):
    """The matrix (new_side, side) of cubic interpolation (Keys 1981, a = -1/2), widened by 1 / scale when it shrinks.

    Each row's weights add up to one *before* those beyond the border are dropped: the image is continued by zeros.
    """
    width = min(scale, 1.0)
    centres = (torch.arange(new_side, dtype=torch.float64) + 0.5) / scale - 0.5
    margin = 2 + int(2 / width)
    positions = torch.arange(-margin, side + margin, dtype=torch.float64)
    weights = keys_cubic((centres[:, None] - positions) * width)
    weights = weights / weights.sum(1, keepdim=True)
    return weights[:, margin : margin + side].float()


def keys_cubic(x):
    """Keys' cubic kernel, a = -1/2; zero beyond 2."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0))
