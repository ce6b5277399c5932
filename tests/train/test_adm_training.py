"""The unconditional model's training: reproducible, resumable, and its losses are the papers'."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from cosalpure import networks
from cosalpure.data.mini import MiniWorld
from cosalpure.diffusion import unconditional as diffusion
from cosalpure.seeds import generator
from cosalpure.train import adm

TINY = adm.ADMSettings(
    channel_mult=(1, 1),
    attention=(),
    scenes=2,
    portraits=1,
    steps=4,
    batch=2,
    warmup=1,
    checkpoint_every=2,
    log_every=1,
)
SCHEDULE = diffusion.linear_schedule()


def random(name="test"):
    return generator(0, name)


@pytest.fixture
def few_concepts(monkeypatch):
    everything = MiniWorld.concepts
    monkeypatch.setattr(MiniWorld, "concepts", lambda self, split: everything(self, split)[:3])


@pytest.mark.slow
def test_resumed_training_is_the_training_never_stopped(tmp_path, few_concepts, interrupted):
    result = adm.train_adm(tmp_path / "whole.safetensors", TINY)
    assert set(result["dev_loss"]) == set(adm.DEV_TIMES) and len(result["concepts"]) == 3
    with interrupted(adm, "hybrid_loss"):
        adm.train_adm(tmp_path / "halves.safetensors", TINY)
    adm.train_adm(tmp_path / "halves.safetensors", TINY)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "halves.safetensors").read_bytes()
    assert len((tmp_path / "whole/dev.jsonl").read_text().splitlines()) == 2
    network = networks.load("adm", tmp_path / "whole.safetensors")
    assert network(torch.zeros(1, 3, 64, 64), torch.tensor([5])).shape == (1, 6, 64, 64)


def test_bound_trains_the_variance_and_the_error_trains_epsilon():
    output = torch.zeros(2, 6, 8, 8, requires_grad=True)
    x0, noise = (torch.rand(2, 3, 8, 8, generator=random(name)) for name in ("x0", "noise"))
    losses = adm.hybrid_loss(lambda x, t: output, SCHEDULE, x0, torch.tensor([5, 300]), noise)
    (of_bound,) = torch.autograd.grad(losses["vlb"], output, retain_graph=True)
    (of_error,) = torch.autograd.grad(losses["simple"], output)
    assert of_bound[:, :3].abs().max() == 0 < of_bound[:, 3:].abs().min()
    assert of_error[:, 3:].abs().max() == 0 < of_error[:, :3].abs().min()


def test_bound_is_the_divergence_of_the_two_gaussians():
    x0, noise, epsilon, v = (torch.randn(1, 3, 4, 4, generator=random(name)) for name in "abcd")
    t = torch.tensor([70])
    x = diffusion.q_sample(SCHEDULE, x0, t, noise)
    guess = diffusion.predict_x0(SCHEDULE, x, epsilon, t)
    stds = (diffusion.log_variance(SCHEDULE, torch.full_like(v, -1.0), t), diffusion.log_variance(SCHEDULE, v, t))
    true, model = (
        Normal(diffusion.posterior_mean(SCHEDULE, clean, x, t), torch.exp(0.5 * std))
        for clean, std in zip((x0, guess), stds, strict=True)
    )
    expected = kl_divergence(true, model).mean() / torch.log(torch.tensor(2.0))
    torch.testing.assert_close(adm.bound(SCHEDULE, x0, x, t, epsilon, v)[0], expected, rtol=1e-4, atol=0)


def test_bound_of_the_last_step_counts_every_level_once():
    levels = torch.arange(256) / 127.5 - 1
    mean, log_variance = torch.full((256,), 0.1), torch.full((256,), -2.0)
    assert adm.levels_log_likelihood(levels, mean, log_variance).exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_timesteps_come_from_the_low_range_as_often_as_set():
    t = adm.draw_timesteps(random(), 20_000, low_t=0.8, low_t_below=150)
    assert 0 == t.min() and t.max() == 999
    assert (t < 150).float().mean().item() == pytest.approx(0.8, abs=0.01)


def test_views_stay_sharp_and_within_range():
    images = (torch.rand(64, 3, 32, 32, generator=random()) > 0.5).float()
    masks = torch.zeros(64, 1, 32, 32)
    views = adm.clean_views(images, masks, random("views"))
    assert 0 <= views.min() and views.max() <= 1 and torch.equal(views, adm.clean_views(images, masks, random("views")))
    before, after = ((part[..., 1:] - part[..., :-1]).abs().mean((1, 2, 3)) for part in (images, views))
    assert ((after / before) > 0.8).all()  # darkened by .82 at most; bilinear zooms leave less than .7
