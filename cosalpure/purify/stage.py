"""The purify stage: every image of every group through one purifier."""

from functools import cache
from pathlib import Path

from tqdm import tqdm

from cosalpure.concept import FILE, Concept
from cosalpure.contract import checked
from cosalpure.data import read_groups, write_index
from cosalpure.data.given import given_to
from cosalpure.io import in_background, read_images, whole_folder, write_image
from cosalpure.purify import PURIFIERS
from cosalpure.seeds import generator


def run(method, settings, text_to_image, data, images, concepts, output, span, seed):
    """For each group of `span`: `output`/images/<slug>/*.png.

    `images` is the folder of the degraded images, `concepts` that of the concepts (None if the purifier needs none).
    The noise of an image depends on its name alone: purifiers that draw alike see the same noise.
    """
    groups, owners = read_groups(data, span), concept_owners(data, getattr(settings, "concept", "own"))
    needs = PURIFIERS.get(method).needs_of(settings)
    purifier = PURIFIERS.make(method, settings, _loader(text_to_image))
    with in_background() as behind:  # a group is written while the next one is purified
        for group in tqdm(groups, desc=f"purify {method}", unit="group"):
            pixels = read_images(group.paths(Path(images) / "images"))
            shape = tuple(pixels.shape)
            reads = concepts and "concept" in needs
            concept = Concept.load(Path(concepts) / "groups" / owners[group.slug] / FILE) if reads else None
            draws = [generator(seed, group.dataset, group.name, file, "purify") for file in group.files]
            purified = purifier(pixels, given_to(needs, group, data, group.files, draws, concept))
            purified = checked(purified, shape, f"purifier '{method}'", group, group.files)
            behind(_write, Path(output) / "images" / group.slug, group.files, purified)
    write_index(output, span, groups, Path(output) / "images")


def _write(place, files, images):
    with whole_folder(place) as folder:
        for file, image in zip(files, images, strict=True):
            write_image(folder / file, image)


def concept_owners(data, whose):
    """{slug: slug of the group whose concept purifies it}: its own, or the next one's in the order of the dataset."""
    slugs = [group.slug for group in read_groups(data)]
    return dict(zip(slugs, slugs[1:] + slugs[:1] if whose == "next" else slugs, strict=True))


def _loader(text_to_image):
    """A function that loads the text-to-image model at its first call."""

    @cache
    def load_model():
        from cosalpure.diffusion.text_to_image import TextToImage

        return TextToImage.of(text_to_image)

    return load_model
