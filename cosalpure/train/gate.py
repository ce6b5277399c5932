"""Acceptance check of the mini text-to-image model: does it follow the prompt, and can one see what it draws?

Concept learning finds only what the model knows, so a model goes into the benchmark after these measurements:

- caption gap: the denoising loss of held-out scenes under a wrong caption minus under the right one, in percent of
  the latter, in three ranges of t (aim: 3 % or more at t > 600);
- recognition: how often the small CLIP's classifier (`text_encoder.Recogniser`) names the concept of an image
  generated from its name (aim: .60 of them within the top five; chance is 5 / 72);
- word ranks, of concepts learned from groups: how many known words lie nearer to a learned concept than the group's
  own word does (aim: among the nearest three for .80 of them).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw

from cosalpure.bundled import located
from cosalpure.concept.words import word_ranks, words
from cosalpure.data.mini import MiniWorld
from cosalpure.diffusion import pipeline_checks
from cosalpure.diffusion.text_to_image import COMPONENTS, TextToImage
from cosalpure.io import to_uint8, whole_file
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train.common import write_json
from cosalpure.train.text_encoder import Recogniser, compose, load_recogniser, to_tensor
from cosalpure.train.text_to_image import encode_captions, noised

RANGES = {"t > 600": (600, 1000), "t 250-600": (250, 600), "t < 250": (0, 250)}


def gate(
    pipeline_dir: str | Path,
    text_encoder_dir: str | Path,
    output_dir: str | Path,
    world: MiniWorld | None = None,
    seed: int = 1,
    scenes: int = 6,
    images: int = 4,
    guidance: float = 5.0,
    steps: int = 20,
    concepts: Sequence[str | Path] = (),
) -> dict[str, Any]:
    """Measure the model in `pipeline_dir`; write gate.json and samples.png to `output_dir`; return the numbers.

    `scenes` held-out scenes and `images` generated images a concept; the recogniser comes from `text_encoder_dir`.
    `concepts` are folders of concepts that were learned by this model, as `cosalpure concept` leaves them.
    """
    world, output_dir = world or MiniWorld(), Path(output_dir)
    recogniser, pipeline = load_recogniser(text_encoder_dir), load_pipeline(pipeline_dir)
    learned = {}
    if concepts:  # before what takes minutes: a folder may have none
        model = TextToImage(pipeline_dir, pipeline.unet.config.sample_size * pipeline.vae_scale_factor)
        learned["words"] = {str(folder): word_shares(model, recogniser.concepts, folder) for folder in concepts}
    generated = generate(pipeline, recogniser.concepts, seed, images, guidance, steps)
    result = {
        "seed": seed,
        "caption_gap": caption_gap(pipeline, recogniser.concepts, world, seed, scenes),
        "recognition": recognition(recogniser, generated) | {"guidance": guidance, "sampler_steps": steps},
    } | learned
    output_dir.mkdir(parents=True, exist_ok=True)
    write_json(output_dir / "gate.json", result)
    with whole_file(output_dir / "samples.png") as temporary:
        contact_sheet(generated, recogniser.concepts).save(temporary, format="PNG")
    return result


def load_pipeline(pipeline_dir: str | Path) -> StableDiffusionPipeline:
    """Load the diffusers pipeline of a model in float32; a UserError says why a folder is none."""
    folder = Path(located(pipeline_dir))
    pipeline_checks.check_folder(folder, COMPONENTS)
    try:
        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    except Exception as error:  # the libraries' errors on damaged files share no class
        raise pipeline_checks.unreadable(pipeline_dir, error) from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def caption_gap(
    pipeline: StableDiffusionPipeline, concepts: Sequence[str], world: MiniWorld, seed: int, n: int
) -> dict[str, dict[str, float]]:
    """Measure the gap to a wrong and to an empty caption, in % of the loss, with standard errors over concepts.

    The same scene, noise and t under each caption, so that only the caption differs.

    Returns:
        {range of t: {name: value}}.
    """
    alpha_bar = pipeline.scheduler.alphas_cumprod
    right = encode_captions([f"a photo of {words(c)}" for c in concepts], pipeline.tokenizer, pipeline.text_encoder)
    empty = encode_captions([""], pipeline.tokenizer, pipeline.text_encoder)
    losses: dict[str, list[Any]] = {name: [] for name in RANGES}  # of (right, wrong, empty), a row a concept
    for index, concept in enumerate(concepts):
        rng, torch_rng = numpy_generator(seed, "gate", concept), generator(seed, "gate", concept)
        pixels = to_tensor([compose(world, rng, concept, 0.0) for _ in range(n)]) * 2 - 1
        latents = pipeline.vae.encode(pixels).latent_dist.mode() * pipeline.vae.config.scaling_factor
        others = (index + rng.integers(1, len(concepts), size=n)) % len(concepts)
        captions = [right[[index] * n], right[others], empty.expand(n, -1, -1)]
        for name, (low, high) in RANGES.items():
            t = torch.from_numpy(rng.integers(low, high, size=n))
            x_t, v = noised(latents, torch.randn(latents.shape, generator=torch_rng), t, alpha_bar)
            output = pipeline.unet(
                x_t.repeat(3, 1, 1, 1), t.repeat(3), encoder_hidden_states=torch.cat(captions)
            ).sample
            losses[name].append([(part - v).square().mean().item() for part in output.chunk(3)])
    return {name: _gaps(np.array(rows)) for name, rows in losses.items()}


def _gaps(losses: np.ndarray) -> dict[str, float]:
    """Convert losses (concepts, 3) under right, wrong and empty captions to gaps in percent of the mean right loss."""
    base = losses[:, 0].mean()
    gaps = 100 * (losses[:, 1:] - losses[:, :1]) / base
    mean, error = gaps.mean(0), gaps.std(0, ddof=1) / len(gaps) ** 0.5
    keys = ("wrong_minus_right", "empty_minus_right")
    result = {key: float(value) for key, value in zip(keys, mean, strict=True)}
    result |= {f"{key}_standard_error": float(value) for key, value in zip(keys, error, strict=True)}
    return result | {"loss": float(base)}


@torch.no_grad()
def generate(
    pipeline: StableDiffusionPipeline, concepts: Sequence[str], seed: int, n: int, guidance: float, steps: int
) -> torch.Tensor:
    """Generate `n` images from each concept's name: float32 (concepts, n, 3, H, W) in [0, 1]."""
    rows = []
    for concept in concepts:
        images = pipeline(
            [f"a photo of {words(concept)}"] * n,
            guidance_scale=guidance,
            num_inference_steps=steps,
            generator=[generator(seed, "gate sample", concept, i) for i in range(n)],
            output_type="pt",
        ).images
        rows.append(images.float())
    return torch.stack(rows)


@torch.no_grad()
def recognition(recogniser: Recogniser, generated: torch.Tensor) -> dict[str, Any]:
    """Measure top-1 and top-5 of the recogniser on generated images (concepts, n, 3, H, W), and a concept's top-5."""
    top = torch.stack([recogniser(images).topk(5).indices for images in generated])  # (concepts, n, 5)
    hits = (top == torch.arange(len(generated))[:, None, None]).float()
    top5 = {concept: value.item() for concept, value in zip(recogniser.concepts, hits.sum(2).mean(1), strict=True)}
    return {"top1": hits[..., 0].mean().item(), "top5": hits.sum(2).mean().item(), "top5_by_concept": top5}


def word_shares(model: TextToImage, known: Sequence[str], folder: str | Path) -> dict[str, Any]:
    """Measure how many learned concepts have their own word as the nearest, or among the nearest three.

    Args:
        model: the text-to-image model.
        known: the words that it knows.
        folder: folder of the learned concepts.

    Returns:
        The two shares, and all ranks.
    """
    ranks = word_ranks(model, known, folder)
    return {f"top{n}": sum(rank <= n for rank in ranks.values()) / len(ranks) for n in (1, 3)} | {"ranks": ranks}


def contact_sheet(
    generated: torch.Tensor, concepts: Sequence[str], shown: int = 24, columns: int = 6, scale: int = 2
) -> Image.Image:
    """Draw two samples of every third concept or so, from images (concepts, n, 3, H, W) in [0, 1].

    They stand side by side, enlarged, with the name below; an RGB image.
    """
    side = generated.shape[-1] * scale
    chosen = np.linspace(0, len(concepts) - 1, min(shown, len(concepts))).round().astype(int)
    sheet = Image.new("RGB", (columns * (2 * side + 8), -(-len(chosen) // columns) * (side + 20)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, index in enumerate(chosen):
        x, y = place % columns * (2 * side + 8), place // columns * (side + 20)
        for i, image in enumerate(to_uint8(generated[index, :2]).transpose(0, 2, 3, 1)):
            tile = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(tile, (x + i * side, y))
        draw.text((x + 4, y + side + 3), words(concepts[index]), fill="black")
    return sheet
