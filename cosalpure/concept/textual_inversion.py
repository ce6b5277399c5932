"""Textual inversion (Gal et al. 2022) of a whole group, attacked images and clean ones alike: the paper's Eq. 5.

What differs from the official script, and why: latents' means and deviations are computed once, since the encoder
does not change (the posterior is still sampled anew each step); only the one vector is optimised, while AdamW over
the whole embedding matrix also shrank every other word; the vector is saved, not the whole pipeline.
"""

import hashlib
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from cosalpure import __version__
from cosalpure.concept import Concept
from cosalpure.concept.settings import ConceptLearning
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError
from cosalpure.io import through_jpeg, whole_file

ASK_EVERY, PATIENCE = 10, 2  # steps between questions of a plateau; questions that it must last
LOSS_SCALE = 4096.0  # in float16 the gradient of one vector would round to zero


def learn(
    images: torch.Tensor,
    model: TextToImage,
    settings: ConceptLearning,
    generator: torch.Generator,
    token: str,
    checkpoint: str | Path | None = None,
) -> tuple[Concept, list[float]]:
    """Learn the concept of `images` (N, 3, H, W) in [0, 1]; return it and the loss of each step.

    `model` is a `diffusion.text_to_image.TextToImage`, `settings` a `ConceptLearning`; all draws use `generator`.
    With `checkpoint`, a file, an interrupted run goes on from there, to the same result.
    """
    (result,) = learn_together([(images, generator, token, checkpoint)], model, settings)
    return result


def learn_together(
    groups: Sequence[tuple[Any, ...]], model: TextToImage, settings: ConceptLearning
) -> list[tuple[Concept, list[float]]]:
    """Learn one concept for each of `groups`, (images, generator, token, checkpoint) as `learn` takes them.

    Every group has its own vector, optimiser, draws and checkpoint; what they share is the network's batch. So a group's
    result is that of learning it alone, but for the rounding of a larger batch. The list of (Concept, losses), in order.
    """
    lessons = [Lesson(model, settings, *group) for group in groups]
    named = lessons[0].token if len(lessons) == 1 else f"{len(lessons)} concepts"
    done, total = sum(len(lesson.losses) for lesson in lessons), len(lessons) * settings.steps
    with tqdm(initial=done, total=total, desc=f"learn {named}", unit="step", leave=False) as bar:
        while left := [lesson for lesson in lessons if not lesson.ended]:
            for lesson, loss in zip(left, _losses_and_gradients(model, left), strict=True):
                lesson.step(loss)
            bar.update(len(left))
    return [(Concept(lesson.token, lesson.vector.detach().cpu()), lesson.losses) for lesson in lessons]


class Lesson:
    """One group's learning: its latents, the one vector that is optimised, and how far it has come."""

    def __init__(
        self,
        model: TextToImage,
        settings: ConceptLearning,
        images: torch.Tensor,
        generator: torch.Generator,
        token: str,
        checkpoint: str | Path | None = None,
    ) -> None:
        if token in model.tokenizer.get_vocab():
            raise UserError(f"concept {token}: {model.name} already has a token of this name; rename the group")
        self.model, self.settings, self.generator, self.token = model, settings, generator, token
        # 1. Encode the images and their mirror images once: (2, N, C, h, w) each.
        seen = images if settings.jpeg is None else through_jpeg(images, settings.jpeg)
        pairs = [model.encode(view) for view in (seen, seen.flip(-1))]
        self.mean, self.std = (torch.stack(parts) for parts in zip(*pairs, strict=True))

        # 2. The vector starts as a plain word.
        self.vector = model.word_vector(settings.initial_word).requires_grad_()
        self.optimiser = torch.optim.Adam([self.vector], lr=settings.learning_rate)
        self.progress = Progress(checkpoint, _fingerprint(images, model, settings, generator, token))
        self.question = None if settings.plateau is None else Question(self)
        self.losses, self.answers = self.progress.resume(self.vector, self.optimiser, generator)
        if self.question and not self.answers:
            self.answers.append(self.question())

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, str]:
        """Draw a batch (step 3): images, mirrored or not, their latents, noise, timesteps and a caption.

        Latents are sampled from their posterior.

        Returns:
            The noised latents, t, the network's target, (B, ...) each, and the caption with the token in it.
        """
        rows, mirrored, t, caption = _draw(self.mean.shape[1], self.settings, self.generator)
        mean, std = self.mean[mirrored, rows], self.std[mirrored, rows]
        latents = mean + std * _randn(mean, self.generator)
        noise = _randn(latents, self.generator)
        noised, target = self.model.add_noise(latents, noise, t), self.model.target(latents, noise, t)
        return noised, t, target, caption.format(token=self.token)

    def step(self, loss: float) -> None:
        """Take the optimiser's step (step 5) along the vector's gradient, and note its loss.

        The state is saved now and then.
        """
        if not math.isfinite(loss):
            done = len(self.losses)
            raise UserError(f"concept {self.token}: the loss is {loss} after {done} steps; lower learning_rate")
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.losses.append(loss)
        if self.question and len(self.losses) % ASK_EVERY == 0:
            self.answers.append(self.question())
        if len(self.losses) % self.settings.checkpoint_every == 0 or self.ended:
            self.progress.save(self.vector, self.optimiser, self.generator, self.losses, self.answers)

    @property
    def ended(self) -> bool:
        """Whether all steps are done, or the last questions found less than the plateau's share of what was gained."""
        if len(self.losses) >= self.settings.steps:
            return True
        if self.settings.plateau is None or len(self.answers) <= PATIENCE:
            return False
        before, now = min(self.answers[:-PATIENCE]), min(self.answers)
        return before - now <= self.settings.plateau * (self.answers[0] - now)


class Question:
    """The loss of a lesson's vector on draws that stay the same: every image once, timesteps spread over the range.

    The loss of single steps says little, as each has its own timesteps and noise; this one moves with the vector alone.
    """

    def __init__(self, lesson: Lesson) -> None:
        self.lesson, model = lesson, lesson.model
        draws = torch.Generator().manual_seed(lesson.generator.initial_seed() ^ 1)
        low, high = lesson.settings.timesteps
        latents, count = lesson.mean[0], lesson.mean.shape[1]
        self.t = (low + (torch.arange(count) + 0.5) / count * (high - low)).long()
        noise = _randn(latents, draws)
        self.noised, self.target = model.add_noise(latents, noise, self.t), model.target(latents, noise, self.t)

    def __call__(self) -> float:
        """Measure the loss of the vector as it is now."""
        lesson = self.lesson
        caption = lesson.settings.captions[0].format(token=lesson.token)
        return loss_on(lesson.model, self.noised, self.t, self.target, caption, lesson.token, lesson.vector)


@torch.no_grad()
def loss_on(
    model: TextToImage,
    noised: torch.Tensor,
    t: torch.Tensor,
    target: torch.Tensor,
    caption: str,
    token: str | None,
    vector: torch.Tensor | None,
) -> float:
    """Compute Eq. 5 on given draws, (B, ...) each: the mean squared error under one caption.

    The caption's `token` reads `vector`.
    """
    context = model.embed([caption], token, vector)

    def error(noised: torch.Tensor, t: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        predicted = model.predict(noised, t, context.expand(len(noised), -1, -1))
        return (predicted - target).square().flatten(1).mean(1)

    return float(model.passes(error, noised, t, target).mean())


def _losses_and_gradients(model: TextToImage, lessons: Sequence[Lesson]) -> list[float]:
    """Compute Eq. 5 for every lesson (step 4): the prediction error under its own caption.

    The caption's token reads the lesson's vector. One batch of all lessons' rows, or smaller ones when memory runs out.

    Returns:
        The losses. The gradients go to `vector.grad`.
    """
    noised, t, target, prompts = zip(*(lesson.draw() for lesson in lessons), strict=True)
    count = len(t[0])  # rows of every lesson
    owners = torch.arange(len(lessons)).repeat_interleave(count)
    scale = LOSS_SCALE if model.dtype == torch.float16 else 1.0

    def part(owner: torch.Tensor, noised: torch.Tensor, t: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        here, rows = (found.tolist() for found in torch.unique_consecutive(owner, return_counts=True))
        vectors = [lessons[i].vector for i in here]
        contexts = [model.embed([prompts[i]], lessons[i].token, lessons[i].vector) for i in here]
        context = torch.cat([one.expand(n, -1, -1) for one, n in zip(contexts, rows, strict=True)])
        error = (model.predict(noised, t, context) - target).square().flatten(1).mean(1)
        loss = error.sum() * scale / count
        for vector, gradient in zip(vectors, torch.autograd.grad(loss, vectors), strict=True):
            gradient = gradient / scale
            vector.grad = gradient if vector.grad is None else vector.grad + gradient
        return error.detach()

    errors = model.batches(part, owners, torch.cat(noised), torch.cat(t), torch.cat(target))
    return [rows.mean().item() for rows in torch.split(errors, count)]


class Progress:
    """The state of a learning run in a file, so that it can go on after an interruption; None keeps no file."""

    def __init__(self, path: str | Path | None, fingerprint: str) -> None:
        self.path, self.fingerprint = None if path is None else Path(path), fingerprint

    def resume(
        self, vector: torch.Tensor, optimiser: torch.optim.Optimizer, generator: torch.Generator
    ) -> tuple[list[float], list[float]]:
        """Restore the three from the file, and return losses and answers so far.

        A file of another run, or a broken one, is ignored.
        """
        if self.path is None or not self.path.is_file():
            return [], []
        try:
            state = torch.load(self.path, weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            return [], []
        if state.get("fingerprint") != self.fingerprint:
            return [], []
        with torch.no_grad():
            vector.copy_(state["vector"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        return state["losses"], state["answers"]

    def save(
        self,
        vector: torch.Tensor,
        optimiser: torch.optim.Optimizer,
        generator: torch.Generator,
        losses: list[float],
        answers: list[float],
    ) -> None:
        """Write the state to the file, if there is one."""
        if self.path is None:
            return
        state = {"fingerprint": self.fingerprint, "vector": vector.detach(), "optimiser": optimiser.state_dict()}
        with whole_file(self.path) as temporary:
            more = {"generator": generator.get_state(), "losses": losses, "answers": answers}
            torch.save(state | more, temporary)


def _fingerprint(
    images: torch.Tensor, model: TextToImage, settings: ConceptLearning, generator: torch.Generator, token: str
) -> str:
    """Hash what the result depends on: a checkpoint of anything else must not be taken up."""
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


def _draw(
    count: int, settings: ConceptLearning, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, str]:
    """Draw indices (B,) of images, whether each is mirrored (B,), timesteps (B,), and one caption."""
    batch = settings.batch
    rows = torch.randint(count, (batch,), generator=generator)
    mirrored = (torch.rand(batch, generator=generator) < settings.flip).long()
    t = torch.randint(*settings.timesteps, (batch,), generator=generator)
    caption = settings.captions[int(torch.randint(len(settings.captions), (1,), generator=generator))]
    return rows, mirrored, t, caption


def _randn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw standard normal values of the shape of `like`, on the CPU so that every device sees the same."""
    return torch.randn(like.shape, generator=generator).to(like.device)
