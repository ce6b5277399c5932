"""Concept-guided diffusion purification, CosalPure (the paper's Sec. 4.3; `concept_guided_purification.py`)."""

import torch

from cosalpure.errors import UserError
from cosalpure.purify.continuous import ContinuousRepresentation
from cosalpure.purify.samplers import dpm_solver_pp_2m, timesteps


class CosalPure:
    """`purifier(images, concept, generators) -> images`; `settings` is a `CosalPureSettings`.

    Without {token} in the prompt no concept is needed: prompt "None" is the paper's ablation.
    """

    def __init__(self, settings, text_to_image):
        self.settings = settings
        self.model = text_to_image()
        self.represent = ContinuousRepresentation(settings.continuous) if settings.continuous else None

    @torch.no_grad()
    def __call__(self, images, concept, generators):
        settings, model, size = self.settings, self.model, images.shape[-2:]
        # 0. X~: the continuous representation, at the model's resolution.
        if self.represent:
            images = self.represent(images, (model.resolution, model.resolution))

        # 1. z_0: encode, sampling the posterior with each image's own generator.
        mean, std = model.encode(images)
        z = mean + std * _randn(mean, generators)

        # 2. z_T: noise to the first timestep (Eq. 7).
        steps = timesteps(settings.timestep, settings.steps)
        z = model.add_noise(z, _randn(z, generators), torch.tensor(steps[:1]))

        # 3. Denoise under the concept, with classifier-free guidance, down to t = 0.
        condition = self._embed(settings.prompt, concept)
        empty = self._embed(settings.negative_prompt, concept)
        z = dpm_solver_pp_2m(lambda z, t: self._guided(z, t, condition, empty), z, steps, model.alphas_cumprod)

        # 4. Decode.
        return model.decode(z, size)

    def _embed(self, prompt, concept):
        """The prompt's context (1, L, D), with the concept's vector where the prompt says {token}."""
        if "{token}" not in prompt:
            return self.model.embed([prompt])
        if concept is None:
            raise UserError(f"prompt '{prompt}' needs a learned concept, but none was given (--concepts FOLDER)")
        vector = concept.vector.to(self.model.device)
        return self.model.embed([prompt.replace("{token}", concept.token)], concept.token, vector)

    def _guided(self, z, t, condition, empty):
        """x_0 under the condition, pushed away from the empty prompt; both in one batch."""
        scale, t = self.settings.guidance_scale, torch.full((len(z),), t)
        if scale == 1:
            return self.model.predict_x0(z, t, condition.expand(len(z), -1, -1))
        context = torch.cat([part.expand(len(z), -1, -1) for part in (empty, condition)])
        without, under = self.model.predict_x0(z.repeat(2, 1, 1, 1), t.repeat(2), context).chunk(2)
        return without + scale * (under - without)


def _randn(like, generators):
    """Standard normal values of the shape of `like`, each row from its image's generator."""
    return torch.stack([torch.randn(like.shape[1:], generator=g) for g in generators]).to(like.device)
