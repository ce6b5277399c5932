"""Settings of concept learning."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from cosalpure.concept.templates import TEMPLATES
from cosalpure.schema import SPEED, Fraction, Model, check_placeholders


class ConceptLearning(Model):
    """Group-image concept learning by textual inversion (the paper's Sec. 4.2, Eq. 5); defaults of the official script."""

    steps: PositiveInt = Field(2000, description="optimiser steps")
    batch: PositiveInt = Field(4, description="images a step")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        2e-3, description="constant rate of the one vector; the official 5e-4 times its batch, as the script scales it"
    )
    initial_word: str = Field("object", description="the vector starts as this word's embedding")
    templates: Literal["imagenet_objects", "paper"] | tuple[str, ...] = Field(
        "imagenet_objects",
        description="captions, one drawn at random a step: a list, or a named set; imagenet_objects has the official "
        "script's 27, paper the paper's 'a photo of {token}'",
    )
    flip: Fraction = Field(0.5, description="probability that an image is mirrored")
    timesteps: tuple[Annotated[int, Field(ge=0, le=999)], Annotated[int, Field(ge=1, le=1000)]] = Field(
        (0, 1000), description="range that t is drawn from, the end excluded; high ones resist poisoned images"
    )
    jpeg: Annotated[int, Field(ge=1, le=95)] | None = Field(
        None, description="JPEG quality at which the images are written and read before learning; null leaves them"
    )
    groups_at_once: PositiveInt = Field(
        1,
        description="groups whose concepts are learned side by side, in one batch; fills a GPU; above 1 changes rounding",
    )
    plateau: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="stop early when the last 20 steps brought less than this share of all that was gained, by the loss on "
        "draws that stay the same; null takes all steps",
    )
    checkpoint_every: PositiveInt = Field(
        100,
        description="steps after which the state is saved; an interrupted run goes on from there",
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


def check_templates(templates: Sequence[str]) -> None:
    """A ValueError unless every caption of concept learning holds {token} once, and no other placeholder."""
    if not templates:
        raise ValueError("templates: expected at least one caption, such as 'a photo of {token}'")
    for template in templates:
        try:
            check_placeholders(template, ["token"])
        except ValueError as error:
            raise ValueError(f"templates: {error}") from None
        if template.count("{token}") != 1:
            raise ValueError(f"templates: '{template}' must hold {{token}} once")
