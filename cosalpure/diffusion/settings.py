"""Settings of the text-to-image model, and of the timestep T to which images are noised."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, PositiveInt, Tag

from cosalpure.schema import SPEED, TAGS, Model

Timestep = Annotated[int, Field(ge=1, le=999)]


class TextToImage(Model):
    """A diffusers pipeline folder with the Stable Diffusion components."""

    path: str = Field(
        "weights/stable-diffusion-2",
        description="diffusers pipeline folder, or hf:OWNER/NAME[@REVISION] of the Hugging Face hub",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(768, description="side in px at which images enter it")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="of network and autoencoder; auto is float32 on a CPU, bfloat16 or else float16 on a GPU"
    )
    batch: PositiveInt | None = Field(
        None,
        description="maximum batch size, halved whenever a GPU's memory runs out; null is the whole group, on a CPU at most 4 "
        "images without gradients, and 1 image at the 768 px of Stable Diffusion 2; changes rounding",
    )
    vae_slicing: bool = Field(
        False, description="the autoencoder takes one image at a time: less memory; changes rounding"
    )
    vae_tiling: bool = Field(False, description="the autoencoder works tile by tile: less memory, slight seams")
    channels_last: bool = Field(False, description="memory format of network and autoencoder; faster on some GPUs")
    compile: bool = Field(False, description="torch.compile of the network: a minute at first, then faster on a GPU")
    gradient_checkpointing: bool = Field(
        False,
        description="recompute the network's activations in the backward pass of concept learning: less memory, more time, "
        "equal gradients",
        json_schema_extra=SPEED,
    )


class PublishedTimestep(Model):
    """T as published for larger images, converted: the noise-to-signal ratio at T is divided by the ratio of the sides.

    So as much of an image's content is left (Hoogeboom et al., *simple diffusion*, ICML 2023). The number of steps that
    lie below T stays the published one.
    """

    paper: Timestep = Field(250, description="T as published")
    side: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        None,
        description="side of what is noised there; null is 96, Stable Diffusion 2's latents of 768 px, "
        "and 256 px for the baselines on pixels",
    )


AnyTimestep = Annotated[
    Annotated[Timestep, Tag("number")] | Annotated[PublishedTimestep, Tag("keys")],
    Discriminator(lambda value: TAGS[isinstance(value, dict | PublishedTimestep)]),
]


def share_of_steps(steps: int, timestep: "int | PublishedTimestep") -> int:
    """The number of `steps` of a full run that lie below T, `timestep` as in the settings; a ValueError if it is 0."""
    T = timestep if isinstance(timestep, int) else timestep.paper
    if steps * T < 1000:
        raise ValueError(f"steps: {steps} leave none below T = {T}; at least {-(-1000 // T)} are needed")
    return steps * T // 1000
