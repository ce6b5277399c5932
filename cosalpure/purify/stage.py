"""The purify stage: every image of every group through one purifier."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from cosalpure import record
from cosalpure.concept import FILE, Concept
from cosalpure.contract.values import checked
from cosalpure.data import read_groups, write_index
from cosalpure.data.given import concept_owners, given_to
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.io import in_background, read_images, whole_folder, write_image
from cosalpure.purify import PURIFIERS
from cosalpure.schema import Model
from cosalpure.seeds import generator

if TYPE_CHECKING:
    import torch

    from cosalpure.diffusion.text_to_image import TextToImage


def run(
    method: str,
    settings: Model,
    text_to_image: TextToImageSettings | None,
    data: str | Path,
    images: str | Path,
    concepts: str | Path | None,
    output: str | Path,
    span: str,
    seed: int,
) -> None:
    """Purify each group of `span` and write `output`/images/<slug>/*.png.

    The noise of an image depends on its name alone: purifiers that draw alike see the same noise.

    Args:
        method: name of the purifier.
        settings: its settings.
        text_to_image: settings of the model; None if the purifier needs none.
        data: folder of the dataset.
        images: folder of the degraded images.
        concepts: folder of the concepts; None if the purifier needs none.
        output: folder that is written to.
        span: "A:B" selects groups A to B - 1.
        seed: seed from which all draws are derived.
    """
    needs = PURIFIERS.needs(method, settings)
    job = record.begin("purify", output, method, settings, seed, PURIFIERS, text_to_image if "model" in needs else None)
    groups, owners = read_groups(data, span), concept_owners(data, getattr(settings, "concept", "own"))
    purifier = PURIFIERS.make(method, settings, _loader(text_to_image))
    with in_background() as behind:  # a group is written while the next one is purified
        for group in tqdm(groups, desc=f"purify {method}", unit="group"):
            pixels = read_images(group.paths(Path(images) / "images"))
            shape = tuple(pixels.shape)
            learned = Path(concepts) / "groups" / owners[group.slug] / FILE if concepts else None
            concept = Concept.load(learned) if learned and "concept" in needs else None
            draws = [generator(seed, group.dataset, group.name, file, "purify") for file in group.files]
            purified = purifier(pixels, given_to(needs, group, data, group.files, draws, concept))
            purified = checked(purified, shape, f"purifier '{method}'", group.name, group.files)
            behind(_write, Path(output) / "images" / group.slug, group.files, purified)
    write_index(output, span, groups, Path(output) / "images", job=job)


def _write(place: Path, files: Sequence[str], images: "Iterable[torch.Tensor]") -> None:
    with whole_folder(place) as folder:
        for file, image in zip(files, images, strict=True):
            write_image(folder / file, image)


def _loader(text_to_image: Any) -> "Callable[[], TextToImage]":
    """Make a function that loads the text-to-image model at its first call."""

    @cache
    def load_model() -> "TextToImage":
        from cosalpure.diffusion.text_to_image import TextToImage

        return TextToImage.of(text_to_image)

    return load_model
