"""Jadena against the official code's own results (tests/golden/jadena.npz), and what it promises beyond them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cosalpure import networks
from cosalpure.degrade import DEGRADATIONS, create
from cosalpure.degrade.jadena import FLOW_CELL, Jadena, Moments, polynomial_basis
from cosalpure.degrade.settings import JadenaSettings
from cosalpure.degrade.surrogate import Surrogate
from cosalpure.errors import UserError
from cosalpure.protocols import Given

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
import loader

HALF_LEVEL = 0.5 / 255


def jadena(surrogate, **settings):
    return Jadena(JadenaSettings(**settings), surrogate)


@pytest.fixture(scope="module")
def golden():
    return loader.golden("jadena")


class TinyFeatures(nn.Module):
    """The golden file's `tiny` surrogate: four stages of 3 x 3 convolution and Softplus, the last three used."""

    def __init__(self):
        super().__init__()
        channels = loader.TINY_CHANNELS
        stages = [
            nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=1 if i == 0 else 2, padding=1), nn.Softplus())
            for i, (inputs, outputs) in enumerate(zip(channels, channels[1:], strict=False))
        ]
        self.layers = nn.ModuleList(stages)
        self.layers.load_state_dict(loader.state_dict("tiny"))

    def forward(self, images):
        maps = [networks.normalise(images)]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[2:]


@pytest.fixture(scope="module")
def tiny():
    return TinyFeatures().requires_grad_(False)


def image_of(golden, case):
    return torch.from_numpy(golden[f"{case}__image_u8"])[None].float() / 255


def difference(ours, official):
    return (ours - torch.from_numpy(official).float()).abs()


# --- golden -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", ["tiny", "tiny_black"])
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_first_steps_equal_the_official_ones(golden, tiny, case, steps):
    result = jadena(tiny, steps=steps).attack(image_of(golden, case))
    assert difference(result.images[0], golden[f"{case}__pert0_step{steps}"]).max() < 1e-4
    assert difference(result.exposure[0], golden[f"{case}__bias_field0_step{steps}"]).max() < 1e-4


def assert_attack_is_golden(result, golden, case):
    assert difference(result.images[0], golden[f"{case}__pert0"]).max() < 1e-4
    assert difference(result.noise[0], golden[f"{case}__noise0"]).max() < 1e-4
    assert difference(result.exposure[0], golden[f"{case}__bias_field0"]).max() < 1e-4
    assert difference(result.grid[0], golden[f"{case}__spatial_tuning0"]).max() < 1e-4
    np.testing.assert_allclose(result.variations[:, 0], golden[f"{case}__losses"], atol=1e-5)


def test_whole_attack_equals_the_official_one_on_an_image_with_black_pixels(golden, tiny):
    image = image_of(golden, "tiny_black")
    assert (image == 0).any()
    assert_attack_is_golden(jadena(tiny).attack(image), golden, "tiny_black")


def test_whole_attack_strays_from_the_official_one_on_few_pixels_only(golden, tiny):
    """On this image twenty sign steps amplify rounding: float32 and float64 of the official code part ways too."""
    result = jadena(tiny).attack(image_of(golden, "tiny"))
    assert (difference(result.images[0], golden["tiny__pert0"]) > HALF_LEVEL).float().mean() < 0.02
    np.testing.assert_allclose(result.variations[:, 0], golden["tiny__losses"], atol=1e-3)


@pytest.mark.slow
def test_whole_attack_on_resneta50b_equals_the_official_one(golden):
    network = networks.build("resneta50b")
    network.load_state_dict(loader.state_dict("resneta50b"))
    surrogate = Surrogate("resneta50b", network.eval().requires_grad_(False))
    assert_attack_is_golden(jadena(surrogate).attack(image_of(golden, "resneta50b")), golden, "resneta50b")


def test_variant_single_equals_the_official_one(golden, tiny):
    result = jadena(tiny, variant="single").attack(image_of(golden, "tiny"))
    assert difference(result.images[0], golden["tiny_single__pert0"]).max() < 1e-4
    np.testing.assert_allclose(result.variations[:, 0], golden["tiny_single__losses"], atol=1e-5)


def test_variant_group_equals_the_official_one_for_the_official_draw(golden, tiny):
    group = torch.from_numpy(golden["tiny_group__images_u8"]).float() / 255
    result = jadena(tiny, variant="group").attack(group[:1], companions=group[1:, None])
    assert difference(result.images[0], golden["tiny_group__pert0"]).max() < 1e-4
    np.testing.assert_allclose(result.variations[:, 0], golden["tiny_group__losses"], atol=1e-5)


# --- promises ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def images():
    low = torch.rand(3, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    return nn.functional.interpolate(low, size=(32, 32), mode="bicubic").clamp(0, 1)


def generators(count, seed):
    """One generator an image."""
    return [torch.Generator().manual_seed(1000 * seed + i) for i in range(count)]


@pytest.mark.parametrize("images_per_batch", [1, 2, 8])
def test_images_of_a_batch_are_independent_attacks(images, tiny, images_per_batch):
    together = jadena(tiny, steps=5, images_per_batch=images_per_batch).attack(images)
    for i, image in enumerate(images):
        alone = jadena(tiny, steps=5).attack(image[None])
        torch.testing.assert_close(together.images[i], alone.images[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together.losses[:, i], alone.losses[:, 0], atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["augment", "single", "group"])
def test_a_batch_of_eight_equals_eight_single_runs(images, tiny, variant):
    eight = torch.cat([images, images.flip(-1), images.flip(-2)[:2]])
    attack = jadena(tiny, variant=variant, steps=5)
    together = attack(eight, Given(generators(8, 0), group=eight))
    for i, image in enumerate(eight):
        alone = attack(image[None], Given(generators(8, 0)[i : i + 1], group=eight))
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=0)


def test_attack_is_reproducible_and_augment_draws_no_numbers(images, tiny):
    draws = generators(3, 0)
    before = [generator.get_state() for generator in draws]
    first = jadena(tiny, steps=3)(images, Given(draws))
    assert torch.equal(first, jadena(tiny, steps=3)(images, Given(generators(3, 1))))
    assert all(torch.equal(state, generator.get_state()) for state, generator in zip(before, draws, strict=True))


def test_group_companions_come_from_the_generator(images, tiny):
    attack = jadena(tiny, variant="group", steps=1)
    many = images.repeat(3, 1, 1, 1) * torch.linspace(0.2, 1, 9).view(9, 1, 1, 1)
    draws = [attack.companions(many, Given(generators(9, seed))) for seed in (0, 0, 1)]
    assert draws[0].shape == (4, 9, 3, 32, 32)
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    assert torch.equal(draws[0][:, :2], attack.companions(many[:2], Given(generators(9, 0)[:2], group=many)))


def test_group_companions_come_from_the_whole_group(images, tiny):
    attacked, group = images[:1], torch.cat([images[:1], images.flip(-1), images.flip(-2)])
    companions = jadena(tiny, variant="group").companions(attacked, Given(generators(1, 0), group=group))
    assert companions.shape == (4, 1, 3, 32, 32)
    assert all(any(torch.equal(view[0], image) for image in group) for view in companions)
    attack = jadena(tiny, variant="group", steps=2)
    attacks = [attack(attacked, Given(generators(1, 0), group=whole)) for whole in (None, group)]
    assert not torch.equal(*attacks)


def test_attack_lowers_the_variation_of_features(golden, tiny):
    variations = jadena(tiny).attack(image_of(golden, "tiny_black")).variations[:, 0]
    assert variations[-1] < variations[0]


def test_noise_and_image_stay_in_bounds_and_no_step_changes_nothing(images, tiny):
    result = jadena(tiny, epsilon=4 / 255, steps=8).attack(images)
    assert result.noise.abs().max() == pytest.approx(4 / 255)
    assert 0 <= result.images.min() and result.images.max() <= 1
    assert result.images.shape == images.shape and result.images.dtype == torch.float32
    assert result.losses.shape == (9, 3)
    torch.testing.assert_close(jadena(tiny, steps=0)(images), images, atol=1e-6, rtol=0)


def test_attack_works_inside_no_grad_and_leaves_the_surrogate_without_gradients(images, tiny):
    surrogate = TinyFeatures()
    with torch.no_grad():
        attacked = jadena(surrogate, steps=2)(images)
    assert torch.equal(attacked, jadena(tiny, steps=2)(images))
    assert all(parameter.grad is None for parameter in surrogate.parameters())


def test_huge_exposure_saturates_instead_of_overflowing(images, tiny):
    result = jadena(tiny, exposure_step=5.0, lambda_exposure=0.0, steps=4).attack(images)
    assert result.exposure.max() > 89  # exp overflows float32 from here on
    assert result.images.isfinite().all() and result.losses.isfinite().all()


def test_a_channel_that_is_constant_counts_as_no_variation(images):
    def surrogate(x):
        return [torch.cat([x, 0 * x], dim=1)]

    result = jadena(surrogate, variant="single", steps=3).attack(images)
    expected = torch.stack([surrogate(image[None])[0].flatten(2).std(-1).mean() for image in images])
    torch.testing.assert_close(result.variations[0], expected)
    assert result.losses.isfinite().all()


def test_moments_of_parts_add_up_to_those_of_the_whole():
    features = torch.randn(2, 5, 7, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 3
    parts = Moments.of(features[..., :4]) + Moments.of(features[..., 4:])
    torch.testing.assert_close(parts.std(), features.flatten(2).std(-1))


def test_polynomial_has_66_terms_of_degree_10():
    basis = polynomial_basis(8, 16, 10)
    assert basis.shape == (66, 8 * 16)
    assert basis[0].eq(1).all()  # x^0 y^0
    torch.testing.assert_close(basis[1].view(8, 16)[:, 3], torch.linspace(-1, 1, 8))  # x^0 y^1
    torch.testing.assert_close(basis[11].view(8, 16)[2], torch.linspace(-1, 1, 16))  # x^1 y^0


# --- mistakes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(1, 3, 16, 24), "must be square, not 24x16"),
        (torch.full((1, 3, 16, 16), -0.1), r"\[0, 1\]"),
        (torch.full((1, 3, 16, 16), 1.1), r"\[0, 1\]"),
        (torch.full((1, 3, 16, 16), torch.nan), "NaN"),
        (torch.rand(1, 1, 16, 16), "shape"),
        (torch.rand(0, 3, 16, 16), "shape"),
        (torch.rand(1, 3, FLOW_CELL - 1, FLOW_CELL - 1), "at least 8x8"),
    ],
)
def test_invalid_images_are_refused(tiny, images, message):
    with pytest.raises(UserError, match=message):
        jadena(tiny)(images)


def test_a_loss_that_is_not_finite_is_an_error_not_a_silent_no_op(images):
    with pytest.raises(UserError, match="not finite at step 0"):
        jadena(lambda x: [x / 0])(images)


def test_a_gradient_that_is_not_finite_is_an_error_not_a_silent_no_op(images):
    with pytest.raises(UserError, match="gradient is not finite at step 0"):
        jadena(lambda x: [(x - x.detach()).sqrt() + x], variant="single")(images)


def test_variant_single_takes_images_that_are_not_square(tiny):
    images = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    assert jadena(tiny, variant="single", steps=1)(images).shape == images.shape


def test_none_returns_the_same_images(images):
    assert create("none")(images) is images


def test_registry_names_the_choices_and_refuses_unknown_settings(tiny):
    assert DEGRADATIONS.names()[:2] == ["none", "jadena"]
    with pytest.raises(UserError, match="unknown degradation 'jadina'.*did you mean 'jadena'"):
        create("jadina")
    with pytest.raises(UserError, match="degradation 'jadena': strength: unknown key"):
        create("jadena", strength=1)
    with pytest.raises(UserError, match="degradation 'jadena': variant: .*'augment'.*found 'augmented'"):
        create("jadena", variant="augmented")
