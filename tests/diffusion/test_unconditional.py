"""DiffPure and DDA against the official codes' own values, and what their settings and errors do.

tests/golden/{diffpure_ddpm,diffpure_sde,dda}.npz were computed with NVlabs/DiffPure and shiyegao/DDA on a small ADM,
every noise stored in its order of use.
"""

import numpy as np
import pytest
import torch
from golden import loader

from cosalpure import networks
from cosalpure.diffusion import unconditional as diffusion
from cosalpure.errors import UserError
from cosalpure.protocols import Given
from cosalpure.purify import dda, diffpure
from cosalpure.purify.settings import DDASettings, DiffPureSettings
from cosalpure.seeds import generator

LINEAR = diffusion.linear_schedule()


@pytest.fixture(scope="module")
def network():
    network = networks.build("adm", image_size=64, channels=32, blocks=1, head_channels=16)
    network.load_state_dict(loader.state_dict("adm_small"))
    return network.requires_grad_(False).eval()


def golden(name):
    """The stored values as tensors, and x0 (2, 3, 64, 64) in [-1, 1]."""
    values = {key: torch.from_numpy(value) for key, value in loader.golden(name).items()}
    return values, values["images_u8"].float() / 255 * 2 - 1


def stored(noises):
    """A noise function that gives one stored noise after the other."""
    noises = iter(noises)
    return lambda x: next(noises)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


def generators(images):
    return [generator(0, index) for index in range(len(images))]


# ------------------------------------------------------------------------------------------------ the official values


def test_linear_schedule_is_the_official_one():
    values, _ = golden("diffpure_ddpm")
    torch.testing.assert_close(LINEAR.alphas_cumprod[[0, 4, 99, 249, 999]], values["alphas_cumprod"])


def test_respaced_schedule_is_the_official_one():
    values, _ = golden("dda")
    ours = diffusion.respaced(LINEAR, 100)
    assert torch.equal(ours.times, values["timestep_map"])
    torch.testing.assert_close(ours.alphas_cumprod, values["alphas_cumprod"])


@pytest.mark.parametrize(("T", "steps", "kept"), [(37, 5, [0, 9, 18, 27, 36]), (37, 1, [36]), (4, 4, [0, 1, 2, 3])])
def test_fewer_steps_below_t_keep_the_noise_of_t(T, steps, kept):
    ours = diffusion.below(LINEAR, T, steps)
    assert ours.times.tolist() == kept
    torch.testing.assert_close(ours.alphas_cumprod, LINEAR.alphas_cumprod[kept])


@pytest.mark.parametrize(
    ("settings", "T", "steps"),
    [
        ({"timestep": {"paper": 150}}, 37, 37),
        ({"timestep": {"paper": 150}, "steps": 34}, 37, 5),  # 5 of 34 lie below the published T
        ({"timestep": 100, "steps": 50}, 100, 5),
    ],
)
def test_diffpure_takes_the_steps_below_t(tiny_adm, settings, T, steps):
    method = diffpure.DiffPure(DiffPureSettings(weights=tiny_adm, resolution=64, **settings))
    assert (method.T, method.steps) == (T, steps)


@torch.no_grad()
@pytest.mark.parametrize(("process", "first"), [(diffpure.purify_by_ddpm, 39), (diffpure.purify_by_sde, 40)])
def test_diffpure_runs_the_network_once_a_step(process, first):
    calls = []

    def network(x, step):
        calls.append(int(step[0]))
        return torch.cat([x, x], 1)

    x0, draws = torch.zeros(1, 3, 8, 8), torch.Generator().manual_seed(0)
    process(network, x0, 40, lambda x: torch.randn(x.shape, generator=draws), 4)
    assert len(calls) == 4 and calls[0] == first and calls == sorted(calls, reverse=True)


@pytest.mark.slow
@torch.no_grad()
def test_diffpure_by_ddpm_equals_the_official_code(network):
    values, x0 = golden("diffpure_ddpm")
    close(diffpure.purify_by_ddpm(network, x0, 5, stored(values["t5_noise"])), values["t5_out"])


@pytest.mark.slow
@torch.no_grad()
def test_first_steps_from_t_250_equal_the_official_code(network):
    values, x0 = golden("diffpure_ddpm")
    start, *noises = values["t250_noise"]
    x = diffusion.q_sample(LINEAR, x0, torch.tensor([249, 249]), start)
    close(x, values["t250_trace"][0])
    for step, noise, expected in zip((249, 248, 247, 246), noises, values["t250_trace"][1:], strict=True):
        x, _ = diffusion.p_sample(network, LINEAR, x, step, noise)
        close(x, expected)


@pytest.mark.slow
@torch.no_grad()
def test_diffpure_by_sde_equals_the_official_code(network):
    values, x0 = golden("diffpure_sde")
    noise = stored([values["t10_e"], *values["t10_z"]])
    close(diffpure.purify_by_sde(network, x0, 10, noise), values["t10_out"])


@pytest.mark.parametrize("T", [10, 250])
def test_sde_visits_the_official_times_and_network_steps(T):
    values, _ = golden("diffpure_sde")
    times = diffpure.euler_times(T, 1e-3)
    assert np.array_equal(np.array(times, dtype=float), values[f"t{T}_times"].numpy())
    steps = [((1 - s) * 1000).long().item() for s, _ in times]
    assert steps == values[f"t{T}_disc_steps"].tolist()[1:]  # the official solver asks for the first one twice


def test_low_pass_filter_equals_the_official_code():
    values, x0 = golden("dda")
    low_pass = dda.LowPass(x0)
    torch.testing.assert_close(dda.resized(x0, low_pass.down), values["lowpass_down"], atol=1e-5, rtol=0)
    torch.testing.assert_close(low_pass(x0), values["lowpass_up"], atol=1e-5, rtol=0)


def whole_batch(differences):
    """The published length, over the batch: with it, an image's result depends on its neighbours."""
    return differences.norm()[None]


@pytest.mark.slow
def test_dda_equals_the_official_code(network):
    values, x0 = golden("dda")
    schedule = diffusion.respaced(LINEAR, 100)
    ours = dda.adapt(network, schedule, x0, 3, 6.0, stored(values["N3_noise"]), whole_batch)
    close(ours, values["N3_trace_sample_xstart"][-2])


@pytest.mark.slow
def test_first_steps_of_dda_from_t_250_equal_the_official_code(network):
    values, x0 = golden("dda")
    schedule, low_pass = diffusion.respaced(LINEAR, 100), dda.LowPass(x0)
    start, *noises = values["N25_noise"]
    x = diffusion.q_sample(schedule, x0, torch.tensor([25, 25]), start)
    expected = iter(values["N25_trace_sample_xstart"])
    for step, noise in zip((24, 23, 22), noises, strict=True):
        x, guess = dda.pulled_step(network, schedule, x, step, noise, low_pass, low_pass(x0), 6.0, whole_batch)
        close(x, next(expected))
        close(guess, next(expected))


# ----------------------------------------------------------------------------------------------------- our own choices


@pytest.mark.slow
def test_an_image_is_pulled_by_its_own_distance_alone(network):
    values, x0 = golden("dda")
    schedule, low_pass = diffusion.respaced(LINEAR, 100), dda.LowPass(x0)

    def step(part):
        arguments = (x0[part], 2, values["N3_noise"][1][part], low_pass, low_pass(x0[part]) + 1, 6.0)
        return dda.pulled_step(network, schedule, *arguments)[0]

    torch.testing.assert_close(step(slice(2)), torch.cat([step(slice(1)), step(slice(1, 2))]), atol=1e-5, rtol=0)


def test_dda_takes_the_published_number_of_steps(tiny_adm):
    def start(**settings):
        purify = dda.DDA(DDASettings(weights=tiny_adm, resolution=64, **settings))
        return purify.T, purify.start, len(purify.schedule.betas)

    assert start() == (250, 25, 100)
    assert start(timestep=70, steps=360) == (70, 25, 360)
    assert start(timestep={"paper": 250}) == (70, 25, 358)
    with pytest.raises(ValueError, match="at least 100 are needed"):
        DDASettings(timestep=10, steps=99)
    with pytest.raises(ValueError, match="steps: 3 leave none below T = 250"):
        DDASettings(timestep={"paper": 250}, steps=3)


@pytest.mark.slow
def test_guidance_keeps_low_frequencies(tiny_adm, images):
    def distance(scale):
        settings = DDASettings(weights=tiny_adm, resolution=32, timestep=250, guidance_scale=scale)
        result = dda.DDA(settings)(images, Given(generators(images)))
        return (dda.LowPass(images)(result) - dda.LowPass(images)(images)).norm()

    assert distance(6.0) < 0.8 * distance(0.0)


@pytest.mark.slow
def test_saving_memory_changes_no_result(tiny_adm, images):
    plain, saving = (
        DDASettings(weights=tiny_adm, resolution=32, timestep=30, save_memory=flag) for flag in (False, True)
    )
    results = [dda.DDA(settings)(images, Given(generators(images))) for settings in (plain, saving)]
    assert torch.equal(*results)


@pytest.mark.slow
def test_number_of_images_that_pass_at_once_changes_no_result(tiny_adm, images):
    one, all_ = (DiffPureSettings(weights=tiny_adm, resolution=32, timestep=5, batch=batch) for batch in (1, 8))
    results = [diffpure.DiffPure(settings)(images, Given(generators(images))) for settings in (one, all_)]
    torch.testing.assert_close(*results, atol=1e-5, rtol=0)


@pytest.mark.parametrize(  # few images and steps, since most processors only emulate bfloat16
    ("method", "settings", "timestep"), [(diffpure.DiffPure, DiffPureSettings, 10), (dda.DDA, DDASettings, 30)]
)
def test_bfloat16_moves_results_by_rounding(tiny_adm, images, method, settings, timestep):
    def result(dtype):
        purifier = method(settings(weights=tiny_adm, resolution=32, timestep=timestep, dtype=dtype))
        return purifier(images[:2], Given(generators(images[:2])))

    full, short = result("float32"), result("bfloat16")
    assert short.dtype == torch.float32
    assert 0 < (short - full).abs().mean() < 2 / 255


@pytest.mark.slow
def test_processes_differ_and_stronger_noise_moves_further(tiny_adm, images):
    def result(**values):
        settings = DiffPureSettings(weights=tiny_adm, resolution=32, **values)
        return diffpure.DiffPure(settings)(images, Given(generators(images)))

    assert not torch.allclose(result(timestep=9), result(timestep=9, process="ddpm"), atol=1e-3)
    weak, strong = ((result(timestep=T) - images).abs().mean() for T in (1, 30))
    assert weak < strong


def test_network_works_at_its_own_resolution_in_minus_one_to_one(tiny_adm, images):
    settings, seen = DiffPureSettings(weights=tiny_adm, resolution=16), []
    network = diffusion.load_network(settings)

    def purify(x, noise):
        seen.append(x)
        return x

    result = diffusion.purified(purify, images, generators(images), settings, network)
    smaller = torch.nn.functional.interpolate(images, (16, 16), mode="bilinear")
    torch.testing.assert_close(seen[0], smaller * 2 - 1)
    torch.testing.assert_close(result, torch.nn.functional.interpolate(smaller, (32, 32), mode="bilinear"))


def test_missing_weights_are_named():
    with pytest.raises(UserError, match="^nowhere/adm.safetensors: no such weights file$"):
        diffpure.DiffPure(DiffPureSettings(weights="nowhere/adm.safetensors"))


def test_resolution_that_the_network_cannot_halve_is_an_error(tiny_adm):
    with pytest.raises(UserError, match="resolution: 33 px do not suit .*multiples of 2"):
        dda.DDA(DDASettings(weights=tiny_adm, resolution=33))


@pytest.mark.parametrize("method", [diffpure.DiffPure, dda.DDA])
@pytest.mark.parametrize("wrong", [255.0, -1.0, float("nan")])
def test_images_out_of_range_are_an_error(tiny_adm, images, method, wrong):
    settings = {diffpure.DiffPure: DiffPureSettings, dda.DDA: DDASettings}[method](weights=tiny_adm, resolution=32)
    images[1, 0, 2, 3] = wrong
    with pytest.raises(UserError, match=r"images in \[0, 1\] are purified, found"):
        method(settings)(images, Given(generators(images)))
