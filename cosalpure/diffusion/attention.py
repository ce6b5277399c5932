"""The attention of a diffusion network on a CPU: plain matrix products for small images, fused attention for large ones."""

from typing import Any

from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

PLAIN_SCORES = 4_000_000  # of one image, 16 MB in float32: small models stay below it, so their results stay the same


class AttentionBySize:
    """An attention processor of diffusers that holds at most 16 MB of attention scores for an image.

    Plain matrix products hold heads x positions x keys scores at once: 1.7 GB for one 768 px image in Stable Diffusion 2.
    """

    def __init__(self) -> None:
        self.plain, self.fused = AttnProcessor(), AttnProcessor2_0()

    def __call__(self, attention: Any, hidden_states: Any, encoder_hidden_states: Any = None, **more: Any) -> Any:
        """Compute attention by plain matrix products where their scores are few, else by the fused kernel."""
        keys = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        scores = attention.heads * hidden_states.shape[1] * keys.shape[1]  # both are (N, positions, channels)
        processor = self.plain if scores <= PLAIN_SCORES else self.fused
        return processor(attention, hidden_states, encoder_hidden_states, **more)
