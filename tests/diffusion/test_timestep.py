"""T by resolution: the published one, converted, leaves as much of an image."""

import pytest
import torch

from cosalpure.diffusion.samplers import dpm_solver_pp_2m, timesteps
from cosalpure.diffusion.settings import PublishedTimestep
from cosalpure.diffusion.timestep import LATENTS, PIXELS, at_side
from cosalpure.diffusion.unconditional import linear_schedule
from cosalpure.errors import UserError
from cosalpure.protocols import Given
from cosalpure.purify import PURIFIERS, create
from cosalpure.purify.settings import CosalPureSettings
from cosalpure.schema import validated

STABLE_DIFFUSION = (1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2).cumprod(0)


@pytest.mark.parametrize("schedule", [STABLE_DIFFUSION, linear_schedule().alphas_cumprod])
@pytest.mark.parametrize(("paper", "side"), [(250, 16), (250, 24), (500, 48), (999, 90)])
def test_noise_to_signal_shrinks_with_the_side(schedule, paper, side):
    T, _ = at_side(PublishedTimestep(paper=paper), 50, side, schedule, LATENTS)
    ratios = ((1 - schedule) / schedule).sqrt()
    wanted = ratios[paper - 1] * side / LATENTS
    assert ratios[T - 2] < wanted < ratios[T], "the nearest timestep lies between its neighbours"


def test_at_the_published_side_nothing_changes():
    for paper in (1, 150, 250, 999):
        assert at_side(PublishedTimestep(paper=paper), 1000, 96, STABLE_DIFFUSION, LATENTS)[0] == paper
    assert at_side(PublishedTimestep(side=64), 50, 64, STABLE_DIFFUSION, LATENTS) == (250, 48)
    assert at_side(40, 250, 16, STABLE_DIFFUSION, LATENTS) == (40, 250), "a number stays"


def test_as_many_steps_lie_below_as_published():
    T, steps = at_side(PublishedTimestep(), 50, 16, STABLE_DIFFUSION, LATENTS)
    assert (T, len(timesteps(T, steps))) == (15, len(timesteps(250, 50)))
    few, steps = at_side(PublishedTimestep(), 1000, 16, STABLE_DIFFUSION, LATENTS)
    assert len(timesteps(few, steps)) == few == 15, "there are no more than T"


@pytest.mark.slow
def test_purifiers_take_it(tiny_model, tiny_adm, images, capsys):
    side = tiny_model.latent_shape[-1]
    draws = [[torch.Generator().manual_seed(i) for i in range(len(images))] for _ in range(2)]
    given = CosalPureSettings(timestep={"paper": 250, "side": 4 * side}, prompt="")
    T, steps = at_side(given.timestep, 50, side, tiny_model.alphas_cumprod, LATENTS)
    same = CosalPureSettings(timestep=T, steps=steps, prompt="")
    one, other = (
        PURIFIERS.make("cosalpure", its, lambda: tiny_model)(images, Given(d))
        for its, d in zip((given, same), draws, strict=True)
    )
    assert T < 100 and torch.equal(one, other)
    assert f"T = {T}, the published 250 at side {side}" in capsys.readouterr().err
    purifier = create("diffpure", weights=tiny_adm, resolution=32, timestep={"paper": 250})
    assert purifier.T == at_side(PublishedTimestep(), 50, 32, linear_schedule().alphas_cumprod, PIXELS)[0] < 70


@pytest.mark.parametrize("steps", [1, 2, 13, 50, 75, 500, 999, 1000])
@pytest.mark.parametrize("T", [1, 13, 250, 501, 600, 999])
def test_every_timestep_is_run_once_and_the_result_is_finite(T, steps):
    """1000 steps spread 1001 points over 1000 timesteps: two of them fall on one."""
    if steps * T < 1000:
        with pytest.raises(UserError, match="leave none below T"):
            validated(CosalPureSettings, {"timestep": T, "steps": steps}, "")
        return
    run = timesteps(T, steps)
    assert run and all(a > b for a, b in zip(run, [*run[1:], 0], strict=True)) and all(0 < t <= T for t in run)
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    assert dpm_solver_pp_2m(lambda z, t: z * 0.5, torch.ones(1, 1, 2, 2), run, alphas).isfinite().all()


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "inf"])
def test_guidance_is_a_finite_number(value):
    with pytest.raises(UserError, match="finite number"):
        validated(CosalPureSettings, {"guidance_scale": value}, "")
