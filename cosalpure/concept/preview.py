"""What a learned concept looks like to its model: images generated from noise under it (the paper's Figure 4).

images = preview(model, concept, generators)  # the same generators' seeds for two concepts: the same noise
"""

from collections.abc import Sequence

import torch

from cosalpure.concept import Concept
from cosalpure.concept.settings import ConceptFigures
from cosalpure.diffusion.samplers import dpm_solver_pp_2m, guided, randn, timesteps
from cosalpure.diffusion.text_to_image import TextToImage


@torch.no_grad()
def preview(
    model: TextToImage,
    concept: Concept,
    generators: Sequence[torch.Generator],
    prompt: str = "a photo of {token}",
    settings: ConceptFigures | None = None,
) -> torch.Tensor:
    """Generate an image for each generator, by a full run from pure noise.

    Args:
        model: the text-to-image model.
        concept: the learned concept.
        generators: one for each image.
        prompt: text with the placeholder {token}.
        settings: steps of the sampler and guidance; None for the defaults.

    Returns:
        Images (N, 3, side, side), RGB, [0, 1], at the model's resolution.
    """
    concept, its = concept.fitting(model), settings or ConceptFigures()
    condition = model.embed([prompt.replace("{token}", concept.token)], concept.token, concept.vector)
    empty = model.embed([""])
    z = randn(torch.empty(len(generators), *model.latent_shape, device=model.device), generators)
    denoise = guided(model, condition, empty, its.guidance_scale)
    z = dpm_solver_pp_2m(denoise, z, timesteps(1000, its.steps), model.alphas_cumprod)
    return model.decode(z, (model.resolution, model.resolution))
