"""Textual inversion as the official script runs it, written plainly: the reference of `textual_inversion.py`.

The token joins the vocabulary, the whole embedding matrix is optimised by AdamW and all other rows are written back
after each step; every step encodes its images and its captions anew; activations are computed twice (gradient
checkpointing); at the end the whole pipeline is saved. (The official code does not write rows back, so that weight
decay shrinks every other word: an accident, which would make the two incomparable.)
"""

import torch
from torch.nn import functional as F


def learn(images, model, settings, generator, token, draw, weight_decay=1e-2, watch=None):
    """Images (N, 3, S, S) in [0, 1] -> losses, one a step. Changes `model`, whose matrix then holds the token.

    `draw(count, settings, generator)` gives a step's rows, whether each is mirrored, timesteps and caption. After
    every step `watch(steps done, vector)` may end it by a true value.
    """
    tokenizer, text_encoder, unet, vae = model.tokenizer, model.text_encoder, model.unet, model.vae
    start = model.word_vector(settings.initial_word)
    tokenizer.add_tokens([token])
    text_encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    matrix, row = text_encoder.get_input_embeddings().weight, tokenizer.convert_tokens_to_ids(token)
    matrix.data[row] = start
    matrix.requires_grad_(True)
    before, others = matrix.detach().clone(), torch.arange(len(matrix)) != row
    unet.enable_gradient_checkpointing()
    unet.train()
    optimiser = torch.optim.AdamW([matrix], lr=settings.learning_rate, weight_decay=weight_decay)
    losses = []
    for _ in range(settings.steps):
        rows, mirrored, t, caption = draw(len(images), settings, generator)
        batch = torch.stack([images[i].flip(-1) if flip else images[i] for i, flip in zip(rows, mirrored, strict=True)])
        with torch.no_grad():
            posterior = vae.encode(batch * 2 - 1).latent_dist
            latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=generator)
            latents = latents * vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=generator)
        alpha_bar = model.alphas_cumprod[t].view(-1, 1, 1, 1)
        noised = alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * noise
        captions = [caption.format(token=token)] * len(rows)
        ids = tokenizer(captions, padding="max_length", max_length=tokenizer.model_max_length, return_tensors="pt")
        context = text_encoder(ids.input_ids).last_hidden_state
        predicted = unet(noised, t, encoder_hidden_states=context).sample
        velocity = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * latents
        target = noise if model.prediction == "epsilon" else velocity
        loss = F.mse_loss(predicted, target)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            matrix[others] = before[others]
        losses.append(loss.item())
        if watch and watch(len(losses), matrix[row]):
            break
    return losses


def save(model, folder):
    """The whole pipeline, as the official script leaves one for every group."""
    for name in ("vae", "unet", "text_encoder", "tokenizer"):
        getattr(model, name).save_pretrained(folder / name)
