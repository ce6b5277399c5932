"""What a learned concept looks like to its model: images generated from noise under it (the paper's Figure 4).

images = preview(model, concept, generators)  # the same generators' seeds for two concepts: the same noise
"""

from collections.abc import Sequence

import torch

from cosalpure.concept import Concept
from cosalpure.diffusion.samplers import dpm_solver_pp_2m, guided, randn, timesteps
from cosalpure.diffusion.text_to_image import TextToImage


@torch.no_grad()
def preview(
    model: TextToImage,
    concept: Concept,
    generators: Sequence[torch.Generator],
    prompt: str = "a photo of {token}",
    steps: int = 25,
    guidance_scale: float = 5.0,
) -> torch.Tensor:
    """Generate an image for each generator, (N, 3, side, side) in [0, 1] at the model's resolution.

    A full run from pure noise.
    """
    concept = concept.fitting(model)
    condition = model.embed([prompt.replace("{token}", concept.token)], concept.token, concept.vector)
    empty = model.embed([""])
    z = randn(torch.empty(len(generators), *model.latent_shape, device=model.device), generators)
    denoise = guided(model, condition, empty, guidance_scale)
    z = dpm_solver_pp_2m(denoise, z, timesteps(1000, steps), model.alphas_cumprod)
    return model.decode(z, (model.resolution, model.resolution))
