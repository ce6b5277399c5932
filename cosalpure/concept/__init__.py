"""Group-image concept learning: one new word for what the images of a group have in common (the paper's Sec. 4.2).

concept = learn(images, model, settings, generator, token="<my-goat>")
concept.save("learned_embeds.safetensors")  # a stock diffusers pipeline reads it by load_textual_inversion
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosalpure.errors import UserError

FILE = "learned_embeds.safetensors"  # the name that diffusers looks for


@dataclass(frozen=True)
class Concept:
    """A learned concept c: its placeholder word and its token embedding (D,), float32."""

    token: str
    vector: Any

    def save(self, path):
        """Write the concept in the format of diffusers and A1111: one tensor (1, D) under the token's name."""
        from safetensors.torch import save

        tensor = self.vector.detach().cpu().float().reshape(1, -1).contiguous()
        Path(path).write_bytes(save({self.token: tensor}))  # save_file would let nobody else read it (mode 0600)

    @classmethod
    def load(cls, path):
        """Read a concept; a UserError names a file that is missing or holds something else."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not Path(path).is_file():
            raise UserError(f"{path}: no such concept; learn it first (cosalpure concept, or snakemake concept)")
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise UserError(f"{path}: not a safetensors file ({error})") from None
        if len(tensors) != 1:
            raise UserError(f"{path}: expected one embedding, found {len(tensors)}")
        (token, vector), *_ = tensors.items()
        return cls(token, vector.reshape(-1))


def token_of(slug):
    """The placeholder word of a group."""
    return f"<my-{slug}>"


def learn(images, model, settings, generator, token, checkpoint=None):
    """See `cosalpure.concept.textual_inversion.learn`; here so that the stage can be imported without torch."""
    from cosalpure.concept.textual_inversion import learn as run

    return run(images, model, settings, generator, token, checkpoint)


def learn_together(groups, model, settings):
    """See `cosalpure.concept.textual_inversion.learn_together`."""
    from cosalpure.concept.textual_inversion import learn_together as run

    return run(groups, model, settings)
