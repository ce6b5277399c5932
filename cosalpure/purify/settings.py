"""Settings of purifiers."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from cosalpure.diffusion.settings import AnyTimestep, share_of_steps
from cosalpure.schema import SPEED, Model, check_placeholders


class SourceOnlySettings(Model):
    """No purification: the images as they came (the paper's Source-Only)."""


class LatentSettings(Model):
    """What works in the latent space of the text-to-image model."""

    resolution: Annotated[int, Field(ge=32, le=2048)] | None = Field(
        None, description="px at which it works; null is text_to_image.resolution, at which concepts are learned"
    )


class VaeRoundTripSettings(LatentSettings):
    """Control: encode and decode by the text-to-image model's autoencoder, without any diffusion."""


class JpegPurifierSettings(Model):
    """Control: written as a JPEG file and read again."""

    quality: Annotated[int, Field(ge=1, le=95)] = Field(75, description="JPEG quality")


class ContinuousSettings(Model):
    """The continuous representation alone, the paper's ablation "w/o concept inversion"; LIIF, as in DISCO."""

    weights: str = Field(
        "weights/edsr-baseline-liif.pth",
        description="LIIF's weights, or an official EDSR-LIIF or DISCO checkpoint; the paper's own are not published",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(
        768,
        description="side in px that it answers at, as `text_to_image.resolution`; then resized to the image's size",
    )


class CosalPureSettings(LatentSettings):
    """Concept-guided purification (the paper's Sec. 4.3): noise to t = T, denoise under the prompt, decode."""

    continuous: str | None = Field(
        None, description="weights of the continuous representation in front of the autoencoder; null is none"
    )
    timestep: AnyTimestep = Field(
        250, description="T, of the model's 1000 training steps; {paper: 250} is the published one at this resolution"
    )
    sampler: Literal["dpmsolver++", "ddpm"] = Field(
        "dpmsolver++", description="DPM-Solver++ 2M, as the official code, or ancestral sampling, as the paper's Eq. 10"
    )
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="of dpmsolver++ over a full run; T/1000 of them are done. ddpm does every one of the T"
    )
    guidance_scale: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        7.5, description="classifier-free guidance; 1 is none"
    )
    prompt: str = Field(
        "{token}",
        description="condition; {token} is the learned concept, {class_name} the group's name. The ablation's: None",
    )
    negative_prompt: str = Field("", description="what guidance leads away from")
    concept: Literal["own", "next"] = Field(
        "own", description="whose concept {token} is; next, a control, is that of the following group"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, known in (("prompt", ["token", "class_name"]), ("negative_prompt", [])):
            try:
                check_placeholders(getattr(self, key), known)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        if self.sampler == "dpmsolver++":
            share_of_steps(self.steps, self.timestep)
        return self


class UnconditionalSettings(Model):
    """Purification by an unconditional diffusion model, guided diffusion's ADM."""

    weights: str = Field("weights/256x256_diffusion_uncond.pt", description="the ADM's weights")
    resolution: Annotated[int, Field(ge=16, le=512)] = Field(
        256, description="side in px at which images enter the network; a multiple of what it shrinks by"
    )
    timestep: AnyTimestep = Field(
        250,
        description="T, of 1000: the paper gives both baselines its own (DiffPure's authors: 150 on ImageNet); "
        "{paper: 250} is that at this resolution",
    )
    batch: PositiveInt = Field(
        8, description="images that pass the network at once; changes memory, and results by rounding alone"
    )


class DiffPureSettings(UnconditionalSettings):
    """DiffPure (Nie et al., ICML 2022): noise to T, then the whole reverse diffusion."""

    process: Literal["ddpm", "sde"] = Field(
        "ddpm", description="ancestral sampling, or the reverse SDE of the published ImageNet scripts"
    )


class DDASettings(UnconditionalSettings):
    """DDA (Gao et al., CVPR 2023): a reverse diffusion that keeps the image's low frequencies."""

    steps: Annotated[int, Field(ge=2, le=1000)] = Field(100, description="of a full run; T/1000 of them are taken")
    guidance_scale: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        6.0, description="pull towards the low frequencies; 0 is none"
    )
    save_memory: bool = Field(
        False,
        description="gradients by a second pass through the network: half as much time again, a fraction of memory",
        json_schema_extra=SPEED,
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        share_of_steps(self.steps, self.timestep)
        return self
