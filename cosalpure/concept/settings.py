"""Settings of concept learning, and of what shows the concepts."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from cosalpure.concept.templates import TEMPLATES
from cosalpure.schema import SPEED, Fraction, Model, check_placeholders


class ConceptLearning(Model):
    """Learning of a group's concept by textual inversion (the paper's Sec. 4.2, Eq. 5). Defaults: the official script."""

    steps: PositiveInt = Field(2000, description="Number of optimiser steps.")
    batch: PositiveInt = Field(4, description="Number of images in each step.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        2e-3, description="Constant learning rate. The official script scales 5e-4 by its batch size of 4."
    )
    initial_word: str = Field("object", description="Word whose embedding is the start of the learned vector.")
    templates: Literal["imagenet_objects", "paper"] | tuple[str, ...] = Field(
        "imagenet_objects",
        description="Captions, of which each step draws one: a list, or a named set. imagenet_objects has the 27 captions of "
        "the official script, and paper has only the paper's 'a photo of {token}'.",
    )
    flip: Fraction = Field(0.5, description="Probability that an image is mirrored.")
    timesteps: tuple[Annotated[int, Field(ge=0, le=999)], Annotated[int, Field(ge=1, le=1000)]] = Field(
        (0, 1000),
        description="Range from which the timestep t is drawn, without its end. At a high t, attacks have less effect.",
    )
    jpeg: Annotated[int, Field(ge=1, le=95)] | None = Field(
        None, description="Quality of a JPEG compression of the images before learning. null: no compression."
    )
    groups_at_once: PositiveInt = Field(
        1,
        description="Number of groups whose concepts are learned in one batch, to fill a GPU. A value above 1 changes rounding.",
    )
    plateau: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Stop early if the last 20 steps gave less than this share of the whole decrease of the loss, measured on "
        "fixed draws. null: take all steps.",
    )
    checkpoint_every: PositiveInt = Field(
        100,
        description="Number of steps between two saved states. An interrupted job resumes from the last one.",
        json_schema_extra=SPEED,
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timesteps[0] >= self.timesteps[1]:
            raise ValueError(f"timesteps: {list(self.timesteps)} is empty; the first must be below the second")
        check_templates(self.captions)
        return self

    @property
    def captions(self) -> tuple[str, ...]:
        """The captions that `templates` stands for, a tuple of texts with {token}."""
        return TEMPLATES[self.templates] if isinstance(self.templates, str) else self.templates


class ConceptFigures(Model):
    """Pictures of learned concepts (the paper's Figures 4 and 5). Defaults: those of diffusers' pipeline for generated images."""

    steps: Annotated[int, Field(ge=1, le=1000)] = Field(50, description="Number of sampler steps of a generated image.")
    guidance_scale: Annotated[float, Field(ge=0)] = Field(
        7.5, description="Strength of classifier-free guidance of a generated image."
    )
    attention_timesteps: tuple[Annotated[int, Field(ge=1, le=999)], ...] = Field(
        (100, 200, 300, 400),
        min_length=1,
        description="Timesteps to which an image is noised, over which the attention to the concept is averaged. They are high "
        "enough that the network needs its text, and low enough that it sees the image.",
    )


def check_templates(templates: Sequence[str]) -> None:
    """Check that every caption of concept learning holds {token} once, and no other placeholder.

    Raises:
        ValueError: for a caption that does not.
    """
    if not templates:
        raise ValueError("templates: expected at least one caption, such as 'a photo of {token}'")
    for template in templates:
        try:
            check_placeholders(template, ["token"])
        except ValueError as error:
            raise ValueError(f"templates: {error}") from None
        if template.count("{token}") != 1:
            raise ValueError(f"templates: '{template}' must hold {{token}} once")
