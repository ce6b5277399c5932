"""The data stage: a dataset of any source becomes a folder in the layout of `cosalpure.data`."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from cosalpure.data import MANIFEST, file_hash, slugify
from cosalpure.data.mini import MiniWorld
from cosalpure.io import whole_folder, write_image
from cosalpure.seeds import numpy_generator


def run(name, settings, output, seed):
    """Write dataset `name` (settings: `MiniDataset`) to the folder `output`, whole or not at all."""
    with whole_folder(output) as folder:
        rows = compose_mini(name, settings, folder, seed)
        columns = ["dataset", "group", "slug", "index", "file", "sha256", "attacked"]
        pd.DataFrame(rows, columns=columns).to_parquet(folder / MANIFEST, index=False)


def compose_mini(name, settings, folder, seed):
    """Compose the mini benchmark's groups into `folder`; the manifest's rows.

    Distractors come from the concepts that the detectors were trained on, so the two sets never mix in a group.
    """
    world = MiniWorld(size=settings.size)
    concepts = world.concepts(settings.split)
    order = numpy_generator(seed, "mini", settings.split, "order").permutation(len(concepts))
    attacked = int(settings.images * settings.attacked_fraction)
    rows = []
    for number in tqdm(range(settings.groups), desc=f"compose {name}", unit="group"):
        concept = concepts[order[number % len(concepts)]]
        turn = number // len(concepts)
        label = concept.replace("-", " ") + (f" {turn + 1}" if turn else "")
        rng = numpy_generator(seed, "mini", settings.split, label)
        images, masks = world.group(rng, concept, settings.images, world.concepts("train"))
        slug = slugify(label)
        for kind in ("images", "masks"):
            (folder / kind / slug).mkdir(parents=True)
        for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
            file = f"{index:03d}_{slug}.png"
            write_image(folder / "images" / slug / file, image)
            write_image(folder / "masks" / slug / file, np.ascontiguousarray(mask))
            digest = file_hash(folder / "images" / slug / file)
            rows.append((name, label, slug, index, file, digest, index < attacked))
    return rows
