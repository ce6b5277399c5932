"""Projected gradient descent (Madry et al., ICLR 2018) by an attacker who knows the detector, and perhaps the purifier.

The images of a group are attacked together, since a co-saliency detector looks at all of them. What the attacker knows of the
purifier is the setting `gradient`; BPDA and the expectation over transformation (EOT) are those of Athalye et al. (ICML 2018),
a surrogate with fewer denoising steps is that of Lee and Kim (ICCV 2023), the weights of the loss are SegPGD's (Gu et al.,
ECCV 2022). `docs/explanation/adaptive.md` says how the settings make threat models.

    attacked = clamp(image * exp(bound * tanh(field)) + noise, 0, 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cosalpure.degrade.adaptive_settings import SquareSettings
from cosalpure.degrade.jadena import polynomial_basis
from cosalpure.degrade.settings import PGDSettings
from cosalpure.errors import UserError
from cosalpure.gradients import as_in_files, recomputing, straight_through
from cosalpure.protocols import Evaluation, Given, only
from cosalpure.seeds import derive

TINY = 1e-6  # of [0, 1]: a map nearer to 0 or 1 has no gradient


@dataclass
class Attack:
    """What an attack on N images leaves behind."""

    images: Tensor  # (N, 3, H, W), RGB, [0, 1]: the attacked images
    losses: list[float]  # the loss before each step, averaged over its draws; of pixels still right alone, as in `best`
    gradients: list[
        float
    ]  # the mean size of the noise's gradient at each step; 0 is an attack that sees nothing, [] has none
    passes: int  # gradient passes through the whole group; without gradients, queries


class Changes:
    """What an attack changes images (N, 3, H, W) by: noise within its bound, and a smooth exposure."""

    def __init__(self, images: Tensor, settings: PGDSettings):
        self.images, self.settings = images, settings
        self.basis = polynomial_basis(images.shape[-2], images.shape[-1], settings.degree).to(images)
        self.noise = torch.zeros_like(images).requires_grad_()
        self.coefficients = images.new_zeros(len(images), len(self.basis)).requires_grad_()
        self.tuned = [self.noise, self.coefficients] if settings.exposure else [self.noise]
        self.sizes = (settings.step_size or settings.epsilon / 8, settings.exposure_step)

    def attacked(self) -> Tensor:
        """Make the attacked images (N, 3, H, W), [0, 1]."""
        images = self.images
        if self.settings.exposure:
            field = (self.coefficients @ self.basis).tanh().view(-1, 1, *images.shape[-2:])
            images = images * (self.settings.exposure * field).exp()
        return (images + self.noise).clamp(0, 1)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take one sign step down the gradients, back into the bound and, without exposure, the range of images."""
        for parameter, gradient, size in zip(self.tuned, gradients, self.sizes, strict=False):
            parameter.sub_(gradient.sign(), alpha=size)
        self.noise.clamp_(-self.settings.epsilon, self.settings.epsilon)
        if not self.settings.exposure:
            self.noise.copy_((self.images + self.noise).clamp(0, 1) - self.images)


class Attacker:
    """Someone who can compute the detector's maps, behind the purifier that is known."""

    settings: PGDSettings | SquareSettings

    def __init__(
        self,
        settings: PGDSettings | SquareSettings,
        text_to_image: Callable[[], Any] | None = None,
        **changes: Any,
    ):
        assert settings.detector is not None
        self.settings, self.known = settings, settings.known
        self.last: Attack | None = None  # of the last call
        self.detector, self.detector_needs = settings.detector.make(), settings.detector.needs
        self.purifier = self.known.make(text_to_image, **changes) if self.known else None

    def maps(self, attacked: Tensor, scene: Scene, draw: tuple[int, ...]) -> Tensor:
        """Compute the detector's maps (M, 1, H, W) of the whole group, as the later stages make them."""
        attacked = as_in_files(attacked)
        group = scene.with_attacked(attacked)
        given = scene.given(draw, self.settings.fixed_noise)
        seen = self.purified(attacked, group, scene, given) if self.purifier else group
        needs = only(self.detector_needs, replace(given, generators=()))
        with recomputing(self.settings.recompute):
            maps = self.detected(seen, needs)
            if self.known and self.known.average_maps:
                maps = (maps + self.detected(group, needs)) / 2
        return maps

    def detected(self, images: Tensor, given: Given) -> Tensor:
        """Compute maps that have a gradient: the detector's, or those of its `logits` if it has them for that purpose."""
        smooth = getattr(self.detector, "logits", None)
        maps: Tensor = self.detector(images, given) if smooth is None else smooth(images).sigmoid()
        return maps

    def purified(self, attacked: Tensor, group: Tensor, scene: Scene, given: Given) -> Tensor:
        """Purify the group: the attacked images by this draw of noise, the others once an attack, without gradients."""
        its = self.purify(attacked if self.settings.gradient == "full" else attacked.detach(), scene.attacked, given)
        if self.settings.gradient == "bpda":
            its = straight_through(attacked, its)
        if scene.others is None:
            clean, scene.others = ~scene.attacked, group.detach().clone()
            with torch.no_grad():  # a graph of theirs would only take memory
                if clean.any():
                    scene.others[clean] = as_in_files(self.purify(scene.others[clean], clean, given))
        return scene.others.index_put((scene.attacked,), as_in_files(its))

    def purify(self, images: Tensor, place: Tensor, given: Given) -> Tensor:
        """Purify those images of the group that stand at `place` (M,), by what is given for them."""
        assert self.purifier is not None and self.known is not None
        with recomputing(self.settings.recompute):
            its: Tensor = self.purifier(images, part_of(only(self.known.needs, given), place))
        return its


class PGD(Attacker):
    """Attack the images of a group together; `settings` is a `PGDSettings`."""

    settings: PGDSettings

    def __init__(self, settings: PGDSettings, text_to_image: Callable[[], Any] | None = None):
        if settings.detector is None or (settings.purifier is None and settings.gradient != "blind"):
            raise UserError("pgd: name the detector, and unless its gradient is blind the purifier, that is attacked")
        super().__init__(settings, text_to_image, **fewer_steps(settings))

    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Attack images (N, 3, H, W), RGB, [0, 1]; `last` then holds the losses."""
        self.last = self.attack(images, given)
        return self.last.images

    @torch.enable_grad()
    def attack(self, images: Tensor, given: Given) -> Attack:
        """Attack images (N, 3, H, W), RGB, [0, 1], which are the attacked ones of `given.evaluation`."""
        settings, scene = self.settings, Scene.of(images, given)
        quarter = max(1, settings.steps // 4)

        # 1. What is tuned, from zero: the noise, and the coefficients of the exposure.
        changes = Changes(images, settings)
        found = Attack(images, [], [], settings.steps * self.draws)
        candidates: list[Tensor] = []

        for step in range(settings.steps):
            # 2. The gradient of the loss, averaged over draws of the purifier's noise.
            loss, gradients = self.gradients(changes, scene, step)
            found.losses.append(loss)
            found.gradients.append(gradients[0].abs().mean().item())

            # 3. One sign step down it, back into the bound and into the range of images.
            changes.step(gradients)
            if settings.keep == "best" and ((step + 1) % quarter == 0 or step + 1 == settings.steps):
                candidates.append(changes.attacked().detach())

        # 4. The last iterate, or the best by fresh draws.
        found.images = self.best(candidates, scene) if candidates else changes.attacked().detach()
        return found

    @property
    def draws(self) -> int:
        """The draws of noise that a gradient is averaged over: one where there is nothing to draw, or it is known."""
        return self.settings.eot if self.known and self.known.random and not self.settings.fixed_noise else 1

    def gradients(self, changes: Changes, scene: Scene, step: int) -> tuple[float, list[Tensor]]:
        """Compute the loss and its gradients, averaged over the draws of a step; draw after draw, to bound the memory."""
        total, sums = 0.0, [torch.zeros_like(parameter) for parameter in changes.tuned]
        weight = step / (2 * self.settings.steps)
        for draw in range(self.draws):
            maps, truth = self.judged(changes.attacked(), scene, (step, draw))
            loss = self.loss(maps, truth, weight)
            if not loss.requires_grad:
                raise UserError(
                    "no gradient reaches the images: a method declared as differentiable uses no_grad or detach"
                )
            for part, gradient in zip(sums, torch.autograd.grad(loss, changes.tuned), strict=True):
                part += gradient / self.draws
            total += self.loss(maps.detach(), truth, 0.0).item() / self.draws  # with one weight, so that steps compare
        if not all(part.isfinite().all() for part in sums):  # sign(NaN) is NaN: the images would be lost
            raise UserError(f"the attack's gradient is not finite at step {step}")
        return total, sums

    def judged(self, attacked: Tensor, scene: Scene, draw: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Compute the maps that the loss looks at, for one draw of the purifier's noise, with their ground truth."""
        maps = self.maps(attacked, scene, draw)
        chosen = slice(None) if self.settings.over == "all" else scene.attacked
        maps = maps[chosen]
        return maps, scene.evaluation.ground_truth[chosen].to(maps)

    def loss(self, maps: Tensor, truth: Tensor, weight: float) -> Tensor:
        """Compute what the attacker minimises; `weight` is that of pixels that are wrong already."""
        return soft_iou(maps, truth) if self.settings.loss == "soft_iou" else segpgd(maps, truth, weight)

    @torch.no_grad()
    def best(self, candidates: Sequence[Tensor], scene: Scene) -> Tensor:
        """Select the images with the lowest loss over fresh draws, the same ones for all; never by a single draw."""
        count = self.settings.check_draws if self.draws > 1 or (self.known and self.known.random) else 1
        count = 1 if self.settings.fixed_noise else count
        draws = [(self.settings.steps, number) for number in range(count)]
        means = [sum(self.loss(*self.judged(its, scene, draw), 0.0).item() for draw in draws) for its in candidates]
        return candidates[min(range(len(means)), key=means.__getitem__)]


@dataclass
class Scene:
    """The group around the attacked images, and seeds of the noise that the attacker draws for its purifier."""

    evaluation: Evaluation
    attacked: Tensor  # (M,), bool
    seeds: tuple[int, ...]  # of each image of the group
    others: Tensor | None = None  # the group as its other images are purified, once an attack

    @classmethod
    def of(cls, images: Tensor, given: Given) -> Scene:
        """Check that the images are those that `given.evaluation` calls attacked."""
        its = given.evaluation
        if its is None or len(its.attacked) != len(its.images) or sum(its.attacked) != len(images):
            raise UserError("pgd: it needs the whole group, and to know which of its images are attacked")
        own = [int(torch.randint(2**62, (), generator=each)) for each in given.generators]
        rest = iter(own)
        seeds = [
            next(rest) if attacked else derive(own[0], "clean", place) for place, attacked in enumerate(its.attacked)
        ]
        return cls(its, torch.tensor(list(its.attacked)), tuple(seeds))

    def with_attacked(self, images: Tensor) -> Tensor:
        """Put attacked images into the whole group."""
        return self.evaluation.images.index_put((self.attacked,), images)

    def given(self, draw: tuple[int, ...], fixed: bool) -> Given:
        """Collect what the purifier is given: the evaluation's own noise if it is `fixed`, else that of a draw of the attacker."""
        its = replace(self.evaluation.given(), ground_truth=self.evaluation.ground_truth)
        own = [torch.Generator().manual_seed(derive(seed, *draw)) for seed in self.seeds]
        return its if fixed else replace(its, generators=own)


def part_of(given: Given, place: Tensor) -> Given:
    """Select what is given for some images of a group, by a mask (M,)."""
    generators = [each for each, chosen in zip(given.generators, place.tolist(), strict=True) if chosen]
    truth = None if given.ground_truth is None else given.ground_truth[place]
    return replace(given, generators=generators, ground_truth=truth)


def segpgd(maps: Tensor, truth: Tensor, weight: float) -> Tensor:
    """Cross-entropy with the inverted ground truth; pixels that are wrong already count `weight`, the others 1 - `weight`.

    The weight grows from 0 to a half over the attack (SegPGD, Eq. 4).
    """
    each = F.binary_cross_entropy(maps.clamp(TINY, 1 - TINY), 1 - truth, reduction="none")
    wrong = (maps.detach() >= 0.5) != (truth >= 0.5)
    return (each * torch.where(wrong, weight, 1 - weight)).mean()


def soft_iou(maps: Tensor, truth: Tensor) -> Tensor:
    """Average intersection over union minus a half over images; maps and ground truth are taken for shares of a pixel.

    Below 0, the success rate's threshold on the overlap is missed.
    """
    shared, either = (maps * truth).sum((1, 2, 3)), (maps + truth - maps * truth).sum((1, 2, 3))
    return (shared / either.clamp(min=TINY) - 0.5).mean()


def fewer_steps(settings: PGDSettings) -> dict[str, int]:
    """Compute the purifier's setting `steps`, of a full run, that leaves `attack_steps` below its T; nothing without it."""
    if settings.attack_steps is None or settings.known is None:
        return {}
    timestep = settings.known.checked.timestep  # type: ignore[attr-defined]  # checked by the settings
    T = timestep if isinstance(timestep, int) else timestep.paper
    return {"steps": -(-1000 * settings.attack_steps // T)}
