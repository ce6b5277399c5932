"""A text-to-image latent diffusion model: any diffusers folder with the Stable Diffusion components.

An adapter with one convention, after k-diffusion: the paper's encoder E, decoder D, text encoder Gamma and the
conditional network as `predict_x0`, whether it was trained to predict epsilon or v. Weights stay frozen.
"""

from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F

from cosalpure.errors import UserError

COMPONENTS = ("vae", "unet", "text_encoder", "tokenizer", "scheduler")


class TextToImage:
    """The frozen components of a pipeline folder at `path`, for images of `resolution` x `resolution` px."""

    def __init__(self, path, resolution, device="cpu"):
        vae, unet, text_encoder, tokenizer, scheduler = _load_components(path)
        self.vae = vae.to(device).float().eval().requires_grad_(False)
        self.unet = unet.to(device).float().eval().requires_grad_(False)
        self.text_encoder = text_encoder.to(device).float().eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.device, self.resolution = torch.device(device), resolution
        self.prediction = scheduler.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise UserError(f"{path}/scheduler: prediction_type '{self.prediction}'; expected epsilon or v_prediction")
        self.alphas_cumprod = scheduler.alphas_cumprod.to(device)  # (1000,): the paper's alpha bar
        if self.device.type == "cpu":  # at small sizes plain matrix products beat the fused attention
            from diffusers.models.attention_processor import AttnProcessor

            self.unet.set_attn_processor(AttnProcessor())

    @torch.no_grad()
    def encode(self, images):
        """Images (N, 3, H, W) in [0, 1] -> mean and standard deviation of the scaled latents, each (N, C, h, w)."""
        side = (self.resolution, self.resolution)
        if tuple(images.shape[-2:]) != side:
            images = F.interpolate(images, side, mode="bicubic", antialias=True).clamp(0, 1)
        posterior = self.vae.encode(images.to(self.device) * 2 - 1).latent_dist
        scale = self.vae.config.scaling_factor
        return posterior.mean * scale, posterior.std * scale

    @torch.no_grad()
    def decode(self, latents, size):
        """Scaled latents (N, C, h, w) -> images (N, 3, *size) in [0, 1], on the CPU."""
        images = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        images = (images / 2 + 0.5).clamp(0, 1)
        if tuple(images.shape[-2:]) != tuple(size):
            images = F.interpolate(images, size, mode="bicubic", antialias=True).clamp(0, 1)
        return images.cpu()

    def embed(self, prompts, token=None, vector=None):
        """Captions -> context (N, L, D). `token` in a caption stands for the one embedding `vector` (D,)."""
        tokenizer = self.tokenizer
        known = len(tokenizer)
        pieces = [prompt.split(token) if token else [prompt] for prompt in prompts]
        rows = [
            _join([tokenizer(text, add_special_tokens=False).input_ids for text in parts], known) for parts in pieces
        ]
        length = tokenizer.model_max_length
        start, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
        rows = [[start, *row[: length - 2], end] for row in rows]
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows], device=self.device)
        with _extra_token(self.text_encoder.get_input_embeddings(), known, vector):
            return self.text_encoder(ids).last_hidden_state

    def word_vector(self, word):
        """The input embedding (D,) of a word that is one token, a copy."""
        ids = self.tokenizer(word, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise UserError(f"concept.initial_word: '{word}' is {len(ids)} tokens of this model; it must be one")
        return self.text_encoder.get_input_embeddings().weight[ids[0]].detach().clone()

    def predict(self, latents, t, context):
        """The network's output (N, C, h, w), epsilon or v, for latents at timesteps `t` (N,) under `context`."""
        return self.unet(latents, t, encoder_hidden_states=context).sample

    def target(self, latents, noise, t):
        """What the network was trained to predict for latents noised by `noise` at timesteps `t` (N,)."""
        if self.prediction == "epsilon":
            return noise
        alpha, sigma = self.alpha_sigma(t)
        return alpha * noise - sigma * latents

    def add_noise(self, latents, noise, t):
        """Eq. 7: sqrt(alpha bar) z_0 + sqrt(1 - alpha bar) epsilon."""
        alpha, sigma = self.alpha_sigma(t)
        return alpha * latents + sigma * noise

    def predict_x0(self, latents, t, context):
        """The clean latents (N, C, h, w) that the network sees behind `latents` at timesteps `t` (N,)."""
        alpha, sigma = self.alpha_sigma(t)
        output = self.predict(latents, t, context)
        if self.prediction == "epsilon":
            return (latents - sigma * output) / alpha
        return alpha * latents - sigma * output

    def alpha_sigma(self, t):
        """Signal and noise scale at timesteps `t` (N,), each (N, 1, 1, 1)."""
        alpha_bar = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def _load_components(path):
    """The five components of a pipeline folder; a UserError names what is missing."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    missing = [name for name in COMPONENTS if not (Path(path) / name).is_dir()]
    if missing:
        raise UserError(f"{path}: not a diffusers pipeline folder with Stable Diffusion's components; no {missing[0]}/")
    classes = (AutoencoderKL, UNet2DConditionModel, CLIPTextModel, CLIPTokenizer, DDPMScheduler)
    try:
        return [cls.from_pretrained(Path(path) / name) for name, cls in zip(COMPONENTS, classes, strict=True)]
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}") from None


def _join(parts, separator):
    """Lists of ids with the id `separator` between them: [[1, 2], [3]] -> [1, 2, separator, 3]."""
    row = list(parts[0])
    for part in parts[1:]:
        row += [separator, *part]
    return row


@contextmanager
def _extra_token(embedding, token_id, vector):
    """Within the block, id `token_id`, one past the vocabulary, reads `vector`; the matrix stays as it is."""
    seen = []

    def before(_, args):
        seen.append(args[0] == token_id)
        return (args[0].masked_fill(seen[-1], 0),)

    def after(_, args, output):
        return torch.where(seen.pop()[..., None], vector.to(output), output)

    if vector is None:
        yield
        return
    hooks = [embedding.register_forward_pre_hook(before), embedding.register_forward_hook(after)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
