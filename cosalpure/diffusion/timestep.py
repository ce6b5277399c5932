"""T by resolution: what a timestep that was published for larger images is at the side that is worked on."""

import sys
from typing import TYPE_CHECKING

from cosalpure.diffusion.settings import PublishedTimestep, share_of_steps

if TYPE_CHECKING:
    from torch import Tensor

LATENTS = 96  # side of Stable Diffusion 2's latents, of 768 px
PIXELS = 256  # of the published ADM's images


def at_side(
    timestep: int | PublishedTimestep,
    steps: int,
    side: int,
    alphas_cumprod: "Tensor",
    published_side: int,
) -> tuple[int, int]:
    """Convert a timestep to T and the steps of a full run, for arrays of `side` x `side`.

    An integer T stays. A `PublishedTimestep` becomes the T whose noise-to-signal ratio, sqrt((1 - alpha_bar) / alpha_bar), is
    smaller by the ratio of the sides, and `steps` become as many as leave the published number below T.

    Args:
        timestep: as in the settings.
        steps: as in the settings.
        side: of the arrays.
        alphas_cumprod: of the noising process, (K,).
        published_side: of the arrays that the published timestep is for.
    """
    if isinstance(timestep, int):
        return timestep, steps
    alpha_bar = alphas_cumprod.double()
    published_side = timestep.side or published_side
    ratios = ((1 - alpha_bar) / alpha_bar).sqrt()
    T = int((ratios - ratios[timestep.paper - 1] * side / published_side).abs().argmin()) + 1
    print(f"T = {T}, the published {timestep.paper} at side {side} instead of {published_side}", file=sys.stderr)
    below = min(share_of_steps(steps, timestep), T)
    return T, -(-below * len(ratios) // T)
