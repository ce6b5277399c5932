"""Random numbers that depend on *what* is computed, never on when, where or beside what.

Every random draw comes from a generator derived from the run's seed and the names of the thing at hand
(dataset, group, image, stage), so the draws do not depend on batching, order, or how jobs were split. What is computed
from them can still differ between batches by rounding, which an attack's sign steps amplify (docs/explanation/degradations.md).
"""

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

SEED = 2024  # of an experiment that names none


def derive(seed: int, *names: str | int) -> int:
    """Derive a 63-bit seed from the run's seed and any number of names."""
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def repeat_name(name: str, seed: int) -> str:
    """Name a degradation's repetition under a further seed: jadena.seed7."""
    return f"{name}.seed{seed}"


def split_repeat(name: str) -> tuple[str, int | None]:
    """Split a degradation's name into its entry and its seed.

    The seed is None for an entry's own name, which has the run's `seed`.
    """
    found = re.fullmatch(r"(.+)\.seed(\d+)", name)
    return (found[1], int(found[2])) if found else (name, None)


def generator(seed: int, *names: str | int) -> "torch.Generator":
    """Make a CPU `torch.Generator` seeded by `derive(seed, *names)`."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *names))


def numpy_generator(seed: int, *names: str | int) -> "np.random.Generator":
    """Make a `numpy.random.Generator` seeded by `derive(seed, *names)`, for composing scenes and for the bootstrap."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(derive(seed, *names)))


def numpy_from(generator: "torch.Generator") -> "np.random.Generator":
    """Make a `numpy.random.Generator` seeded by one draw from a `torch.Generator`."""
    import numpy as np
    import torch

    return np.random.default_rng(int(torch.randint(2**63 - 1, (), generator=generator)))
