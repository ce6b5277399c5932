"""What a learned concept looks like to its model: images generated from noise under it (the paper's Figure 4).

images = preview(model, concept, generators)  # the same generators' seeds for two concepts: the same noise
"""

import torch

from cosalpure.purify.samplers import dpm_solver_pp_2m, randn, timesteps


@torch.no_grad()
def preview(model, concept, generators, prompt="a photo of {token}", steps=25, guidance_scale=5.0):
    """An image a generator, (N, 3, side, side) in [0, 1] at the model's resolution; a full run from pure noise."""
    condition = model.embed([prompt.replace("{token}", concept.token)], concept.token, concept.vector)
    empty = model.embed([""])
    z = randn(torch.empty(len(generators), *model.latent_shape, device=model.device), generators)
    schedule = timesteps(1000, steps)

    def denoise(z, t):
        t = torch.full((len(z),), t)
        context = torch.cat([part.expand(len(z), -1, -1) for part in (empty, condition)])
        without, under = model.predict_x0(z.repeat(2, 1, 1, 1), t.repeat(2), context).chunk(2)
        return without + guidance_scale * (under - without)

    z = dpm_solver_pp_2m(denoise, z, schedule, model.alphas_cumprod)
    return model.decode(z, (model.resolution, model.resolution))
