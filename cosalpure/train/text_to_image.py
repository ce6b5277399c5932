"""The mini text-to-image model: a small latent diffusion model in diffusers' stock Stable Diffusion classes.

A U-Net with cross-attention to the frozen text encoder of `text_encoder.py`, in the latent space of `autoencoder.py`,
trained to predict v (Salimans & Ho 2022) as Stable Diffusion 2 is. It knows the names of the dev and test concepts,
as Stable Diffusion knows its words, but the benchmark's compositions come from other seeds than its training images.

    train_text_to_image(output_dir, text_encoder_dir, autoencoder_dir)   ->  output_dir/final, a pipeline folder
    DiffusionPipeline.from_pretrained(output_dir / "final")
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTokenizer

from cosalpure.concept.words import words
from cosalpure.data.mini import MiniWorld
from cosalpure.io import whole_file, whole_folder
from cosalpure.seeds import generator, numpy_generator
from cosalpure.train.autoencoder import load_autoencoder
from cosalpure.train.batches import in_order
from cosalpure.train.common import moving_average, seeded, train, update, write_json
from cosalpure.train.compute import Compute
from cosalpure.train.graphs import graphed
from cosalpure.train.text_encoder import GENERIC, OTHERS, PLAIN, compose, known_concepts, load_text_encoder

SCHEDULE: dict[str, Any] = {  # Stable Diffusion's
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "v_prediction",
}


@dataclass
class TextToImageSettings:
    """How the U-Net is built and trained."""

    seed: int = 0
    steps: int = 10_000  # of half a second on one free core
    batch: int = 16  # twice the steps of 32 in the same time: it is steps that a training this short lacks
    learning_rate: float = 1e-3
    warmup: int = 200
    ema: float = 0.999
    channels: tuple[int, ...] = (48, 96, 128)  # at 16 x 16, 8 x 8, 4 x 4
    heads: tuple[int, ...] = (3, 6, 8)  # 16 channels a head
    attention_at_full_size: bool = True  # cross-attention at 16 x 16, too; self-attention there would cost a third more
    norm_groups: int = 16
    large: float = 0.0  # share of steps at twice the side, at which purification works; such a step costs four to six
    images_per_concept: int = 384  # of the pool: half portraits, half scenes; half as many at twice the side
    portraits: float = 0.5  # large objects on plain backgrounds, from which shape is learned sooner
    high_t: float = 0.85  # share of timesteps from `high_t_from`-1000, where the caption decides
    high_t_from: int = 200
    drop_caption: float = 0.1  # for classifier-free guidance
    generic_caption: float = 0.07  # share of captions that say "object" (5 in 7) or "none" instead of the name
    plain_caption: float = 0.8  # share of captions in one of the four plain templates
    early_step: int = 800  # a first pipeline is exported here, to develop against
    checkpoint_every: int = 200
    log_every: int = 25


def build_unet(
    settings: TextToImageSettings, latent_channels: int, cross_attention_dim: int, sample_size: int = 16
) -> UNet2DConditionModel:
    """Build a small UNet2DConditionModel with a zeroed output convolution, initialised from the settings' seed."""
    first = "CrossAttn" if settings.attention_at_full_size else ""
    with seeded(settings.seed, "unet"):
        unet = UNet2DConditionModel(
            sample_size=sample_size,
            in_channels=latent_channels,
            out_channels=latent_channels,
            down_block_types=(f"{first}DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", f"{first}UpBlock2D"),
            block_out_channels=settings.channels,
            layers_per_block=1,
            attention_head_dim=settings.heads,  # diffusers means the number of heads
            cross_attention_dim=cross_attention_dim,
            only_cross_attention=(settings.attention_at_full_size, False, False),
            norm_num_groups=settings.norm_groups,
            use_linear_projection=True,
        )
    torch.nn.init.zeros_(unet.conv_out.weight)
    torch.nn.init.zeros_(unet.conv_out.bias)
    return unet


def alphas_cumprod() -> torch.Tensor:
    """Compute the cumulative products of SCHEDULE's alphas, (1000,)."""
    products: torch.Tensor = DPMSolverMultistepScheduler(**SCHEDULE).alphas_cumprod
    return products


def noised(
    latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor, alpha_bar: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise latents (N, C, h, w) to timesteps t (N,), and compute the target v.

    v = alpha epsilon - sigma x_0 (Salimans and Ho 2022, appendix D).

    Returns:
        x_t, v.
    """
    alpha = alpha_bar[t].sqrt()[:, None, None, None]
    sigma = (1 - alpha_bar[t]).sqrt()[:, None, None, None]
    return alpha * latents + sigma * noise, alpha * noise - sigma * latents


# --------------------------------------------------------------------------------------------- the training data


@dataclass
class Pool:
    """The posteriors of training images of one size, by concept."""

    mean: torch.Tensor  # (concepts x images, C, h, w), float16, scaled as the U-Net sees them
    std: torch.Tensor
    images: int  # a concept

    def draw(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        """Draw `count` images: means and standard deviations (count, C, h, w), and the numbers of their concepts."""
        chosen = rng.integers(len(self.mean), size=count)
        return self.mean[chosen].float(), self.std[chosen].float(), chosen // self.images


def make_pool(
    folder: Path, world: MiniWorld, images: int, vae: AutoencoderKL, settings: TextToImageSettings, compute: Compute
) -> Pool:
    """Compose and encode `images` images a concept, both kept in `folder`."""
    pixels = compose_pool(folder / f"pool-{world.size}.npy", world, images, settings, compute.workers)
    posteriors = encode_pool(folder / f"pool-{world.size}.pt", pixels, vae, compute.torch_device)
    return Pool(**posteriors, images=images)


def compose_pool(
    path: Path, world: MiniWorld, images: int, settings: TextToImageSettings, workers: int = 0
) -> np.ndarray:
    """Compose the training images, uint8 (concepts x images, size, size, 3), by concept, as one .npy."""

    def compose_all(concept: str) -> list[np.ndarray]:
        rng = numpy_generator(settings.seed, "pool", concept)
        return [compose(world, rng, concept, settings.portraits) for _ in range(images)]

    if not Path(path).exists():
        names = known_concepts(world)
        composed = tqdm(in_order(compose_all, names, workers), desc="composing", total=len(names), mininterval=5)
        pixels = np.stack([image for of_concept in composed for image in of_concept])
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.save(file, pixels)
    kept: np.ndarray = np.load(path, mmap_mode="r")
    return kept


@torch.no_grad()
def encode_pool(
    path: Path, images: np.ndarray, vae: AutoencoderKL, device: torch.device | str = "cpu", batch: int = 64
) -> dict[str, torch.Tensor]:
    """Encode images to their posteriors, scaled: {"mean", "std"} of (N, C, h, w) float16 tensors, kept at `path`."""
    if not Path(path).exists():
        scale, means, stds = vae.to(device).config.scaling_factor, [], []
        for start in tqdm(range(0, len(images), batch), desc="encoding", mininterval=5):
            pixels = torch.from_numpy(np.array(images[start : start + batch])).permute(0, 3, 1, 2).float() / 127.5 - 1
            posterior = vae.encode(pixels.to(device)).latent_dist
            means.append((posterior.mean * scale).half().cpu())
            stds.append((posterior.std * scale).half().cpu())
        vae.cpu()
        with whole_file(path) as temporary:
            torch.save({"mean": torch.cat(means), "std": torch.cat(stds)}, temporary)
    pool: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return pool


class Captions:
    """Every caption's hidden states, computed once: the text encoder is frozen."""

    def __init__(self, names: Sequence[str], tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel) -> None:
        self.templates = (*PLAIN, *OTHERS)
        self.names = [*names, *GENERIC]
        texts = [template.format(name) for name in self.names for template in self.templates]
        self.states = encode_captions([*texts, ""], tokenizer, text_encoder)  # (texts + 1, tokens, width)

    def draw(
        self, rng: np.random.Generator, labels: Sequence[int] | np.ndarray, settings: TextToImageSettings
    ) -> torch.Tensor:
        """Draw a random caption for each label (index into names), as hidden states (N, tokens, width)."""
        indices = []
        for label in labels:
            if rng.random() < settings.drop_caption:
                indices.append(len(self.states) - 1)
                continue
            if rng.random() < settings.generic_caption:
                label = len(self.names) - (2 if rng.random() < 5 / 7 else 1)
            plain = rng.random() < settings.plain_caption
            template = rng.integers(len(PLAIN)) if plain else rng.integers(len(PLAIN), len(self.templates))
            indices.append(int(label) * len(self.templates) + int(template))
        return self.states[indices]


@torch.no_grad()
def encode_captions(
    captions: Sequence[str], tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, batch: int = 256
) -> torch.Tensor:
    """Encode captions as hidden states (N, tokens, width), as StableDiffusionPipeline does."""
    ids = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return torch.cat([text_encoder(part)[0] for part in ids.split(batch)])


# -------------------------------------------------------------------------------------------------- the training


def train_text_to_image(
    output_dir: str | Path,
    text_encoder_dir: str | Path,
    autoencoder_dir: str | Path,
    settings: TextToImageSettings | None = None,
    world: MiniWorld | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train the U-Net and return the folder of the pipeline, `output_dir`/final.

    After `early_step` steps, `output_dir`/early is written, too.
    """
    settings, world, output_dir = settings or TextToImageSettings(), world or MiniWorld(), Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    compute = compute or Compute()
    tokenizer, text_encoder = load_text_encoder(text_encoder_dir)
    vae = load_autoencoder(autoencoder_dir)

    # 1. A pool of latents, and of captions' hidden states: only the U-Net runs in a step
    pool = make_pool(output_dir, world, settings.images_per_concept, vae, settings, compute)
    large = pool
    if settings.large:
        large = make_pool(
            output_dir, world.at(2 * world.size), settings.images_per_concept // 2, vae, settings, compute
        )
    captions = Captions([words(concept) for concept in known_concepts(world)], tokenizer, text_encoder)
    alpha_bar = alphas_cumprod()

    # 2. The U-Net; plain matrix products are a third faster than fused attention at 64 tokens
    unet = build_unet(settings, vae.config.latent_channels, text_encoder.config.hidden_size, pool.mean.shape[-1])
    unet.set_attn_processor(AttnProcessor())
    unet = unet.to(compute.torch_device)
    ema = moving_average(unet, settings.ema)
    optimizer = torch.optim.AdamW(unet.parameters(), betas=(0.9, 0.99), weight_decay=0.01, fused=compute.on_gpu)
    predict = graphed(lambda unet, x_t, t, hidden: unet(x_t, t, encoder_hidden_states=hidden).sample, unet, compute)

    # 3. v-prediction on noised latents
    def draw(step: int, progress: float) -> tuple[torch.Tensor, ...]:
        rng, torch_rng = numpy_generator(settings.seed, "unet", step), generator(settings.seed, "unet", step)
        mean, std, concepts = draw_images(rng, pool, large, settings)
        hidden = captions.draw(rng, concepts, settings)
        noise, jitter = (torch.randn(mean.shape, generator=torch_rng) for _ in range(2))
        t = draw_timesteps(rng, settings)
        x_t, v = noised(mean + std * jitter, noise, t, alpha_bar)
        return x_t, t, hidden, v

    def learn(batch: tuple[torch.Tensor, ...], progress: float) -> dict[str, Any]:
        x_t, t, hidden, v = batch
        loss = F.mse_loss(predict(x_t, t, hidden), v)
        update(loss, optimizer, [unet], ema)
        return {"loss": loss.detach()}

    def after_checkpoint(step: int) -> None:
        if step >= settings.early_step > step - settings.checkpoint_every:
            export_pipeline(output_dir / "early", tokenizer, text_encoder, vae, ema.module)

    parts = {"unet": unet, "ema": ema, "optimizer": optimizer}
    train("text to image", draw, learn, parts, output_dir, settings, compute, after_checkpoint)
    write_json(output_dir / "settings.json", asdict(settings))
    return export_pipeline(output_dir / "final", tokenizer, text_encoder, vae, ema.module)


def draw_images(
    rng: np.random.Generator, pool: Pool, large: Pool, settings: TextToImageSettings
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Draw a batch from one of the pools as `Pool.draw` does, from `large` in a share `settings.large` of the steps."""
    return (large if settings.large and rng.random() < settings.large else pool).draw(rng, settings.batch)


def draw_timesteps(rng: np.random.Generator, settings: TextToImageSettings) -> torch.Tensor:
    """Draw timesteps (batch,): a share of `high_t` uniform from `high_t_from` to 999, the rest uniform below."""
    high = rng.random(settings.batch) < settings.high_t
    low_t = rng.integers(0, settings.high_t_from, size=settings.batch)
    high_t = rng.integers(settings.high_t_from, SCHEDULE["num_train_timesteps"], size=settings.batch)
    return torch.from_numpy(np.where(high, high_t, low_t))


# --------------------------------------------------------------------------------------------------- the export


def export_pipeline(
    folder: str | Path,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
) -> Path:
    """Write a StableDiffusionPipeline as a folder, half the size on disk as float16.

    Loaded without options it is float32. The small text encoder stays float32, for transformers, unlike diffusers, loads weights
    in the type they have.
    """
    vae, unet = (copy.deepcopy(model).cpu().half() for model in (vae, unet))
    unet.set_default_attn_processor()
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE, steps_offset=1, timestep_spacing="trailing"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with whole_folder(folder) as temporary:
        pipeline.save_pretrained(temporary)
        for path in temporary.glob("*/config.json"):  # where a part was trained is nobody's business
            config = json.loads(path.read_text())
            path.write_text(json.dumps({k: v for k, v in config.items() if k != "_name_or_path"}, indent=2) + "\n")
    return Path(folder)
