"""Poisoning of concept learning: noise that moves the concept which textual inversion learns from an image.

The denoising loss E_{t,eps} ||eps - eps_theta(x_t, t, c)||^2 of the frozen text-to-image model is raised under a concept c that
was learned before (AdvDM, Liang et al., ICML 2023; the fixed surrogate of Anti-DreamBooth's FSMG, Van Le et al., ICCV 2023), or
lowered under another group's concept. The gradient passes through the autoencoder's encoder and one pass of the network.

Every image is attacked for itself, with all its draws from its own generator, so that nothing depends on the other images.

    attacked = clamp(image + noise, 0, 1),  |noise| <= epsilon
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosalpure.degrade.adaptive_settings import PoisonSettings
from cosalpure.degrade.pgd import Attack
from cosalpure.errors import UserError
from cosalpure.gradients import as_in_files
from cosalpure.protocols import Given

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage


class Poison:
    """Attack images of a group, one by one; `last` then holds the losses, averaged over them."""

    def __init__(self, settings: PoisonSettings, text_to_image: Callable[[], TextToImage]):
        self.settings, self.model = settings, text_to_image()
        self.last: Attack | None = None  # of the last call

    @torch.enable_grad()
    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Attack images (N, 3, H, W), RGB, [0, 1], each with its own generator."""
        context = self.context(given)
        found = [
            self.attack(image[None], context, draws) for image, draws in zip(images, given.generators, strict=True)
        ]
        losses, gradients = (
            [sum(values) / len(found) for values in zip(*parts, strict=True)]
            for parts in ([its.losses for its in found], [its.gradients for its in found])
        )
        poisoned = torch.cat([its.images for its in found])
        self.last = Attack(poisoned, losses, gradients, self.settings.steps * self.settings.draws)
        return poisoned

    def attack(self, image: Tensor, context: Tensor, generator: torch.Generator) -> Attack:
        """Attack one image (1, 3, H, W) under a caption's `context` (1, L, D)."""
        settings, sign = self.settings, 1 if self.settings.target == "own" else -1
        noise = torch.zeros_like(image).requires_grad_()
        found = Attack(image, [], [], settings.steps * settings.draws)
        for step in range(settings.steps):
            # 1. The denoising loss of the image as a file has it, at random timesteps under random noise.
            loss = self.loss(as_in_files(image + noise), context, generator)
            (gradient,) = torch.autograd.grad(loss, noise)
            if not gradient.isfinite().all():  # sign(NaN) is NaN: the image would be lost
                raise UserError(f"the attack's gradient is not finite at step {step}")
            found.losses.append(-sign * loss.item())  # what is minimised
            found.gradients.append(gradient.abs().mean().item())

            # 2. One sign step up it, or down to the other concept, back into the bound and into the range of images.
            with torch.no_grad():
                noise.add_(gradient.sign(), alpha=sign * settings.step_size)
                noise.clamp_(-settings.epsilon, settings.epsilon)
                noise.copy_((image + noise).clamp(0, 1) - image)
        found.images = (image + noise.detach()).clamp(0, 1)
        return found

    def context(self, given: Given) -> Tensor:
        """Encode the attacker's caption (1, L, D) with the concept in it."""
        prompt = self.settings.prompt
        if "{token}" not in prompt:
            return self.model.embed([prompt]).detach()
        if given.concept is None:
            raise UserError(f"poison: the caption '{prompt}' needs a learned concept, but none was given")
        concept = given.concept.fitting(self.model)
        caption = prompt.replace("{token}", concept.token)
        return self.model.embed([caption], concept.token, concept.vector).detach()

    def loss(self, image: Tensor, context: Tensor, generator: torch.Generator) -> Tensor:
        """Compute the denoising loss of an image (1, 3, H, W), averaged over the draws."""
        model, settings, count = self.model, self.settings, self.settings.draws
        t = torch.randint(*settings.timesteps, (count,), generator=generator)
        mean, std = model.encode(image)
        shape = (2, count, *mean.shape[1:])
        sampled, noise = torch.randn(shape, generator=generator, dtype=torch.float32).to(mean)
        latents = mean + std * sampled
        noised, target = model.add_noise(latents, noise, t), model.target(latents, noise, t)
        predicted = model.predict(noised, t, context.expand(count, -1, -1))
        error: Tensor = (predicted - target).square().mean()
        return error
