"""Several draws of a purifier's noise: the key `draws` of a purifier's entry.

One evaluation does not say what a random defence is worth. So `cosalpure purify --draws K` purifies K times, from another seed
and into a folder of its own each time. The later stages do their work in every draw that they find, and the score rows say what
came of all of them (`cosalpure.score.draws`).

    results/purify/mini/jadena/cosalpure/images/               the first draw: what there is without the key
    results/purify/mini/jadena/cosalpure/draws/1/images/       the second one
    results/detect/mini/jadena/cosalpure/gicd/draws/1/maps/    what the detector sees in it

Everything that is about one draw (other tables, figures, an attack with `fixed_noise`) is about the first one.
"""

import shutil
from pathlib import Path

from cosalpure.seeds import derive

DRAWS = "draws"  # the folder within a stage's folder


def folder(place: str | Path, draw: int) -> str:
    """Locate a draw of a stage's entry, whose folder is `place`; the first one, 0, is the entry itself."""
    return str(place) if draw == 0 else f"{place}/{DRAWS}/{draw}"


def seed_of(seed: int, draw: int) -> int:
    """Get the seed of a draw; that of the first one is the run's."""
    return seed if draw == 0 else derive(seed, DRAWS, draw)


def count(place: str | Path) -> int:
    """Count the draws of a stage's entry."""
    return 1 + sum(path.is_dir() for path in Path(place, DRAWS).glob("[0-9]*"))


def keep(place: str | Path, draws: int) -> None:
    """Remove the draws of an earlier run beyond the first `draws`."""
    for draw in range(draws, count(place)):
        shutil.rmtree(folder(place, draw), ignore_errors=True)


def first_last(draws: int) -> range:
    """List the draws with the first one last, since its record tells the workflow that the job is done."""
    return range(draws - 1, -1, -1)
