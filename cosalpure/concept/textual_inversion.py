"""Textual inversion (Gal et al. 2022) of a whole group, attacked images and clean ones alike: the paper's Eq. 5.

What differs from the official script, and why: latents' means and deviations are computed once, since the encoder
does not change (the posterior is still sampled anew each step); only the one vector is optimised, while AdamW over
the whole embedding matrix also shrank every other word; the vector is saved, not the whole pipeline.
"""

import torch
from tqdm import tqdm

from cosalpure.concept import Concept
from cosalpure.errors import UserError


def learn(images, model, settings, generator, token):
    """Learn the concept of `images` (N, 3, H, W) in [0, 1] -> (Concept, losses: list of float, one a step).

    `model` is a `networks.text_to_image.TextToImage`, `settings` a `ConceptLearning`; all draws use `generator`.
    """
    # 1. Encode the images and their mirror images once: (2, N, C, h, w) each.
    pairs = [model.encode(view) for view in (images, images.flip(-1))]
    mean, std = (torch.stack(parts) for parts in zip(*pairs, strict=True))

    # 2. The one vector that is optimised starts as a plain word.
    vector = model.word_vector(settings.initial_word).requires_grad_()
    optimiser = torch.optim.Adam([vector], lr=settings.learning_rate)

    losses = []
    for _ in tqdm(range(settings.steps), desc=f"learn {token}", unit="step", leave=False):
        # 3. A batch: images, mirrored or not, latents sampled from their posterior, noise, timesteps, a caption.
        rows, mirrored, t, caption = _draw(len(images), settings, generator)
        mean_rows, std_rows = mean[mirrored, rows], std[mirrored, rows]
        latents = mean_rows + std_rows * _randn(mean_rows, generator)
        noise = _randn(latents, generator)

        # 4. Eq. 5: the network's prediction error under the caption, in which the token reads the vector.
        context = model.embed([caption.format(token=token)], token, vector).expand(len(rows), -1, -1)
        output = model.predict(model.add_noise(latents, noise, t), t, context)
        loss = (output - model.target(latents, noise, t)).square().mean()
        if not torch.isfinite(loss):
            raise UserError(
                f"concept {token}: the loss is {loss.item()} after {len(losses)} steps; lower learning_rate"
            )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return Concept(token, vector.detach()), losses


def _draw(count, settings, generator):
    """Indices (B,) of images, whether each is mirrored (B,), timesteps (B,), and one caption."""
    batch = settings.batch
    rows = torch.randint(count, (batch,), generator=generator)
    mirrored = (torch.rand(batch, generator=generator) < settings.flip).long()
    t = torch.randint(*settings.timesteps, (batch,), generator=generator)
    caption = settings.templates[int(torch.randint(len(settings.templates), (1,), generator=generator))]
    return rows, mirrored, t, caption


def _randn(like, generator):
    """Standard normal values of the shape of `like`, drawn on the CPU so that every device sees the same."""
    return torch.randn(like.shape, generator=generator).to(like.device)
