"""The diffusion process of an unconditional model: Ho et al. 2020, learned variance of Nichol and Dhariwal 2021.

Images x are (N, 3, H, W) in [-1, 1], steps i are (N,) of 0 to K - 1. The network gives (N, 6, H, W): epsilon, and v,
which mixes the two bounds of the variance. Written after the papers; checked against guided-diffusion's own results.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.diffusion.samplers import randn
from cosalpure.errors import UserError
from cosalpure.gradients import through


@dataclass(frozen=True)
class Schedule:
    """A process of K steps: betas (K,) in float64, and the time (K,) at which the network sees each step."""

    betas: torch.Tensor
    times: torch.Tensor

    @property
    def alphas_cumprod(self) -> torch.Tensor:
        """The products of 1 - beta up to each step, (K,)."""
        return (1 - self.betas).cumprod(0)

    @property
    def alphas_cumprod_before(self) -> torch.Tensor:
        """The same one step earlier, (K,); 1 before step 0."""
        return torch.cat([self.betas.new_ones(1), self.alphas_cumprod[:-1]])

    @property
    def posterior_variances(self) -> torch.Tensor:
        """The variances beta tilde (K,); the first value, which is 0, is replaced by the second, so that it has a logarithm."""
        variances = self.betas * (1 - self.alphas_cumprod_before) / (1 - self.alphas_cumprod)
        return torch.cat([variances[1:2], variances[1:]])


def linear_schedule(steps: int = 1000) -> Schedule:
    """Make the schedule of Ho et al.: linear betas, 1e-4 to 0.02 over 1000 steps."""
    return Schedule(torch.linspace(1e-4, 0.02, steps, dtype=torch.float64), torch.arange(steps))


def at(values: torch.Tensor, i: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Pick `values` (K,) at steps i (N,), as float32 that multiplies a tensor such as `like` (N, C, H, W)."""
    return values[i.cpu()].float().to(like.device)[:, None, None, None]


def q_sample(schedule: Schedule, x0: torch.Tensor, i: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Sample x_i given x_0, both (N, C, H, W) in about [-1, 1]: Ho et al., Eq. 4."""
    abar = schedule.alphas_cumprod
    return at(abar.sqrt(), i, x0) * x0 + at((1 - abar).sqrt(), i, x0) * noise


def predict_x0(schedule: Schedule, x: torch.Tensor, epsilon: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    """Compute the x_0 that epsilon stands for, (N, C, H, W): Ho et al., Eq. 15. It is not clamped."""
    abar = schedule.alphas_cumprod
    return at(abar.rsqrt(), i, x) * x - at((1 / abar - 1).sqrt(), i, x) * epsilon


def posterior_mean(schedule: Schedule, x0: torch.Tensor, x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    """Compute the mean of q(x_{i-1} | x_i, x_0), (N, C, H, W): Ho et al., Eq. 7."""
    abar, before = schedule.alphas_cumprod, schedule.alphas_cumprod_before
    of_x0 = schedule.betas * before.sqrt() / (1 - abar)
    of_x = (1 - before) * (1 - schedule.betas).sqrt() / (1 - abar)
    return at(of_x0, i, x) * x0 + at(of_x, i, x) * x


def log_variance(schedule: Schedule, v: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    """Compute the logarithm of the learned variance, (N, C, H, W): Nichol and Dhariwal, Eq. 15.

    v, in about [-1, 1], says where between its two bounds the variance lies.
    """
    share = (v + 1) / 2
    return share * at(schedule.betas.log(), i, v) + (1 - share) * at(schedule.posterior_variances.log(), i, v)


def respaced(schedule: Schedule, steps: int) -> Schedule:
    """Keep `steps` of the schedule's steps, evenly spaced from the first to the last, as another schedule."""
    stride = (len(schedule.betas) - 1) / (steps - 1)
    return of_steps(schedule, torch.tensor([round(index * stride) for index in range(steps)]))


def below(schedule: Schedule, T: int, steps: int) -> Schedule:
    """Keep `steps` of the schedule's first T steps, evenly spaced and with the last of them, as another schedule."""
    return of_steps(schedule, torch.linspace(T - 1, 0, steps).round().long().flip(0))


def of_steps(schedule: Schedule, kept: torch.Tensor) -> Schedule:
    """Make the schedule that takes the steps `kept` (steps,), in rising order, of another one."""
    abar = schedule.alphas_cumprod[kept]
    return Schedule(1 - abar / torch.cat([abar.new_ones(1), abar[:-1]]), schedule.times[kept])


def p_sample(
    network: Callable[..., torch.Tensor], schedule: Schedule, x: torch.Tensor, step: int, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample one ancestral step with learned variance: Ho et al., Algorithm 2.

    Args:
        network: predicts epsilon and the variance's v, (N, 2 C, H, W).
        schedule: the noising process.
        x: x_step (N, C, H, W).
        step: number of the step.
        noise: standard normal values of the shape of x.

    Returns:
        x_{step - 1}, and the clamped x_0 behind x_step.
    """
    i = torch.full((len(x),), step)
    epsilon, v = through(network, x, schedule.times[i].to(x.device)).chunk(2, 1)
    x0 = predict_x0(schedule, x, epsilon, i).clamp(-1, 1)
    mean = posterior_mean(schedule, x0, x, i)
    return mean + float(step > 0) * torch.exp(0.5 * log_variance(schedule, v, i)) * noise, x0


# ------------------------------------------------------------------------------- what purifiers by such a model share


def load_network(settings: Any) -> Any:
    """Load the ADM of `settings.weights` on the GPU if there is one.

    Raises:
        UserError: if `settings.resolution` does not suit the network.
    """
    network = networks.load("adm", settings.weights)
    if settings.resolution % network.multiple_of:
        raise UserError(
            f"resolution: {settings.resolution} px do not suit {settings.weights}: "
            f"its levels halve the sides, so it takes multiples of {network.multiple_of}"
        )
    network.dtype = getattr(torch, settings.dtype)
    return network.to(networks.default_device())


def purified(
    purify: Callable[..., torch.Tensor],
    images: torch.Tensor,
    generators: Sequence[torch.Generator],
    settings: Any,
    network: Any,
) -> torch.Tensor:
    """Pass images (N, 3, H, W), RGB, [0, 1], through a purification that works in [-1, 1].

    Images are resized bilinearly there and back, as published. `settings.batch` images pass at once; the noise of an image comes
    from its own generator, so that this changes results by rounding alone.

    Args:
        purify: purify(x, noise) at `settings.resolution`.
        images: the images.
        generators: one for each image.
        settings: of the purifier.
        network: whose device is used.

    Raises:
        UserError: for values outside [0, 1].
    """
    if not (images.min() >= 0 and images.max() <= 1):
        raise UserError(f"images in [0, 1] are purified, found {images.min():.3g} to {images.max():.3g}")
    parts = []
    for start in range(0, len(images), settings.batch):
        part = images[start : start + settings.batch].to(next(network.parameters()).device)
        x = (resize(part, (settings.resolution, settings.resolution)) - 0.5) * 2
        x = purify(x, partial(randn, generators=generators[start : start + settings.batch]))
        parts.append(resize((x + 1) / 2, images.shape[-2:]).clamp(0, 1).to(images.device))
    return torch.cat(parts)


def resize(images: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize images (N, C, H, W) bilinearly, without antialiasing; those of that size already stay as they are."""
    return images if images.shape[-2:] == size else F.interpolate(images, size, mode="bilinear", align_corners=False)
