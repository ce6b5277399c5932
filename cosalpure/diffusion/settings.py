"""Settings of the text-to-image model, and of the timestep T to which images are noised."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, PositiveInt, Tag

from cosalpure.schema import SPEED, TAGS, Model

Timestep = Annotated[int, Field(ge=1, le=999)]


class TextToImage(Model):
    """The text-to-image model: a diffusers pipeline with the components of Stable Diffusion."""

    path: str = Field(
        "weights/stable-diffusion-2",
        description="Folder of the pipeline, or hf:OWNER/NAME[@REVISION] for the Hugging Face hub.",
    )
    resolution: Annotated[int, Field(ge=32, le=2048)] = Field(
        768, description="Side in px to which images are resized for the model."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Number format of the network and the autoencoder. auto: float32 on a CPU; bfloat16 on a GPU, or float16 if it lacks that.",
    )
    batch: PositiveInt | None = Field(
        None,
        description="Maximum batch size. It is halved when a GPU's memory runs out, and changes rounding. null: the whole group; "
        "on a CPU at most 4 images where no gradients are computed, and 1 image at 768 px.",
    )
    vae_slicing: bool = Field(
        False, description="Pass images through the autoencoder one at a time. This saves memory and changes rounding."
    )
    vae_tiling: bool = Field(
        False, description="Run the autoencoder tile by tile. This saves memory and can leave faint seams."
    )
    channels_last: bool = Field(False, description="Use the memory format channels_last, which is faster on some GPUs.")
    compile: bool = Field(
        False, description="Use torch.compile. It takes about a minute at the start and is then faster on a GPU."
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Recompute activations in the backward pass of concept learning. This saves memory and takes more time.",
        json_schema_extra=SPEED,
    )


class PublishedTimestep(Model):
    """A published T, converted from the published image size to the size in use.

    The noise-to-signal ratio at T is divided by the ratio of the sides, so that about as much of the image is kept
    (Hoogeboom et al., *simple diffusion*, ICML 2023). The number of steps below T stays the published one.
    """

    paper: Timestep = Field(250, description="Published T.")
    side: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        None,
        description="Side of what is noised at the published size. null: 96 for the latents of Stable Diffusion 2 at 768 px, "
        "and 256 for DiffPure and DDA, which work on pixels.",
    )


AnyTimestep = Annotated[
    Annotated[Timestep, Tag("number")] | Annotated[PublishedTimestep, Tag("keys")],
    Discriminator(lambda value: TAGS[isinstance(value, dict | PublishedTimestep)]),
]


def share_of_steps(steps: int, timestep: "int | PublishedTimestep") -> int:
    """Count the `steps` of a full run that lie below T, `timestep` as in the settings.

    Raises:
        ValueError: if there is none.
    """
    T = timestep if isinstance(timestep, int) else timestep.paper
    if steps * T < 1000:
        raise ValueError(f"steps: {steps} leave none below T = {T}; at least {-(-1000 // T)} are needed")
    return steps * T // 1000
