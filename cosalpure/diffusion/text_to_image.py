"""A text-to-image latent diffusion model: any diffusers folder with the Stable Diffusion components.

An adapter with one convention, after k-diffusion: the paper's encoder E, decoder D, text encoder Gamma and the
conditional network as `predict_x0`, whether it was trained to predict epsilon or v. Weights stay frozen.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from cosalpure import networks
from cosalpure.bundled import located
from cosalpure.diffusion import pipeline_checks
from cosalpure.diffusion.batches import Batches
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.errors import UserError
from cosalpure.gradients import on_demand, through

CPU_ROWS = 4  # what a core's cache holds of a small model: a sixth faster than 16 (benchmarks/purify_group.py)
CPU_POSITIONS = CPU_ROWS * 64 * 64  # latent positions of a batch on a CPU: larger images come in smaller batches
COMPONENTS = ("vae", "unet", "text_encoder", "tokenizer", "scheduler")


class TextToImage:
    """The frozen components of a pipeline folder at `path`, for images of `resolution` x `resolution` px.

    `path` may also be `hf:OWNER/NAME[@REVISION]`. Autoencoder and network compute in `dtype`, the text encoder, latents
    and losses stay in float32. `batch` images at once at most, fewer when memory runs out. `channels_last` and `compile`
    are matters of speed: results differ by rounding. `gradient_checkpointing` is a matter of memory: gradients are equal.
    """

    def __init__(
        self,
        path: str | Path,
        resolution: int,
        device: Any = None,
        dtype: str = "auto",
        vae_slicing: bool = False,
        vae_tiling: bool = False,
        batch: int | None = None,
        channels_last: bool = False,
        compile: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        self.name, self.resolution = str(path), resolution
        self.device = torch.device(device or networks.default_device())
        self.dtype = _dtype(dtype, self.device)
        folder = _folder(path)
        vae, unet, text_encoder, self.tokenizer, scheduler = _load_components(folder, self.dtype)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        self.files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]  # which model it is
        self.vae, self.unet = (part.to(self.device).eval().requires_grad_(False) for part in (vae, unet))
        self.text_encoder = text_encoder.to(self.device).float().eval().requires_grad_(False)
        self.prediction = scheduler.config.prediction_type
        self.alphas_cumprod = scheduler.alphas_cumprod.to(self.device)  # (1000,): the paper's alpha bar
        self.latent_shape = self._latent_shape(resolution)
        self.batch = batch
        self.batches, self.passes = self._batches()
        if channels_last:
            self.vae, self.unet = (part.to(memory_format=torch.channels_last) for part in (self.vae, self.unet))
        if vae_slicing:
            self.vae.enable_slicing()
        if vae_tiling:
            self.vae.enable_tiling()
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        if self.device.type == "cpu":
            from cosalpure.diffusion.attention import AttentionBySize

            self.unet.set_attn_processor(AttentionBySize())
        if compile:
            self.unet.compile()  # in place, at the first pass and again for every other shape

    @classmethod
    def of(cls, settings: TextToImageSettings) -> "TextToImage":
        """Load the model that settings describe."""
        return cls(**settings.model_dump())

    def at(self, resolution: int | None) -> "TextToImage":
        """Return the same model, not loaded again, for images of `resolution` x `resolution` px; None is its own."""
        if resolution is None:
            return self
        other = copy.copy(self)
        other.resolution, other.latent_shape = resolution, self._latent_shape(resolution)
        if self.device.type == "cpu":  # on a GPU both share what was found to fit
            other.batches, other.passes = other._batches()
        return other

    def _batches(self) -> tuple[Batches, Batches]:
        """Make the batches of learning and those without gradients.

        On a CPU nothing is caught when memory runs out, so that without `batch` they depend on the size of the latents.
        """
        if self.batch is not None or self.device.type != "cpu":
            same = Batches(self.batch)
            return same, same
        _, height, width = self.latent_shape
        rows = max(1, min(CPU_ROWS, CPU_POSITIONS // (height * width)))
        return Batches(rows if rows < CPU_ROWS else None), Batches(rows)

    def _latent_shape(self, resolution: int) -> tuple[int, int, int]:
        shrunk, levels = (len(part.config.block_out_channels) - 1 for part in (self.vae, self.unet))
        factor = 2 ** (shrunk + levels)
        if resolution % factor:
            raise UserError(f"resolution: {resolution} is not a multiple of {factor}, which {self.name} needs")
        side = resolution // 2**shrunk
        return (self.vae.config.latent_channels, side, side)

    @on_demand
    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode images (N, 3, H, W) in [0, 1] as mean and standard deviation of the scaled latents, each (N, C, h, w)."""
        side = (self.resolution, self.resolution)
        if tuple(images.shape[-2:]) != side:
            images = F.interpolate(images, side, mode="bicubic", antialias=True).clamp(0, 1)
        return self.passes(self._encode, images)

    def _encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        posterior = self.vae.encode(images.to(self.device, self.dtype) * 2 - 1).latent_dist
        scale = self.vae.config.scaling_factor
        return posterior.mean.float() * scale, posterior.std.float() * scale

    @on_demand
    def decode(self, latents: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """Decode scaled latents (N, C, h, w) to images (N, 3, *size) in [0, 1], on the CPU."""
        images = self.passes(self._decode, latents)
        if tuple(images.shape[-2:]) != tuple(size):
            images = F.interpolate(images, tuple(size), mode="bicubic", antialias=True).clamp(0, 1)
        return images

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        images = self.vae.decode((latents / self.vae.config.scaling_factor).to(self.dtype)).sample
        shown: torch.Tensor = (images.float() / 2 + 0.5).clamp(0, 1).cpu()
        return shown

    def embed(
        self, prompts: Sequence[str], token: str | None = None, vector: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Embed captions as context (N, L, D). `token` in a caption stands for the one embedding `vector` (D,)."""
        ids = torch.tensor([self._ids(prompt, token) for prompt in prompts], device=self.device)
        vector = None if vector is None else vector.to(self.device)
        with _extra_token(self.text_encoder.get_input_embeddings(), len(self.tokenizer), vector):
            context: torch.Tensor = self.text_encoder(ids).last_hidden_state
        return context

    def position(self, prompt: str, token: str) -> int:
        """Find where in the context of `prompt` the concept's `token` stands."""
        ids = self._ids(prompt, token)
        if len(self.tokenizer) not in ids:
            raise UserError(f"prompt '{prompt}': {token} does not stand in it, or beyond the model's {len(ids)} tokens")
        return ids.index(len(self.tokenizer))

    def _ids(self, prompt: str, token: str | None) -> list[int]:
        """Tokenize a caption, padded to the model's length; the concept's id is one past the vocabulary."""
        tokenizer = self.tokenizer
        parts = prompt.split(token) if token else [prompt]
        row = _join([tokenizer(text, add_special_tokens=False).input_ids for text in parts], len(tokenizer))
        length = tokenizer.model_max_length
        row = [tokenizer.bos_token_id, *row[: length - 2], tokenizer.eos_token_id]
        return row + [tokenizer.pad_token_id] * (length - len(row))

    def word_vector(self, word: str) -> torch.Tensor:
        """Copy the input embedding (D,) of a word that is one token."""
        ids = self.tokenizer(word, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise UserError(f"concept.initial_word: '{word}' is {len(ids)} tokens of this model; it must be one")
        vectors: torch.Tensor = self.text_encoder.get_input_embeddings().weight
        return vectors[ids[0]].detach().clone()

    def predict(self, latents: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Predict epsilon or v (N, C, h, w) for latents at timesteps `t` (N,) under `context`."""
        latents, context = latents.to(self.dtype), context.to(self.dtype)
        output: torch.Tensor = self.unet(latents, t.to(self.device), encoder_hidden_states=context).sample
        return output.float()

    def target(self, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Compute what the network was trained to predict for latents noised by `noise` at timesteps `t` (N,)."""
        if self.prediction == "epsilon":
            return noise
        alpha, sigma = self.alpha_sigma(t)
        return alpha * noise - sigma * latents

    def add_noise(self, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Add noise to latents (N, C, h, w) by Eq. 7: sqrt(alpha bar) z_0 + sqrt(1 - alpha bar) epsilon."""
        alpha, sigma = self.alpha_sigma(t)
        return alpha * latents + sigma * noise

    def predict_x0(self, latents: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Predict the clean latents (N, C, h, w) that the network sees behind `latents` at timesteps `t` (N,)."""
        alpha, sigma = self.alpha_sigma(t)
        output = self.passes(partial(through, self.predict), latents, t, context)
        if self.prediction == "epsilon":
            return (latents - sigma * output) / alpha
        return alpha * latents - sigma * output

    def alpha_sigma(self, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Look up signal and noise scale at timesteps `t` (N,), each (N, 1, 1, 1)."""
        alpha_bar = self.alphas_cumprod[t.to(self.device)].view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def _folder(path: str | Path) -> Path:
    """Find the folder behind a path or `hf:OWNER/NAME[@REVISION]`, downloaded to the hub's cache if need be."""
    if not str(path).startswith("hf:"):
        return Path(located(path))
    from cosalpure.weights import hub_folder

    try:
        return Path(hub_folder(str(path).removeprefix("hf:")))
    except UserError as error:
        raise UserError(f"text_to_image.path: {path}: {error}") from None


def _dtype(name: str, device: torch.device) -> torch.dtype:
    """Choose the torch dtype of a setting.

    auto is float32 on the CPU; on a GPU it is bfloat16 where the GPU has it, else float16.
    """
    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _load_components(path: Path, dtype: torch.dtype) -> tuple[Any, ...]:
    """Load the five components of a pipeline folder, the large ones in `dtype`.

    Raises:
        UserError: for a component that is missing or cannot be read.
    """
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    pipeline_checks.check_folder(path, COMPONENTS)
    try:
        found = (
            pipeline_checks.loaded(AutoencoderKL, path / "vae", torch_dtype=dtype),
            pipeline_checks.loaded(UNet2DConditionModel, path / "unet", torch_dtype=dtype),
            pipeline_checks.loaded(CLIPTextModel, path / "text_encoder"),
            CLIPTokenizer.from_pretrained(path / "tokenizer"),
            DDPMScheduler.from_pretrained(path / "scheduler"),
        )
        pipeline_checks.check_loaded(path, *found[2:])
        return found
    except UserError:
        raise
    except Exception as error:  # the libraries' errors on damaged files share no class
        raise pipeline_checks.unreadable(path, error) from None


def _join(parts: Sequence[list[int]], separator: int) -> list[int]:
    """Join lists of ids with the id `separator` between them: [[1, 2], [3]] becomes [1, 2, separator, 3]."""
    row = list(parts[0])
    for part in parts[1:]:
        row += [separator, *part]
    return row


@contextmanager
def _extra_token(embedding: Any, token_id: int, vector: torch.Tensor | None) -> Iterator[None]:
    """Let id `token_id`, one past the vocabulary, read `vector` within the block; the matrix stays as it is."""
    seen = []

    def before(_: Any, args: tuple[Any, ...]) -> tuple[torch.Tensor]:
        seen.append(args[0] == token_id)
        return (args[0].masked_fill(seen[-1], 0),)

    if vector is None:
        yield
        return
    word = vector

    def after(_: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
        return torch.where(seen.pop()[..., None], word.to(output), output)

    hooks = [embedding.register_forward_pre_hook(before), embedding.register_forward_hook(after)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
