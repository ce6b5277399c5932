"""Textual inversion (Gal et al. 2022) of a whole group, attacked images and clean ones alike: the paper's Eq. 5.

What differs from the official script, and why: latents' means and deviations are computed once, since the encoder
does not change (the posterior is still sampled anew each step); only the one vector is optimised, while AdamW over
the whole embedding matrix also shrank every other word; the vector is saved, not the whole pipeline.
"""

import hashlib
import math
import pickle
from pathlib import Path

import torch
from tqdm import tqdm

from cosalpure import __version__
from cosalpure.concept import Concept
from cosalpure.errors import UserError
from cosalpure.io import through_jpeg, whole_file

LOSS_SCALE = 4096.0  # in float16 the gradient of one vector would round to zero


def learn(images, model, settings, generator, token, checkpoint=None):
    """Learn the concept of `images` (N, 3, H, W) in [0, 1] -> (Concept, losses: list of float, one a step).

    `model` is a `networks.text_to_image.TextToImage`, `settings` a `ConceptLearning`; all draws use `generator`.
    With `checkpoint`, a file, an interrupted run goes on from there, to the same result.
    """
    if token in model.tokenizer.get_vocab():
        raise UserError(f"concept {token}: {model.name} already has a token of this name; rename the group")
    # 1. Encode the images and their mirror images once: (2, N, C, h, w) each.
    seen = images if settings.jpeg is None else through_jpeg(images, settings.jpeg)
    pairs = [model.encode(view) for view in (seen, seen.flip(-1))]
    mean, std = (torch.stack(parts) for parts in zip(*pairs, strict=True))

    # 2. The one vector that is optimised starts as a plain word.
    vector = model.word_vector(settings.initial_word).requires_grad_()
    optimiser = torch.optim.Adam([vector], lr=settings.learning_rate)
    progress = Progress(checkpoint, _fingerprint(images, model, settings, generator, token))
    losses = progress.resume(vector, optimiser, generator)

    for step in tqdm(range(len(losses), settings.steps), desc=f"learn {token}", unit="step", leave=False):
        # 3. A batch: images, mirrored or not, latents sampled from their posterior, noise, timesteps, a caption.
        rows, mirrored, t, caption = _draw(len(images), settings, generator)
        mean_rows, std_rows = mean[mirrored, rows], std[mirrored, rows]
        latents = mean_rows + std_rows * _randn(mean_rows, generator)
        noise = _randn(latents, generator)

        # 4. Eq. 5: the network's prediction error under the caption, in which the token reads the vector.
        optimiser.zero_grad()
        prompt = caption.format(token=token)
        loss = _accumulate_gradient(
            model, vector, prompt, token, model.add_noise(latents, noise, t), t, model.target(latents, noise, t)
        )
        if not math.isfinite(loss):
            raise UserError(f"concept {token}: the loss is {loss} after {len(losses)} steps; lower learning_rate")
        optimiser.step()
        losses.append(loss)
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            progress.save(vector, optimiser, generator, losses)
    return Concept(token, vector.detach().cpu()), losses


def _accumulate_gradient(model, vector, prompt, token, noised, t, target):
    """The loss, its gradient added to `vector.grad`; in smaller batches when memory runs out."""
    scale = LOSS_SCALE if model.dtype == torch.float16 else 1.0

    def part(noised, t, target):
        context = model.embed([prompt], token, vector).expand(len(noised), -1, -1)
        error = (model.predict(noised, t, context) - target).square().flatten(1).mean(1)
        (error.sum() * scale / count).backward()
        return error.detach()

    count = len(noised)
    errors = model.batches(part, noised, t, target)
    vector.grad /= scale
    return errors.mean().item()


class Progress:
    """The state of a learning run in a file, so that it can go on after an interruption; None keeps no file."""

    def __init__(self, path, fingerprint):
        self.path, self.fingerprint = path and Path(path), fingerprint

    def resume(self, vector, optimiser, generator):
        """Restores the three from the file; the losses so far. A file of another run, or a broken one, is ignored."""
        if self.path is None or not self.path.is_file():
            return []
        try:
            state = torch.load(self.path, weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            return []
        if state.get("fingerprint") != self.fingerprint:
            return []
        with torch.no_grad():
            vector.copy_(state["vector"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        return state["losses"]

    def save(self, vector, optimiser, generator, losses):
        if self.path is None:
            return
        state = {"fingerprint": self.fingerprint, "vector": vector.detach(), "optimiser": optimiser.state_dict()}
        with whole_file(self.path) as temporary:
            torch.save(state | {"generator": generator.get_state(), "losses": losses}, temporary)


def _fingerprint(images, model, settings, generator, token):
    """What the result depends on, as a hash: a checkpoint of anything else must not be taken up."""
    parts = [
        __version__,
        model.name,
        model.files,
        str(model.dtype),
        model.resolution,
        settings.model_dump_json(),
        token,
    ]
    digest = hashlib.sha256(repr(parts).encode())
    digest.update(generator.get_state().numpy().tobytes())
    digest.update(images.contiguous().numpy().tobytes())
    return digest.hexdigest()


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
