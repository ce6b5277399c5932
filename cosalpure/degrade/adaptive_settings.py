"""Settings of attacks on concept learning, and by queries alone."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from cosalpure.chosen import Chosen
from cosalpure.degrade.settings import Named, check_known
from cosalpure.schema import Model, Name, check_placeholders


class PoisonSettings(Model):
    """An attack on concept learning: noise under which the text-to-image model denoises an image badly."""

    concepts_from: Name = Field(
        "none",
        description="Degradation from whose images the attacker learned the concepts. It must need no concepts itself.",
    )
    target: Literal["own", "next"] = Field(
        "own",
        description="own: raise the denoising loss under the group's own concept. next: lower it under the concept of the next "
        "group, towards which the learned concept is to move.",
    )
    prompt: str = Field("a photo of {token}", description="Caption of the attacker; {token} stands for the concept.")
    timesteps: tuple[Annotated[int, Field(ge=0, le=999)], Annotated[int, Field(ge=1, le=1000)]] = Field(
        (0, 1000), description="Range from which the timestep t is drawn, without its end."
    )
    draws: PositiveInt = Field(1, description="Draws of timestep and noise that a gradient is averaged over.")
    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="Bound of the noise, of [0, 1].")
    steps: Annotated[int, Field(ge=0, le=10000)] = Field(100, description="Number of sign-gradient updates.")
    step_size: Annotated[float, Field(gt=0)] = Field(1 / 255, description="Step of the noise, of [0, 1].")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timesteps[0] >= self.timesteps[1]:
            raise ValueError(f"timesteps: {list(self.timesteps)} is empty; the first must be below the second")
        try:
            check_placeholders(self.prompt, ["token"])
        except ValueError as error:
            raise ValueError(f"prompt: {error}") from None
        return self


class SquareSettings(Model):
    """The Square attack: random squares of noise, of which those are kept that make the maps worse. It needs no gradients."""

    detector: Named = Field(
        None, description="Name of the detector that is asked. null: the detector of each condition."
    )
    purifier: Named = Field(
        None, description="Name of the purifier that stands before the detector. null: the detector is asked alone."
    )
    epsilon: Annotated[float, Field(ge=0, le=1)] = Field(16 / 255, description="Bound of the noise, of [0, 1].")
    queries: Annotated[int, Field(ge=0, le=100_000)] = Field(
        1000, description="Number of queries, each with the whole group."
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.05, description="Share of the image that the first squares cover. It is halved in the published intervals."
    )
    loss: Literal["bce", "soft_iou"] = Field(
        "bce",
        description="bce: cross-entropy with the inverted ground truth. soft_iou: overlap of map and ground truth.",
    )

    @property
    def known(self) -> Chosen | None:
        """The purifier that stands before the detector."""
        return self.purifier

    @property
    def gradient(self) -> str:
        """The part of the pipeline that is asked, as the attack `pgd` names it; no gradient is computed."""
        return "bpda" if self.purifier else "blind"

    @property
    def fixed_noise(self) -> bool:
        """Whether the purifier's own noise is known: every query draws other noise."""
        return False

    @property
    def recompute(self) -> bool:
        """Whether networks are run again: without gradients there is nothing to run them for."""
        return False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.purifier:
            check_known(self.purifier)
        return self
