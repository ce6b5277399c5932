"""Group-image concept learning: one new word for what the images of a group have in common (the paper's Sec. 4.2).

concept = learn(images, model, settings, generator, token="<my-goat>")
concept.save("learned_embeds.safetensors")  # a stock diffusers pipeline reads it by load_textual_inversion
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure import file_kinds
from cosalpure.errors import UserError

if TYPE_CHECKING:
    import torch

    from cosalpure.concept.settings import ConceptLearning
    from cosalpure.diffusion.text_to_image import TextToImage


FILE = "learned_embeds.safetensors"  # the name that diffusers looks for


@dataclass(frozen=True)
class Concept:
    """A learned concept c: its placeholder word and its token embedding (D,), float32."""

    token: str
    vector: Any
    file: str = field(default="", compare=False)  # that it was read from

    def save(self, path: str | Path) -> None:
        """Write the concept in the format of diffusers and A1111: one tensor (1, D) under the token's name."""
        from safetensors.torch import save

        tensor = self.vector.detach().cpu().float().reshape(1, -1).contiguous()
        Path(path).write_bytes(save({self.token: tensor}))  # save_file would let nobody else read it (mode 0600)

    @classmethod
    def load(cls, path: str | Path) -> "Concept":
        """Read a concept, as float32; a UserError names a file that is missing or holds something else."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not Path(path).is_file():
            raise UserError(f"{path}: no such concept; learn it first (cosalpure concept, or snakemake concept)")
        kind = file_kinds.describe(path)
        if kind != file_kinds.SAFETENSORS:
            raise UserError(f"{path}: not a safetensors file but {kind}")
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise UserError(f"{path}: not a safetensors file ({error})") from None
        if len(tensors) != 1:
            names = ", ".join(sorted(tensors)[:4])
            raise UserError(f"{path}: expected one embedding, found {len(tensors)}{f' ({names})' * bool(names)}")
        ((token, vector),) = tensors.items()
        trouble = _invalid(token, vector)
        if trouble:
            raise UserError(f"{path}: {trouble}")
        return cls(token, vector.reshape(-1).float(), str(path))

    def fitting(self, model: "TextToImage") -> "Concept":
        """Return the concept, if it is an embedding of the text encoder of `model`.

        Raises:
            UserError: if the widths of the embeddings differ.
        """
        width = model.text_encoder.get_input_embeddings().weight.shape[1]
        if len(self.vector) != width:
            raise UserError(
                f"{self.file or self.token}: an embedding of {len(self.vector)} numbers; {model.name} has words of {width}: "
                "it was learned with another model"
            )
        return self


def _invalid(token: str, vector: "torch.Tensor") -> str | None:
    """Say why a tensor of a file is no embedding of one word; None if it is one."""
    shape = " x ".join(map(str, vector.shape)) or "a single number"
    if not token.strip():
        return "the embedding has an empty name; expected a token such as <my-goat>"
    if vector.ndim > 1 and vector.numel() and vector.numel() > vector.shape[-1]:
        return f"'{token}' holds several vectors (shape {shape}); expected one, of shape 1 x width"
    if not vector.numel() or not vector.ndim:
        return f"'{token}' holds no vector (shape {shape}); expected one, of shape 1 x width"
    if not vector.is_floating_point():
        return f"'{token}' is of type {str(vector.dtype).removeprefix('torch.')}; expected floating point"
    return None if vector.isfinite().all() else f"'{token}' holds values that are not finite numbers"


def token_of(slug: str) -> str:
    """Make the placeholder word of a group from its slug."""
    return f"<my-{slug}>"


def learn(
    images: "torch.Tensor",
    model: "TextToImage",
    settings: "ConceptLearning",
    generator: "torch.Generator",
    token: str,
    checkpoint: str | Path | None = None,
) -> tuple[Concept, list[float]]:
    """See `cosalpure.concept.textual_inversion.learn`; here so that the stage can be imported without torch."""
    from cosalpure.concept.textual_inversion import learn as run

    return run(images, model, settings, generator, token, checkpoint)


def learn_together(
    groups: Sequence[tuple[Any, ...]], model: "TextToImage", settings: "ConceptLearning"
) -> list[tuple[Concept, list[float]]]:
    """See `cosalpure.concept.textual_inversion.learn_together`."""
    from cosalpure.concept.textual_inversion import learn_together as run

    return run(groups, model, settings)
