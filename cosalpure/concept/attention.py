"""Where in an image the network attends to a learned concept: cross-attention maps (the paper's Figure 5).

After DAAM (Tang et al., ACL 2023): the token's attention, over all cross-attention layers, heads and timesteps,
enlarged to the image and averaged. DAAM looks on while an image is generated; here a finished image is noised to a few
timesteps and denoised once from each, so that any image can be asked, purified or not.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional as F

from cosalpure.concept import Concept
from cosalpure.concept.settings import ConceptFigures
from cosalpure.diffusion.samplers import randn
from cosalpure.diffusion.text_to_image import TextToImage


@torch.no_grad()
def attention_maps(
    model: TextToImage,
    images: torch.Tensor,
    concept: Concept,
    generators: Sequence[torch.Generator],
    prompt: str = "a photo of {token}",
    settings: ConceptFigures | None = None,
) -> torch.Tensor:
    """Compute the maps (N, 1, H, W) of images (N, 3, H, W) in [0, 1], each scaled to [0, 1]."""
    noise_levels = (settings or ConceptFigures()).attention_timesteps
    caption = prompt.replace("{token}", concept.fitting(model).token)
    context = model.embed([caption], concept.token, concept.vector)
    position = model.position(caption, concept.token)
    latents, _ = model.encode(images)
    noises = [randn(latents, generators) for _ in noise_levels]

    def totals(latents: torch.Tensor, *noises: torch.Tensor) -> torch.Tensor:
        with collected_attention(model.unet, position) as collected:
            for level, noise in zip(noise_levels, noises, strict=True):
                t = torch.full((len(latents),), level)
                model.predict(model.add_noise(latents, noise, t), t, context.expand(len(latents), -1, -1))
        return _enlarged_sum(collected, latents.shape[-2:])

    total = model.batches(totals, latents, *noises)  # on a CPU a small model takes the whole group, as in learning
    maps = F.interpolate(total, images.shape[-2:], mode="bicubic").clamp(min=0)
    low, high = maps.amin((1, 2, 3), keepdim=True), maps.amax((1, 2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)


def _enlarged_sum(collected: Sequence[torch.Tensor], size: Sequence[int]) -> torch.Tensor:
    """Sum entries (N, positions) of layers of several resolutions, enlarged to (N, 1, *size), on the CPU."""
    height, width = size
    total = torch.zeros(len(collected[0]), 1, height, width)
    for attention in collected:
        side = round((attention.shape[1] * height / width) ** 0.5)
        maps = attention.view(len(attention), 1, side, -1).float().cpu()
        total += F.interpolate(maps, (height, width), mode="bicubic").clamp(min=0)
    return total


@contextmanager
def collected_attention(unet: Any, position: int) -> Iterator[list[torch.Tensor]]:
    """Collect in the yielded list, within the block, each cross-attention layer's attention to one token.

    Args:
        unet: the network of a diffusers pipeline.
        position: of the token in the prompt's context.

    Yields:
        A list to which each layer appends (N, positions), the mean over heads. Afterwards the layers are as before.
    """
    before: dict[str, Any] = unet.attn_processors
    found: list[torch.Tensor] = []
    own = {
        name: CollectingProcessor(position, found) if name.endswith("attn2.processor") else processor
        for name, processor in before.items()
    }
    unet.set_attn_processor(own)
    try:
        yield found
    finally:
        unet.set_attn_processor(before)


class CollectingProcessor:
    """A cross-attention layer's computation in plain matrix products, with the token's share kept."""

    def __init__(self, position: int, found: list[torch.Tensor]) -> None:
        self.position, self.found = position, found

    def __call__(
        self,
        attention: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **_: Any,
    ) -> torch.Tensor:
        """Compute a layer's attention as `diffusers` does, and keep the token's share."""
        query = attention.head_to_batch_dim(attention.to_q(hidden_states))
        key = attention.head_to_batch_dim(attention.to_k(encoder_hidden_states))
        value = attention.head_to_batch_dim(attention.to_v(encoder_hidden_states))
        scores = attention.get_attention_scores(query, key, attention_mask)  # (N * heads, positions, tokens)
        self.found.append(scores[..., self.position].unflatten(0, (-1, attention.heads)).mean(1))
        out = attention.batch_to_head_dim(torch.bmm(scores, value))
        projected: torch.Tensor = attention.to_out[1](attention.to_out[0](out)) / attention.rescale_output_factor
        return projected
