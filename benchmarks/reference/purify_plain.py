"""Concept-guided purification as the official script runs it, written plainly: the reference of `purify_group.py`.

The pipeline is loaded for every group; images go through it one at a time; classifier-free guidance takes two passes
of the network at each step, and the captions are encoded for each image.
"""

import torch

from cosalpure.diffusion.samplers import dpm_solver_pp_2m, timesteps
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.networks.representation import ContinuousRepresentation


def load(text_to_image, settings):
    """The pipeline and the continuous representation, from their files."""
    return TextToImage.of(text_to_image).at(settings.resolution), ContinuousRepresentation(settings.continuous)


@torch.no_grad()
def purify(images, concept, generators, model, represent, settings):
    """Images (N, 3, H, W) in [0, 1] -> purified images; one generator an image."""
    return torch.cat(
        [
            one(image[None], concept, draws, model, represent, settings)
            for image, draws in zip(images, generators, strict=True)
        ]
    )


def one(image, concept, draws, model, represent, settings):
    """A single image (1, 3, H, W)."""
    size = image.shape[-2:]
    mean, std = model.encode(represent(image, (model.resolution, model.resolution)))
    z = mean + std * torch.randn(mean.shape, generator=draws)
    steps = timesteps(settings.timestep, settings.steps)
    z = model.add_noise(z, torch.randn(z.shape, generator=draws), torch.tensor(steps[:1]))
    prompt = settings.prompt.replace("{token}", concept.token)
    condition, empty = model.embed([prompt], concept.token, concept.vector), model.embed([settings.negative_prompt])

    def denoise(z, t):
        t = torch.tensor([t])
        without, under = model.predict_x0(z, t, empty), model.predict_x0(z, t, condition)
        return without + settings.guidance_scale * (under - without)

    return model.decode(dpm_solver_pp_2m(denoise, z, steps, model.alphas_cumprod), size)
