"""Samplers: one algorithm, one function. `denoise(z, t)` gives the clean latents behind z at timestep t."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage


def timesteps(T: int, steps: int, total: int = 1000) -> list[int]:
    """List the timesteps below T of a run of `steps` over `total`, descending.

    T = 250 of 50 steps gives 240, 220, ..., 20. The steps are spaced as `diffusers` 0.16.1 spaces DPM-Solver's, and start as its
    img2img does (strength = T / total). Each comes once: `steps` = `total` would round two points to one timestep, and a step of
    length 0 gives NaN.
    """
    spaced = torch.linspace(0, total - 1, steps + 1, dtype=torch.float64).round().long().flip(0)[:-1]
    return list(dict.fromkeys(spaced[steps - int(steps * T / total) :].tolist()))


def dpm_solver_pp_2m(
    denoise: Callable[..., torch.Tensor], z: torch.Tensor, steps: Sequence[int], alphas_cumprod: torch.Tensor
) -> torch.Tensor:
    """Run DPM-Solver++ 2M (Lu et al. 2022, Algorithm 2), midpoint form, down to timestep 0.

    The first step is of first order; the last one is of second order and ends at t = 0, as the official run does.

    Args:
        denoise: denoise(z, t) predicts x_0.
        z: latents (N, C, h, w) at timestep `steps`[0].
        steps: timesteps, descending.
        alphas_cumprod: of the noising process, (K,).
    """
    alpha, sigma = alphas_cumprod.double().sqrt(), (1 - alphas_cumprod.double()).sqrt()
    log_snr = alpha.log() - sigma.log()  # lambda
    earlier: tuple[torch.Tensor, torch.Tensor] | None = None  # x_0 and h of the step before
    for s, t in zip(steps, [*steps[1:], 0], strict=True):
        x0 = denoise(z, s)
        h = log_snr[t] - log_snr[s]
        guess = x0 if earlier is None else x0 + (h / earlier[1] / 2).item() * (x0 - earlier[0])
        z = (sigma[t] / sigma[s]).item() * z - (alpha[t] * torch.expm1(-h)).item() * guess
        earlier = x0, h
    return z


def ddpm(
    denoise: Callable[..., torch.Tensor],
    z: torch.Tensor,
    T: int,
    alphas_cumprod: torch.Tensor,
    noise: Callable[..., torch.Tensor],
) -> torch.Tensor:
    """Sample ancestrally (Ho et al. 2020; the paper's Eqs. 10 and 11): T steps, down to array index 0.

    Args:
        denoise: denoise(z, t) predicts x_0.
        z: latents (N, C, h, w) at array index T - 1.
        T: number of steps.
        alphas_cumprod: of the noising process, (K,).
        noise: noise(z) gives xi; none is drawn for the last step, whose sigma is 0.
    """
    alpha_bar = alphas_cumprod.double()
    for t in range(T - 1, 0, -1):
        x0 = denoise(z, t)
        alpha = alpha_bar[t] / alpha_bar[t - 1]
        of_x0 = alpha_bar[t - 1].sqrt() * (1 - alpha) / (1 - alpha_bar[t])
        of_z = alpha.sqrt() * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])
        sigma = ((1 - alpha) * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])).sqrt()
        z = of_x0.item() * x0 + of_z.item() * z + sigma.item() * noise(z)
    return denoise(z, 0)


def randn(like: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Draw standard normal values of the shape of `like` (N, ...), on the CPU.

    Each row comes from its image's generator.
    """
    return torch.stack([torch.randn(like.shape[1:], generator=g) for g in generators]).to(like)


def guided(
    model: "TextToImage", condition: torch.Tensor, empty: torch.Tensor, scale: float
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """Make denoise(z, t) of a model: x_0 under `condition`, pushed away from `empty` (contexts (1, L, D)).

    Classifier-free guidance (Ho and Salimans 2022), both in one batch; a single pass where it changes nothing.
    """

    def denoise(z: torch.Tensor, step: int) -> torch.Tensor:
        t = torch.full((len(z),), step)
        if scale == 1 or torch.equal(condition, empty):
            return model.predict_x0(z, t, condition.expand(len(z), -1, -1))
        context = torch.cat([part.expand(len(z), -1, -1) for part in (empty, condition)])
        without, under = model.predict_x0(z.repeat(2, 1, 1, 1), t.repeat(2), context).chunk(2)
        return without + scale * (under - without)

    return denoise
