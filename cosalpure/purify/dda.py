"""Diffusion-driven adaptation, DDA (Gao et al., CVPR 2023): a reverse diffusion that keeps the image's low frequencies.

Written after the paper and the published behaviour of shiyegao/DDA; tests/golden/dda.npz holds its results.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cosalpure.diffusion import unconditional as diffusion
from cosalpure.diffusion.settings import share_of_steps
from cosalpure.diffusion.timestep import PIXELS, at_side
from cosalpure.gradients import on_demand, straight_through, through
from cosalpure.protocols import Given
from cosalpure.purify.settings import DDASettings

FACTOR = 4  # D in the paper: the low-pass filter shrinks by it and enlarges again

Noise = Callable[[Tensor], Tensor]  # draws noise of the shape of its argument
Network = Callable[..., Tensor]


class DDA:
    """Purify images by a diffusion that is pulled to their low frequencies; no concept is used."""

    def __init__(self, settings: DDASettings):
        self.settings = settings
        self.network = diffusion.load_network(settings)
        self.network.checkpointing = settings.save_memory
        full = diffusion.linear_schedule()
        self.T, steps = at_side(settings.timestep, settings.steps, settings.resolution, full.alphas_cumprod, PIXELS)
        self.start, self.schedule = share_of_steps(steps, self.T), diffusion.respaced(full, steps)

    @on_demand
    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Purify images (N, 3, H, W), RGB, [0, 1]; each draws its noise from its own generator."""

        def purify(x: Tensor, noise: Noise) -> Tensor:
            return adapt(self.network, self.schedule, x, self.start, self.settings.guidance_scale, noise)

        return diffusion.purified(purify, images, given.generators, self.settings, self.network)


def lengths(differences: Tensor) -> Tensor:
    """Measure the Euclidean length of each image's difference (N, C, H, W): (N,).

    The published code takes one length over the whole batch.
    """
    each: Tensor = differences.flatten(1).norm(dim=1)
    return each


def adapt(
    network: Network,
    schedule: diffusion.Schedule,
    x0: Tensor,
    start: int,
    scale: float,
    noise: Noise,
    lengths: Callable[[Tensor], Tensor] = lengths,
) -> Tensor:
    """Noise x0 (N, 3, H, W), [-1, 1], to step `start` and sample it back under its own low frequencies (Algorithm 1).

    The first step down is taken for step `start` - 1, one less noisy than the image then is: so it is published.
    `noise(x)` is called for every noise in its order.
    """
    x0 = x0.contiguous()  # gradients are slower where the channels of a pixel lie together, as files are read
    low_pass = LowPass(x0)
    reference = low_pass(x0)
    x = diffusion.q_sample(schedule, x0, torch.full((len(x0),), start), noise(x0))
    for step in reversed(range(start)):

        def down(x: Tensor, reference: Tensor, drawn: Tensor, step: int = step) -> Tensor:
            return pulled_step(network, schedule, x, step, drawn, low_pass, reference, scale, lengths)[0]

        x = through(down, x, reference, noise(x))  # as a whole: the pull differentiates the network itself
    return x


def pulled_step(
    network: Network,
    schedule: diffusion.Schedule,
    x: Tensor,
    step: int,
    noise: Tensor,
    low_pass: Callable[[Tensor], Tensor],
    reference: Tensor,
    scale: float,
    lengths: Callable[[Tensor], Tensor] = lengths,
) -> tuple[Tensor, Tensor]:
    """Take an ancestral step, then `scale` times the pull towards `reference`.

    Returns x_{step - 1} and the x_0 behind x_step, both (N, 3, H, W).
    The pull is the gradient, through the network, of the distance between the reference and the filtered x_0. It is
    differentiated once more where x has a graph already, for an attack on the images; its value is that of the plain pull,
    as gradients that can be differentiated are computed by other kernels, which round otherwise.
    """
    attacked = torch.is_grad_enabled() and x.requires_grad
    with torch.enable_grad():
        x = x if attacked else x.detach().requires_grad_()
        sample, guess = diffusion.p_sample(network, schedule, x, step, noise)
        distance = lengths(reference - low_pass(guess)).sum()
        (gradient,) = torch.autograd.grad(distance, x, retain_graph=attacked)
        if attacked:
            (exact,) = torch.autograd.grad(distance, x, create_graph=True)
            gradient = straight_through(exact, gradient)
    pulled = sample - scale * gradient
    return (pulled, guess) if attacked else (pulled.detach(), guess.detach())


class LowPass:
    """Images (N, 3, H, W) shrunk by FACTOR and enlarged again; matrices made once for the size of `like`."""

    def __init__(self, like: Tensor) -> None:
        sides = like.shape[-2:]
        small = [-(-side // FACTOR) for side in sides]
        self.down = [cubic_resize(a, b, 1 / FACTOR).to(like.device) for a, b in zip(sides, small, strict=True)]
        self.up = [cubic_resize(b, a, FACTOR).to(like.device) for a, b in zip(sides, small, strict=True)]

    def __call__(self, x: Tensor) -> Tensor:
        """Filter images of the size of `like`."""
        return resized(resized(x, self.down), self.up)


def resized(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Resize the rows and columns of x (N, C, H, W) by two matrices (new side, side)."""
    rows, columns = matrices
    return rows @ x @ columns.T


def cubic_resize(side: int, new_side: int, scale: float) -> Tensor:
    """Make the matrix (new_side, side) of cubic interpolation (Keys 1981, a = -1/2).

    It is widened by 1 / scale when it shrinks.
    Each row's weights add up to one *before* those beyond the border are dropped: the image is continued by zeros.
    """
    width = min(scale, 1.0)
    centres = (torch.arange(new_side, dtype=torch.float64) + 0.5) / scale - 0.5
    margin = 2 + int(2 / width)
    positions = torch.arange(-margin, side + margin, dtype=torch.float64)
    weights = keys_cubic((centres[:, None] - positions) * width)
    weights = weights / weights.sum(1, keepdim=True)
    return weights[:, margin : margin + side].float()


def keys_cubic(x: Tensor) -> Tensor:
    """Evaluate Keys' cubic kernel, a = -1/2; zero beyond 2."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0))
