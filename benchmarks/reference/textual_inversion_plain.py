"""Textual inversion as the official scripts run it, written plainly: the reference of `textual_inversion.py`.

It follows huggingface/diffusers, examples/textual_inversion/textual_inversion.py, and with `checkpointing` V1len/CosalPure,
concept_learning.py, which computes activations twice. The token joins the vocabulary, the whole embedding matrix is optimised by
AdamW and all other rows are written back after each step; every step prepares and encodes its images and its captions anew.
(CosalPure's script does not write rows back, so that weight decay shrinks every other word: an accident, which would make the
two incomparable.) `save` leaves the whole pipeline, as that script does. Time beside the originals': docs/results/data/peers.csv.
"""

from types import SimpleNamespace

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from PIL import Image
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer


def load(folder):
    """The parts of the pipeline in `folder`, of which only the input embeddings ask for gradients."""
    parts = SimpleNamespace(
        tokenizer=CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"),
        text_encoder=CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").requires_grad_(False),
        vae=AutoencoderKL.from_pretrained(folder, subfolder="vae").requires_grad_(False),
        unet=UNet2DConditionModel.from_pretrained(folder, subfolder="unet").requires_grad_(False),
        scheduler=DDPMScheduler.from_pretrained(folder, subfolder="scheduler"),
    )
    parts.text_encoder.train()
    return parts


def learn(images, parts, settings, generator, token, draw, weight_decay=1e-2, watch=None, checkpointing=False):
    """Images (N, 3, S, S) in [0, 1] -> losses, one a step, and the learned vector. Changes `parts`, whose matrix then holds it.

    `draw(count, settings, generator)` gives a step's rows, whether each is mirrored, timesteps and caption. After
    every step `watch(steps done, vector)` may end it by a true value.
    """
    pictures = [Image.fromarray(its) for its in (images * 255).round().byte().permute(0, 2, 3, 1).numpy()]
    matrix, row = added(parts, token, settings.initial_word)
    before, others = matrix.detach().clone(), torch.arange(len(matrix)) != row
    if checkpointing:
        parts.text_encoder.gradient_checkpointing_enable()
        parts.unet.enable_gradient_checkpointing()
        parts.unet.train()
    optimiser = torch.optim.AdamW([matrix], lr=settings.learning_rate, weight_decay=weight_decay)
    losses = []
    for _ in range(settings.steps):
        rows, mirrored, t, caption = draw(len(images), settings, generator)
        batch = torch.stack([pixels(pictures[i], flip) for i, flip in zip(rows, mirrored, strict=True)])
        loss = error(parts, batch, t, caption.format(token=token), generator)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            matrix[others] = before[others]
        losses.append(loss.item())
        if watch and watch(len(losses), matrix[row].detach()):
            break
    return losses, matrix[row].detach()


def added(parts, token, word):
    """The embedding matrix with the token, which starts as a word, and the token's row."""
    tokenizer, text_encoder = parts.tokenizer, parts.text_encoder
    tokenizer.add_tokens([token])
    text_encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    matrix, row = text_encoder.get_input_embeddings().weight, tokenizer.convert_tokens_to_ids(token)
    matrix.data[row] = matrix.data[tokenizer.encode(word, add_special_tokens=False)[0]]
    matrix.requires_grad_(True)
    return matrix, row


def pixels(picture, flip):
    """A picture of the training set (3, S, S), in [-1, 1], resized to its size as the data loader does."""
    picture = picture.resize(picture.size, Image.Resampling.BICUBIC)
    picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
    return torch.from_numpy((np.array(picture) / 127.5 - 1).astype(np.float32)).permute(2, 0, 1)


def error(parts, batch, t, caption, generator):
    """Eq. 5 on a batch (B, 3, S, S) in [-1, 1] at timesteps t, every image under the caption."""
    scheduler, tokenizer = parts.scheduler, parts.tokenizer
    posterior = parts.vae.encode(batch).latent_dist
    latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=generator)
    latents = latents * parts.vae.config.scaling_factor
    noise = torch.randn(latents.shape, generator=generator)
    given = {"padding": "max_length", "truncation": True, "max_length": tokenizer.model_max_length}
    ids = torch.cat([tokenizer(caption, return_tensors="pt", **given).input_ids for _ in batch])
    context = parts.text_encoder(ids)[0]
    predicted = parts.unet(scheduler.add_noise(latents, noise, t), t, context).sample
    of_noise = scheduler.config.prediction_type == "epsilon"
    return F.mse_loss(predicted, noise if of_noise else scheduler.get_velocity(latents, noise, t))


def save(parts, folder):
    """The whole pipeline, as CosalPure's script leaves one for every group."""
    for name in ("vae", "unet", "text_encoder", "tokenizer"):
        getattr(parts, name).save_pretrained(folder / name)
