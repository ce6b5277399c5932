"""Controls are as strong as what they stand beside, and no stronger."""

import pytest
import torch

from cosalpure import seeds
from cosalpure.degrade import create
from cosalpure.degrade.jadena import polynomial_basis
from cosalpure.errors import UserError
from cosalpure.protocols import Given


@pytest.fixture
def grey():
    return torch.full((4, 3, 32, 32), 0.5)


def generators(count=4):
    return [seeds.generator(0, i) for i in range(count)]


def test_sign_noise_uses_the_whole_bound_and_both_signs(grey):
    noise = create("random_noise", epsilon=16 / 255)(grey, Given(generators())) - grey
    torch.testing.assert_close(noise.abs(), torch.full_like(noise, 16 / 255))
    assert noise.mean().abs() < 0.1 * 16 / 255


def test_uniform_noise_fills_the_bound(grey):
    noise = create("random_noise", epsilon=0.1, distribution="uniform")(grey, Given(generators())) - grey
    assert 0.099 < noise.abs().max() <= 0.1 + 1e-6
    assert noise.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)


def test_noise_distribution_is_checked():
    with pytest.raises(UserError, match="distribution: .*'sign' or 'uniform', found 'normal'"):
        create("random_noise", distribution="normal")


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.5])
def test_exposure_has_the_strength_asked_for_and_is_a_polynomial(strength):
    dark = torch.full((4, 3, 32, 32), 0.02)  # so dark that nothing saturates
    field = (create("random_exposure", strength=strength, degree=3)(dark, Given(generators())) / dark).log()[:, 0]
    torch.testing.assert_close(field.square().mean((1, 2)).sqrt(), torch.full((4,), strength), atol=1e-4, rtol=0)
    basis = polynomial_basis(32, 32, 3).T
    fitted = basis @ torch.linalg.lstsq(basis, field.flatten(1).T).solution
    torch.testing.assert_close(fitted.T, field.flatten(1), atol=1e-3, rtol=0)


def test_exposures_of_two_images_differ(grey):
    exposed = create("random_exposure")(grey, Given(generators()))
    assert not torch.equal(exposed[0], exposed[1])


@pytest.mark.parametrize(
    ("name", "weak", "strong"),
    [
        ("jpeg", {"quality": 95}, {"quality": 10}),
        ("blur", {"sigma": 0.5}, {"sigma": 3}),
        ("resize", {"factor": 0.9}, {"factor": 0.2}),
        ("random_exposure", {"strength": 0.1}, {"strength": 1.0}),
    ],
)
def test_strength_is_a_setting(name, weak, strong):
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    little, much = (
        (create(name, **values)(images, Given(generators())) - images).square().mean() for values in (weak, strong)
    )
    assert 0 < little < much
