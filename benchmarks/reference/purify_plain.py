"""Concept-guided purification as the official script runs it, written plainly: the reference of `purify_group.py`.

It follows V1len/CosalPure, concept_guided_purification.py: diffusers' image-to-image pipeline with DPM-Solver++ is loaded for every
group, and images go through it one at a time. Its sampler has the settings of diffusers 0.16, the script's time. Time beside the
original's: docs/results/data/peers.csv.
"""

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionImg2ImgPipeline
from torch.nn import functional as F

from cosalpure.networks.representation import ContinuousRepresentation

SAMPLER = {"timestep_spacing": "linspace", "final_sigmas_type": "sigma_min"}  # the only ones of that time


def load(folder, token, vector, settings=None):
    """The pipeline in `folder` with a learned token, and the continuous representation of `settings` if they have one."""
    sampler = DPMSolverMultistepScheduler.from_pretrained(folder, subfolder="scheduler", **SAMPLER)
    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(folder, scheduler=sampler)
    pipeline.set_progress_bar_config(disable=True)
    tokenizer, text_encoder = pipeline.tokenizer, pipeline.text_encoder
    tokenizer.add_tokens([token])
    text_encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    text_encoder.get_input_embeddings().weight.data[tokenizer.convert_tokens_to_ids(token)] = vector
    return pipeline, ContinuousRepresentation(settings.continuous) if settings and settings.continuous else None


@torch.no_grad()
def purify(images, token, generators, pipeline, represent, settings, side):
    """Images (N, 3, H, W) in [0, 1] -> purified images, which the pipeline sees at `side` px; one generator an image."""
    given = {"prompt": settings.prompt.format(token=token), "negative_prompt": settings.negative_prompt}
    given |= {"strength": settings.timestep / 1000, "num_inference_steps": settings.steps, "output_type": "pt"}
    found = []
    for image, draws in zip(images, generators, strict=True):
        larger = represent(image[None], (side, side)) if represent else image[None]
        its = pipeline(image=larger, generator=draws, guidance_scale=settings.guidance_scale, **given).images
        found.append(resized(its, image.shape[-2:]))
    return torch.cat(found)


def resized(image, size):
    """An image at the size that it had."""
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, tuple(size), mode="bicubic", antialias=True).clamp(0, 1)
