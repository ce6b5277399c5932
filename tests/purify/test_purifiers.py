"""Contract of every registered purifier, and what CosalPure's own steps must be."""

import pytest
import torch

from cosalpure.concept import Concept
from cosalpure.contract.promises import outcomes
from cosalpure.contract.subject import Subject
from cosalpure.diffusion.samplers import ddpm, dpm_solver_pp_2m, guided, randn, timesteps
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError
from cosalpure.protocols import Given
from cosalpure.purify import PURIFIERS, create
from cosalpure.purify.cosalpure import CosalPure
from cosalpure.purify.settings import CosalPureSettings
from cosalpure.seeds import generator

QUICK = {
    "cosalpure": {"timestep": 100, "steps": 50},
    "diffpure": {"timestep": 3, "resolution": 32},
    "dda": {"timestep": 30, "resolution": 32},
    "continuous": {"resolution": 48},
}


@pytest.fixture
def quick(tiny_adm, tiny_liif):
    """A function of a purifier's name: its settings, with tiny weights where it has weights of its own."""
    weights = {"continuous": tiny_liif, "diffpure": tiny_adm, "dda": tiny_adm}

    def settings(name):
        own = {"weights": str(weights[name])} if name in weights else {}
        return PURIFIERS.get(name).settings(**QUICK.get(name, {}), **own)

    return settings


@pytest.fixture(params=PURIFIERS.names())
def purifier(request, quick, tiny_model):
    return PURIFIERS.make(request.param, quick(request.param), lambda: tiny_model)


@pytest.fixture
def concept(tiny_model):
    return Concept("<my-goat>", tiny_model.word_vector("goat"))


def generators(images, seed=0):
    return [generator(seed, index) for index in range(len(images))]


@pytest.mark.slow
@pytest.mark.parametrize("name", PURIFIERS.names())
def test_every_promise_is_kept(name, quick, tiny_model):
    subject = Subject.make(PURIFIERS, name, quick(name), lambda: tiny_model)
    assert [str(its) for its in outcomes(subject) if not its.kept] == []


@pytest.mark.slow
def test_images_keep_shape_and_range(purifier, images, concept):
    purified = purifier(images, Given(generators(images), concept=concept))
    assert purified.shape == images.shape and purified.dtype == torch.float32
    assert purified.min() >= 0 and purified.max() <= 1


@pytest.mark.slow
def test_results_repeat_and_do_not_depend_on_the_batch(purifier, images, concept):
    together = purifier(images, Given(generators(images), concept=concept))
    again = purifier(images, Given(generators(images), concept=concept))
    assert torch.equal(together, again)
    alone = [purifier(images[i : i + 1], Given([generator(0, i)], concept=concept)) for i in range(len(images))]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", PURIFIERS.names())
def test_only_purifiers_that_say_so_load_the_text_to_image_model(name, quick, tiny_model):
    loads = []
    PURIFIERS.make(name, quick(name), lambda: loads.append(1) or tiny_model)
    assert bool(loads) == ("model" in PURIFIERS.get(name).needs_of(quick(name)))


def test_unknown_purifier_lists_the_choices():
    with pytest.raises(UserError, match="unknown purifier 'cosalpur'.*did you mean 'cosalpure'.*source_only"):
        create("cosalpur")


def test_source_only_changes_nothing(images):
    assert torch.equal(create("source_only")(images), images)


@pytest.mark.slow
def test_noise_comes_from_each_images_own_generator(tiny_model, images, concept):
    purify = CosalPure(CosalPureSettings(timestep=100), lambda: tiny_model)
    a, b = (purify(images, Given(generators(images, seed), concept=concept)) for seed in (1, 2))
    assert (a - b).abs().amax((1, 2, 3)).min() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cosalpure", "vae_round_trip"])
def test_the_resolution_of_a_purifier_is_its_own(name, tiny_pipeline, tiny_model, images, concept):
    own = PURIFIERS.make(name, PURIFIERS.get(name).settings(resolution=64), lambda: tiny_model)
    models = PURIFIERS.make(name, PURIFIERS.get(name).settings(), lambda: TextToImage(tiny_pipeline, resolution=64))
    smaller = PURIFIERS.make(name, PURIFIERS.get(name).settings(), lambda: tiny_model)
    purified, same, other = (
        purify(images, Given(generators(images), concept=concept)) for purify in (own, models, smaller)
    )
    assert torch.equal(purified, same)
    assert not torch.allclose(purified, other, atol=1e-3) and tiny_model.resolution == 32


@pytest.mark.slow
def test_the_prompt_decides(tiny_model, images, concept):
    settings = CosalPureSettings(timestep=500)
    ours = CosalPure(settings, lambda: tiny_model)(images, Given(generators(images), concept=concept))
    none = CosalPure(settings.model_copy(update={"prompt": "None"}), lambda: tiny_model)(
        images, Given(generators(images))
    )
    word = CosalPure(settings.model_copy(update={"prompt": "goat"}), lambda: tiny_model)(
        images, Given(generators(images))
    )
    assert not torch.allclose(ours, none, atol=1e-4)
    torch.testing.assert_close(ours, word)  # this concept's vector is that word's


def test_a_concept_that_is_needed_and_not_given_is_an_error(tiny_model, images):
    with pytest.raises(UserError, match="needs a learned concept, but none was given"):
        CosalPure(CosalPureSettings(), lambda: tiny_model)(images, Given(generators(images)))


def test_guidance_scale_one_is_the_condition_alone(tiny_model):
    z = torch.randn(2, 4, 8, 8, generator=generator(0))

    def denoised(scale):
        condition, empty = (tiny_model.embed([text]) for text in ("goat", ""))
        return guided(tiny_model, condition, empty, scale)(z, 100)

    torch.testing.assert_close(denoised(1.0), denoised(1.0 + 1e-9), atol=1e-5, rtol=0)
    assert not torch.allclose(denoised(1.0), denoised(3.0), atol=1e-4)


def test_an_equal_negative_prompt_changes_nothing(tiny_model, images):
    # Guidance away from what it leads to: the control `empty_prompt` is the model without any text.
    def purified(**settings):
        purify = CosalPure(CosalPureSettings(timestep=100, prompt="", **settings), lambda: tiny_model)
        return purify(images, Given(generators(images)))

    torch.testing.assert_close(purified(guidance_scale=7.5), purified(guidance_scale=1.0))


@pytest.mark.slow
def test_the_class_name_is_the_groups_label(tiny_model, images):
    settings = CosalPureSettings(timestep=500, prompt="a photo of {class_name}")
    purify = CosalPure(settings, lambda: tiny_model)
    word = CosalPure(settings.model_copy(update={"prompt": "a photo of goat"}), lambda: tiny_model)
    named = purify(images, Given(generators(images), label="goat"))
    torch.testing.assert_close(named, word(images, Given(generators(images))))
    with pytest.raises(UserError, match="needs the name of the group"):
        purify(images, Given(generators(images)))


def test_timesteps_are_the_official_ones():
    from golden import loader

    assert timesteps(250, 50) == loader.golden("dpm_img2img")["timesteps"].tolist()
    assert timesteps(250, 50) == [240, 220, 200, 180, 160, 140, 120, 100, 80, 60, 40, 20]
    assert timesteps(40, 250)[0] <= 40 and timesteps(40, 250)[-1] > 0


def test_dpm_solver_walks_the_official_path():
    # The stored latents give the network's x_0 at every step by the published update, solved for x_0; that this is
    # right, the other stored result says: newer diffusers end on the last x_0 itself.
    from golden import loader

    golden = {key: torch.from_numpy(value).double() for key, value in loader.golden("dpm_img2img").items()}
    alpha_bar, z, steps = golden["alphas_cumprod"], golden["trace"], golden["timesteps"].int().tolist()
    alpha, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    log_snr = torch.log(alpha / sigma)
    start = alpha[steps[0]] * golden["x0"] + sigma[steps[0]] * golden["noise"]
    torch.testing.assert_close(start, z[0], atol=1e-4, rtol=0)
    x0 = {}
    for k, (s, t) in enumerate(zip(steps, [*steps[1:], 0], strict=True)):
        slope = (z[k + 1] - sigma[t] / sigma[s] * z[k]) / (alpha[t] * (1 - torch.exp(log_snr[s] - log_snr[t])))
        if k == 0:
            x0[s] = slope
        else:
            before = steps[k - 1]
            r = (log_snr[s] - log_snr[before]) / (log_snr[t] - log_snr[s])
            x0[s] = (slope + x0[before] / (2 * r)) / (1 + 1 / (2 * r))
    torch.testing.assert_close(x0[steps[-1]], golden["final_diffusers_0_42_default"], atol=1e-4, rtol=0)

    visited = []

    def denoise(latents, s):
        visited.append(latents)
        return x0[s]

    end = dpm_solver_pp_2m(denoise, start, steps, alpha_bar)
    torch.testing.assert_close(torch.stack([*visited, end]), z, atol=1e-4, rtol=0)


def test_ddpm_is_the_papers_equation_10():
    alpha_bar = torch.linspace(0.999, 0.01, 1000).double()
    alpha = alpha_bar / torch.cat([torch.ones(1), alpha_bar[:-1]])
    x0, start, noises = (torch.randn(4, 1, 2, 3, generator=generator(n)).double() for n in range(3))
    drawn = iter(noises)
    end = ddpm(lambda z, t: 0.5 * z + x0[t], start[0], 4, alpha_bar, lambda z: next(drawn))
    z = start[0]
    for t in (3, 2, 1):
        clean = 0.5 * z + x0[t]
        mean = alpha_bar[t - 1].sqrt() * (1 - alpha[t]) / (1 - alpha_bar[t]) * clean
        mean = mean + alpha[t].sqrt() * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * z
        z = mean + ((1 - alpha[t]) * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])).sqrt() * noises[3 - t]
    torch.testing.assert_close(end, 0.5 * z + x0[0])


def test_ddpm_equals_diffusers():
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False)
    z = start = torch.randn(1, 4, 6, 6, generator=generator(1))

    def network(z, t):  # epsilon
        return torch.sin(1.7 * z + 0.01 * t) + 0.3 * z.flip(-1)

    def denoise(z, t):
        alpha_bar = scheduler.alphas_cumprod[t]
        return (z - (1 - alpha_bar).sqrt() * network(z, t)) / alpha_bar.sqrt()

    stock, own = generator(7), generator(7)
    for t in range(59, -1, -1):
        z = scheduler.step(network(z, t), t, z, generator=stock).prev_sample
    ours = ddpm(denoise, start, 60, scheduler.alphas_cumprod, lambda z: randn(z, [own]))
    torch.testing.assert_close(ours, z, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_dpm_solver_equals_diffusers(prediction):
    # diffusers' own scheduler, set to end where version 0.16.1 did, with a made-up nonlinear network.
    from diffusers import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=prediction,
        final_sigmas_type="sigma_min",
        lower_order_final=False,
    )
    scheduler.set_timesteps(50)
    alpha_bar = scheduler.alphas_cumprod

    def network(z, t):
        return torch.sin(1.7 * z + 0.01 * t) + 0.3 * z.flip(-1)

    def denoise(z, t):
        a, s = alpha_bar[t].sqrt(), (1 - alpha_bar[t]).sqrt()
        return a * z - s * network(z, t) if prediction == "v_prediction" else (z - s * network(z, t)) / a

    steps = timesteps(250, 50)
    z = start = torch.randn(1, 4, 6, 6, generator=generator(1))
    scheduler.set_begin_index(50 - len(steps))
    for t in scheduler.timesteps[50 - len(steps) :]:
        z = scheduler.step(network(z, int(t)), t, z).prev_sample
    ours = dpm_solver_pp_2m(denoise, start, steps, alpha_bar)
    assert scheduler.timesteps[50 - len(steps) :].tolist() == steps
    torch.testing.assert_close(ours, z, atol=2e-4, rtol=1e-3)


def test_dpm_solver_recovers_a_point():
    # If the network always sees the same clean latents, the run ends on them, up to what is left at t = 0.
    alpha_bar = torch.linspace(0.9999, 0.01, 1000)
    x0 = torch.randn(1, 4, 6, 6, generator=generator(2))
    noise = torch.randn(1, 4, 6, 6, generator=generator(3))
    steps = timesteps(500, 50)
    start = alpha_bar[steps[0]].sqrt() * x0 + (1 - alpha_bar[steps[0]]).sqrt() * noise
    end = dpm_solver_pp_2m(lambda z, t: x0, start, steps, alpha_bar)
    torch.testing.assert_close(end, alpha_bar[0].sqrt() * x0 + (1 - alpha_bar[0]).sqrt() * noise, atol=1e-4, rtol=0)
