"""Jadena: joint adversarial exposure and noise attack on co-salient object detection.

Gao et al., "Can You Spot the Chameleon? Adversarially Camouflaging Images from Co-Salient Object Detection",
CVPR 2022. Written after the authors' code (tsingqguo/jadena, MIT) and its settings in the CosalPure repository;
tests/golden/jadena.npz holds the official code's own results.

A black box for the detector under attack: the loss is how much the features of a surrogate classifier *vary* over
the image and over a few companion views. Pulling that variance down hides the common object. Two things are tuned,

    attacked = clamp(exp(log(image) + warp(field)) + noise, 0, 1)

the exposure, a smooth multiplicative field, and an additive noise of at most `epsilon`.

What differs from the official code changes results by rounding alone: every image of a batch has its own loss and its
own gradient, so many run at once; the companion views never change, so their features are computed once instead of at every step and enter
only as a mean and a sum of squares (five times fewer forward passes); the field is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cosalpure.degrade.settings import JadenaSettings
from cosalpure.degrade.surrogate import Surrogate
from cosalpure.errors import UserError
from cosalpure.protocols import NOTHING, Given

# lambda_b, the weight of the exposure penalty, is larger when there are no companions to hold the field back
LAMBDA_EXPOSURE = {"augment": 0.01, "group": 0.01, "single": 0.5}
COMPANIONS = 4  # images of the same group beside the attacked one, variant "group"
FLOW_CELL = 8  # pixels of an edge of one cell of the flow grid ("tune_scale" in the official code)
LOG_WHITE = 10.0  # exp(10) is white whatever the noise: cutting here changes no pixel and no gradient, only overflow


@dataclass
class AttackResult:
    """What an attack on N images leaves behind, all detached."""

    images: torch.Tensor  # (N, 3, H, W), RGB, [0, 1]: the attacked images
    losses: torch.Tensor  # (steps + 1, N): what is minimised, before the first step, ..., after the last
    variations: torch.Tensor  # (steps + 1, N): its first part, how much the surrogate's features vary
    noise: torch.Tensor  # (N, 3, H, W), [-epsilon, epsilon]
    exposure: torch.Tensor  # (N, 1, H, W): log of the factor on the image's brightness, after the warp; unbounded
    grid: torch.Tensor  # (N, H, W, 2): where the warp reads the field, (x, y) in [-1, 1]


@dataclass
class Moments:
    """Count, mean and sum of squared deviations per image and channel, (N, C), of features at many positions."""

    count: int
    mean: torch.Tensor
    squares: torch.Tensor

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """Take the moments of features (N, C, ...) over everything behind the channel."""
        features = features.flatten(2)
        mean = features.mean(-1)
        return cls(features.shape[-1], mean, (features - mean[..., None]).square().sum(-1))

    def __add__(self, other: Moments) -> Moments:
        """Join the moments of both sets together (Chan et al. 1979)."""
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        return Moments(count, mean, self.squares + other.squares + delta.square() * (self.count * other.count / count))

    def std(self) -> Tensor:
        """Compute the unbiased standard deviation (N, C); its gradient is 0, not NaN, for a channel that is constant."""
        constant = self.squares == 0
        return torch.where(constant, 1.0, self.squares).div(self.count - 1).sqrt().masked_fill(constant, 0.0)


def augment(images: Tensor) -> Tensor:
    """Make the four companion views (4, N, 3, S, S) of images (N, 3, S, S): two flips and two quarter turns."""
    turns = [images.rot90(dims=(-2, -1)), images.rot90(dims=(-1, -2))]
    return torch.stack([images.flip(-1), images.flip(-2), *turns])


def draw_companions(group: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw up to four images of `group` (M, 3, H, W) by each of N generators, without replacement: (4, N, 3, H, W).

    The attacked image may be among its own companions, as published.
    """
    drawn = [torch.randperm(len(group), generator=generator)[:COMPANIONS] for generator in generators]
    return group[torch.stack(drawn, dim=1)]


def polynomial_basis(height: int, width: int, degree: int) -> Tensor:
    """Evaluate the terms x^t y^l with t + l <= degree: (K, H * W).

    x runs over the columns and y over the rows, both in [-1, 1].
    """
    x = torch.linspace(-1, 1, width)[None, :]
    y = torch.linspace(-1, 1, height)[:, None]
    terms = [x**t * y**l for t in range(degree + 1) for l in range(degree - t + 1)]  # noqa: E741
    return torch.stack(terms).flatten(1)


def identity_grid(height: int, width: int) -> Tensor:
    """Make the grid (H, W, 2) that reads every pixel where it stands, (x, y) in [-1, 1]."""
    x = torch.linspace(-1, 1, width)[None, :].expand(height, -1)
    y = torch.linspace(-1, 1, height)[:, None].expand(-1, width)
    return torch.stack((x, y), dim=-1)


def roughness(flow: Tensor) -> Tensor:
    """Sum the squared differences between neighbours of each flow (N, 2, h, w): (N,)."""
    return flow.diff(dim=-1).square().sum((1, 2, 3)) + flow.diff(dim=-2).square().sum((1, 2, 3))


class Jadena:
    """Attack images with Jadena (Gao et al., CVPR 2022); `settings` is a `JadenaSettings`.

    The variant says what the common features are taken over beside the image: "augment" (flips and quarter turns of the
    image itself; square images only), "group" (images of the same group, attacked or not), "single" (nothing).

    surrogate  a function of images (N, 3, H, W) in [0, 1] to a list of feature maps that treats images independently, in
               place of the network that the settings name
    """

    def __init__(self, settings: JadenaSettings, surrogate: Callable[[Tensor], list[Tensor]] | None = None):
        self.settings = settings
        if surrogate:
            self.surrogate, self.device = surrogate, torch.device("cpu")
        else:
            named = Surrogate(settings.surrogate_network, settings.surrogate, settings.mixed_precision)
            self.surrogate, self.device = named, named.device
        self.step_sizes = (settings.noise_step, settings.exposure_step, settings.flow_step)
        own = LAMBDA_EXPOSURE[settings.variant]
        self.lambda_exposure = own if settings.lambda_exposure is None else settings.lambda_exposure

    def __call__(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Attack images (N, 3, H, W), RGB, [0, 1]; the result is on the CPU.

        Only the variant "group" draws numbers, from a generator an image, and looks at the images of the group, or at the
        attacked ones if the group is not given.
        """
        return self.attack(images, given).images

    def attack(self, images: Tensor, given: Given = NOTHING, companions: Tensor | None = None) -> AttackResult:
        """Attack images (N, 3, H, W), RGB, [0, 1], each for itself; `companions` (V, N, 3, H, W) override the variant's."""
        self.check(images)
        if companions is None:
            companions = self.companions(images, given)
        size = self.settings.images_per_batch
        batches = zip(images.split(size), companions.split(size, dim=1), strict=True)
        parts = [self._attack(batch.to(self.device), views.to(self.device)) for batch, views in batches]
        along = {"images": 0, "losses": 1, "variations": 1, "noise": 0, "exposure": 0, "grid": 0}
        joined = {name: torch.cat([getattr(part, name) for part in parts], dim) for name, dim in along.items()}
        return AttackResult(**{name: values.cpu() for name, values in joined.items()})

    def check(self, images: Tensor) -> None:
        """Check images (N, 3, H, W) for all that the attack expects.

        A single bad pixel would otherwise make the attack a silent no-op.

        Raises:
            UserError: for another shape, images that are too small, or values outside [0, 1].
        """
        if images.ndim != 4 or images.shape[1] != 3 or not len(images):
            raise UserError(f"Jadena takes images of shape (N, 3, H, W), N > 0, not {tuple(images.shape)}")
        height, width = images.shape[2:]
        if self.settings.variant == "augment" and height != width:
            raise UserError(f"Jadena 'augment' turns images by 90 degrees: they must be square, not {width}x{height}")
        if min(height, width) < FLOW_CELL:
            raise UserError(f"Jadena needs images of at least {FLOW_CELL}x{FLOW_CELL}, not {width}x{height}")
        if not images.isfinite().all() or images.min() < 0 or images.max() > 1:
            raise UserError("Jadena takes pixels in [0, 1]; these hold values outside of it or NaN")

    def companions(self, images: Tensor, given: Given = NOTHING) -> Tensor:
        """Give the views (V, N, 3, H, W) beside each image that the features are compared with."""
        if self.settings.variant == "augment":
            return augment(images)
        if self.settings.variant == "group":
            return draw_companions(images if given.group is None else given.group, given.generators)
        return images.new_zeros((0, *images.shape))

    @torch.no_grad()
    def companion_moments(self, companions: Iterable[Tensor]) -> list[Moments] | None:
        """Compute the moments of the companions' features, (N, 3, H, W) each, one per stage.

        Without companions there are none: None.
        """
        total: list[Moments] | None = None
        for view in companions:
            moments = [Moments.of(features) for features in self.surrogate(view)]
            total = moments if total is None else [a + b for a, b in zip(total, moments, strict=True)]
        return total

    def criterion(self, images: Tensor, companion_moments: list[Moments] | None) -> Tensor:
        """Average the features' standard deviation over positions and views over channels and stages: (N,)."""
        moments = [Moments.of(features) for features in self.surrogate(images)]
        if companion_moments is not None:
            moments = [a + b for a, b in zip(companion_moments, moments, strict=True)]
        return torch.stack([stage.std().mean(1) for stage in moments]).mean(0)

    @torch.enable_grad()
    def _attack(self, images: Tensor, companions: Tensor) -> AttackResult:
        """Attack one batch; the loss is summed over images, so no image sees another's gradient."""
        count, _, height, width = images.shape
        cells = (height // FLOW_CELL, width // FLOW_CELL)

        # 1. What never changes: the polynomial, the identity warp, the companions' features, the image's logarithm.
        #    A black pixel has log 0 = -inf, stays exp(-inf) = 0 under any exposure and has zero gradient there.
        basis = polynomial_basis(height, width, self.settings.degree).to(images)  # (K, H * W)
        identity = identity_grid(height, width).to(images)  # (H, W, 2)
        moments = self.companion_moments(companions)
        log_images = images.log()

        # 2. What is tuned, from zero: noise, the field's coefficients, the flow that warps the field.
        noise = images.new_zeros(images.shape).requires_grad_()
        coefficients = images.new_zeros(count, len(basis)).requires_grad_()
        flow = images.new_zeros(count, 2, *cells).requires_grad_()
        tuned = (noise, coefficients, flow)
        gathered = [torch.zeros_like(parameter) for parameter in tuned]
        losses, variations = [], []

        for step in range(self.settings.steps + 1):
            # 3. The attacked image under the present noise, field and flow.
            field = (coefficients @ basis).view(count, 1, height, width)
            offsets = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
            grid = (identity + offsets.permute(0, 2, 3, 1)).clamp(-1, 1)
            exposure = F.grid_sample(field, grid, align_corners=True)
            attacked = ((log_images + exposure).clamp(max=LOG_WHITE).exp() + noise).clamp(0, 1)

            # 4. Its loss: how much the features vary, plus penalties on a strong field and on a rough flow.
            variation = self.criterion(attacked, moments)
            loss = variation + self.lambda_exposure * exposure.square().mean((1, 2, 3))
            loss = loss + self.settings.lambda_flow / FLOW_CELL**2 * roughness(flow)
            losses.append(loss.detach())
            variations.append(variation.detach())
            if not loss.isfinite().all():
                raise UserError(f"Jadena's loss is not finite at step {step}: look at the surrogate's weights")
            if step == self.settings.steps:
                break

            # 5. One sign step down the gathered gradient, each gradient first scaled to L1 norm 1 per image.
            gradients = torch.autograd.grad(loss.sum(), tuned)
            if not all(gradient.isfinite().all() for gradient in gradients):  # sign(NaN) is 0: a silent no-op
                raise UserError(f"Jadena's gradient is not finite at step {step}: look at the surrogate's weights")
            with torch.no_grad():
                for parameter, past, gradient, size in zip(tuned, gathered, gradients, self.step_sizes, strict=True):
                    norm = gradient.abs().flatten(1).sum(1).view(-1, *[1] * (gradient.ndim - 1))
                    past.mul_(self.settings.momentum).add_(gradient / torch.where(norm > 0, norm, 1.0))
                    parameter.sub_(past.sign(), alpha=size)
                noise.clamp_(-self.settings.epsilon, self.settings.epsilon)

        return AttackResult(
            images=attacked.detach(),
            losses=torch.stack(losses),
            variations=torch.stack(variations),
            noise=noise.detach(),
            exposure=exposure.detach(),
            grid=grid.detach(),
        )
