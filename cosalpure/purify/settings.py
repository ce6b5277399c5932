"""Settings of purifiers."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from cosalpure.diffusion.settings import AnyTimestep, share_of_steps
from cosalpure.schema import SPEED, Model, check_placeholders


class SourceOnlySettings(Model):
    """No purification: images stay as they are (the paper's Source-Only)."""


class LatentSettings(Model):
    """A purifier that works in the latent space of the text-to-image model."""

    resolution: Annotated[int, Field(ge=32, le=2048)] | None = Field(
        None,
        description="Side in px at which images are purified. null: text_to_image.resolution, at which concepts are learned.",
    )


class VaeRoundTripSettings(LatentSettings):
    """Control: the autoencoder of the text-to-image model without diffusion."""


class JpegPurifierSettings(Model):
    """Control: JPEG compression."""

    quality: Annotated[int, Field(ge=1, le=95)] = Field(75, description="JPEG quality.")


class ContinuousSettings(Model):
    """The continuous representation (LIIF) alone: the paper's ablation "w/o concept inversion"."""

    weights: str = Field(
        "weights/edsr-baseline-liif.pth",
        description="Weights of LIIF, such as an official EDSR-LIIF or DISCO checkpoint. The paper's weights are not published.",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(
        768,
        description="Side in px of the output, before it is resized to the size of the image.",
    )


class CosalPureSettings(LatentSettings):
    """CosalPure (the paper's Sec. 4.3): add noise up to t = T, then denoise under the learned concept."""

    continuous: str | None = Field(
        None, description="Weights of the continuous representation (LIIF) that images pass first. null: leave it out."
    )
    timestep: AnyTimestep = Field(
        250,
        description="Noise level T, of 1000 training steps. {paper: 250} converts a published T to the resolution in use.",
    )
    sampler: Literal["dpmsolver++", "ddpm"] = Field(
        "dpmsolver++",
        description="dpmsolver++: DPM-Solver++ 2M, as in the official code. ddpm: ancestral sampling, as in the paper's Eq. 10.",
    )
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(
        50,
        description="Sampler steps of a full 1000-step schedule. Only those below T are run: 50 steps at T = 250 run 12. Used by "
        "dpmsolver++ only; ddpm runs T steps.",
    )
    guidance_scale: Annotated[float, Field(ge=0)] = Field(
        7.5, description="Scale of classifier-free guidance. 1: no guidance."
    )
    prompt: str = Field(
        "{token}",
        description="Prompt. {token} stands for the learned concept and {class_name} for the group's name. The paper's ablation "
        "uses the word None.",
    )
    negative_prompt: str = Field("", description="Prompt that guidance leads away from.")
    concept: Literal["own", "next"] = Field(
        "own",
        description="Concept that {token} stands for. own: the group's. next: that of the next group, as a control.",
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
    """Purification by an unconditional diffusion model, the ADM of guided-diffusion."""

    weights: str = Field("weights/256x256_diffusion_uncond.pt", description="Weights of the ADM.")
    resolution: Annotated[int, Field(ge=16, le=512)] = Field(
        256,
        description="Side in px of the network's input. It must be a multiple of the network's downsampling factor.",
    )
    timestep: AnyTimestep = Field(
        250,
        description="Noise level T, of 1000. The paper uses its own T of 250 for both baselines; the authors of DiffPure use 150 "
        "on ImageNet. {paper: 250} converts a published T to the resolution in use.",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="Number format of the network. bfloat16 is faster where the processor or GPU has it, and moves results by "
        "rounding.",
    )
    batch: PositiveInt = Field(
        8, description="Batch size of the network. It affects memory, and results only by rounding."
    )


class DiffPureSettings(UnconditionalSettings):
    """DiffPure (Nie et al., ICML 2022): add noise up to T, then run the reverse diffusion."""

    process: Literal["ddpm", "sde"] = Field(
        "sde", description="ddpm: ancestral sampling. sde: the reverse SDE, as in the official ImageNet scripts."
    )
    steps: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Sampler steps of a full 1000-step schedule. Only those below T are run. null: every step, as published.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.steps:
            share_of_steps(self.steps, self.timestep)
        return self


class DDASettings(UnconditionalSettings):
    """DDA (Gao et al., CVPR 2023): a reverse diffusion that keeps the low frequencies of the image."""

    steps: Annotated[int, Field(ge=2, le=1000)] = Field(
        100, description="Sampler steps of a full 1000-step schedule. Only those below T are run."
    )
    guidance_scale: Annotated[float, Field(ge=0)] = Field(
        6.0, description="Strength of the pull towards the low frequencies of the image. 0: none."
    )
    save_memory: bool = Field(
        False,
        description="Compute gradients in a second pass through the network. This takes about half as much time again and much "
        "less memory.",
        json_schema_extra=SPEED,
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        share_of_steps(self.steps, self.timestep)
        return self
