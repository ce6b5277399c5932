"""Concept-guided diffusion purification, CosalPure (the paper's Sec. 4.3; `concept_guided_purification.py`)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosalpure.diffusion.samplers import ddpm, dpm_solver_pp_2m, guided, randn, timesteps
from cosalpure.diffusion.timestep import LATENTS, at_side
from cosalpure.errors import UserError
from cosalpure.gradients import on_demand
from cosalpure.networks.representation import ContinuousRepresentation
from cosalpure.protocols import NOTHING, Given
from cosalpure.purify.settings import CosalPureSettings

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage


class CosalPure:
    """Purify images under the group's concept.

    The prompt decides what is given: the concept for {token}, the group's name for {class_name}. The prompt "None" is the
    paper's ablation.
    """

    def __init__(self, settings: CosalPureSettings, text_to_image: "Callable[[], TextToImage]"):
        self.settings = settings
        self.model = text_to_image().at(settings.resolution)
        side, alphas_cumprod = self.model.latent_shape[-1], self.model.alphas_cumprod
        self.T, self.steps = at_side(settings.timestep, settings.steps, side, alphas_cumprod, LATENTS)
        self.represent = ContinuousRepresentation(settings.continuous) if settings.continuous else None
        self.known: dict[str, Tensor] = {}  # prompts without a concept, as context: the same for all groups

    @on_demand
    def __call__(self, images: Tensor, given: Given) -> Tensor:
        """Purify images (N, 3, H, W), RGB, [0, 1]; each draws its noise from its own generator."""
        generators = given.generators
        settings, model, size = self.settings, self.model, images.shape[-2:]
        # 0. X~: the continuous representation, at the resolution that is worked at.
        if self.represent:
            images = self.represent(images, (model.resolution, model.resolution))

        # 1. z_0: encode, sampling the posterior with each image's own generator.
        mean, std = model.encode(images)
        z = mean + std * randn(mean, generators)

        # 2. z_T: noise to the first timestep (Eq. 7).
        solver = settings.sampler == "dpmsolver++"
        steps = timesteps(self.T, self.steps) if solver else [self.T - 1]
        z = model.add_noise(z, randn(z, generators), torch.tensor(steps[:1]))

        # 3. Denoise under the concept, with classifier-free guidance, down to t = 0.
        condition, empty = self._embed(settings.prompt, given), self._embed(settings.negative_prompt)
        denoise = guided(model, condition, empty, settings.guidance_scale)
        if solver:
            z = dpm_solver_pp_2m(denoise, z, steps, model.alphas_cumprod)
        else:
            z = ddpm(denoise, z, self.T, model.alphas_cumprod, lambda z: randn(z, generators))

        # 4. Decode.
        return model.decode(z, size)

    def _embed(self, prompt: str, given: Given = NOTHING) -> Tensor:
        """Encode the prompt (1, L, D), with the group's name and the concept's vector where it asks for them."""
        if "{class_name}" in prompt and given.label is None:
            raise UserError(f"prompt '{prompt}' needs the name of the group, but none was given")
        prompt = prompt.replace("{class_name}", given.label or "")
        if "{token}" not in prompt:
            if prompt not in self.known:
                self.known[prompt] = self.model.embed([prompt])
            return self.known[prompt]
        if given.concept is None:
            raise UserError(f"prompt '{prompt}' needs a learned concept, but none was given (--concepts FOLDER)")
        concept = given.concept.fitting(self.model)
        return self.model.embed([prompt.replace("{token}", concept.token)], concept.token, concept.vector)
