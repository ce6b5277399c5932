"""The degrade stage: the attacked images of every group are degraded, the clean ones keep their bytes."""

import shutil
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from cosalpure import record
from cosalpure.concept import FILE, Concept
from cosalpure.contract.values import checked
from cosalpure.data import Group, read_groups, write_index
from cosalpure.data.given import concept_owners, given_to, read_ground_truth
from cosalpure.degrade import DEGRADATIONS
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.errors import UserError
from cosalpure.io import read_images, whole_file, whole_folder, write_image
from cosalpure.protocols import Degradation, Evaluation, Given, Need
from cosalpure.schema import Model
from cosalpure.seeds import generator

if TYPE_CHECKING:
    import torch

    from cosalpure.degrade.pgd import Attack
    from cosalpure.diffusion.text_to_image import TextToImage


def run(
    method: str,
    settings: Model,
    data: str | Path,
    output: str | Path,
    span: str,
    seed: int,
    text_to_image: TextToImageSettings | None = None,
    concepts: str | Path | None = None,
) -> None:
    """Degrade each group of `span` and write `output`/images/<slug>/*.png.

    The record of the files also says how many images were degraded in one batch with each: `batch`, 0 for a clean image.
    An attack that tells its losses also writes `output`/attack/<slug>.csv.

    Args:
        method: name of the degradation.
        settings: its settings.
        data: folder of the dataset.
        output: folder that is written to.
        span: "A:B" selects groups A to B - 1.
        seed: seed from which all draws are derived.
        text_to_image: text-to-image model of the purifier that an attack knows.
        concepts: folder of the concepts of that purifier, or that an attack itself needs.
    """
    groups, needs = read_groups(data, span), DEGRADATIONS.needs(method, settings)
    owners = concept_owners(data, getattr(settings, "target", "own")) if concepts else {}
    model = text_to_image if "model" in needs else None
    job = record.begin("degrade", output, method, settings, seed, DEGRADATIONS, model)
    degradation = DEGRADATIONS.make(method, settings, loader(text_to_image))
    for group in tqdm(groups, desc=f"degrade {method}", unit="group"):
        sources = group.paths(Path(data) / "images")
        learned = Path(concepts) / "groups" / owners[group.slug] / FILE if concepts else None
        degraded = {} if method == "none" else degrade_group(degradation, group, data, seed, method, needs, learned)
        if (last := getattr(degradation, "last", None)) and degraded:
            write_losses(last, Path(output) / "attack" / f"{group.slug}.csv")
        with whole_folder(Path(output) / "images" / group.slug) as folder:
            for path in sources:
                if path in degraded:
                    write_image(folder / path.name, degraded[path])
                else:
                    shutil.copyfile(path, folder / path.name)
    size = getattr(settings, "images_per_batch", None)
    batches = {key: count for group in groups for key, count in batch_sizes(group, method, size).items()}
    write_index(output, span, groups, Path(output) / "images", more={"batch": batches}, job=job)


def batch_sizes(group: Group, method: str, size: int | None = None) -> dict[tuple[str, str], int]:
    """Count the images in the batch of each image of a group: {(slug, file): images}.

    Args:
        group: the group, whose attacked images are degraded.
        method: the degradation.
        size: images degraded at once; None for all.
    """
    count = 0 if method == "none" else sum(group.attacked)
    size, found, number = size or max(count, 1), {}, 0
    for file, attacked in zip(group.files, group.attacked, strict=True):
        start = number // size * size
        found[group.slug, file] = min(size, count - start) if attacked and count else 0
        number += attacked
    return found


def degrade_group(
    degradation: Degradation,
    group: Group,
    data: str | Path,
    seed: int,
    method: str = "",
    needs: Collection[Need] = frozenset(),
    concept: Path | None = None,
) -> "dict[Path, torch.Tensor]":
    """Degrade the attacked images of a group: {path: degraded image (3, H, W)}, from the dataset's folder `data`.

    The draws of an image depend on its name alone: degradations that draw alike, such as one corruption at several
    severities, see the same draws. `concept` is the file of the concept that an attack knows.
    """
    sources = group.paths(Path(data) / "images")
    chosen = [path for path, attacked in zip(sources, group.attacked, strict=True) if attacked]
    if not chosen:
        return {}
    draws = [generator(seed, group.dataset, group.name, path.name, "degrade") for path in chosen]
    pixels = read_images(sources)  # all of them, so that one of another size is named
    attacked = pixels[list(group.attacked)]
    shape = tuple(attacked.shape)
    files = [path.name for path in chosen]
    evaluation = evaluation_of(group, data, pixels, seed, concept) if "evaluation" in needs else None
    learned = Concept.load(concept) if concept and "concept" in needs else None
    given = given_to(needs, group, data, files, draws, learned, pixels, evaluation)
    try:
        degraded = degradation(attacked, given)
    except UserError as error:
        raise UserError(f"{sources[0].parent}: {error}") from None
    return dict(zip(chosen, checked(degraded, shape, f"degradation '{method}'", group.name, files), strict=True))


def evaluation_of(
    group: Group, data: str | Path, pixels: "torch.Tensor", seed: int, concept: Path | None = None
) -> Evaluation:
    """Say what the purifier and the detector of a group, whose images are `pixels`, are going to see."""
    learned = Concept.load(concept) if concept else None

    def given() -> Given:
        draws = [generator(seed, group.dataset, group.name, file, "purify") for file in group.files]
        return Given(draws, learned, group.name)

    return Evaluation(pixels, group.attacked, read_ground_truth(group, Path(data), group.files), given)


def write_losses(attack: "Attack", path: Path) -> None:
    """Write the losses of a group's attack, a row a step, with the size of its gradient, if any, and the passes so far."""
    each = attack.passes // max(1, len(attack.losses))
    sizes = list(map(repr, attack.gradients)) or [""] * len(attack.losses)
    rows = zip(attack.losses, sizes, strict=True)
    lines = [f"{step},{loss!r},{size},{(step + 1) * each}" for step, (loss, size) in enumerate(rows)]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(["step,loss,gradient,passes", *lines]) + "\n")


def loader(text_to_image: TextToImageSettings | None) -> "Callable[[], TextToImage]":
    """Make a function that loads the text-to-image model at its first call."""

    @cache
    def load_model() -> "TextToImage":
        from cosalpure.diffusion.text_to_image import TextToImage

        return TextToImage.of(text_to_image)  # type: ignore[arg-type]  # only called for a method that needs it

    return load_model
