"""The concept stage: one learned concept a group, from the degraded images."""

from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from cosalpure import record
from cosalpure.concept import FILE, learn_together, token_of
from cosalpure.concept.settings import ConceptLearning
from cosalpure.data import Group, read_groups, write_index
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.io import read_images, whole_folder
from cosalpure.seeds import generator


def run(
    settings: ConceptLearning,
    text_to_image: TextToImageSettings,
    data: str | Path,
    images: str | Path,
    output: str | Path,
    span: str,
    seed: int,
) -> None:
    """Learn the concept of each group of `span` and write it to `output`/groups/<slug>/.

    Three files are written for a group: learned_embeds.safetensors, loss.csv and settings.json.

    Args:
        settings: of concept learning.
        text_to_image: settings of the model.
        data: folder of the dataset.
        images: folder of the degraded images.
        output: folder that is written to.
        span: "A:B" selects groups A to B - 1.
        seed: seed from which all draws are derived.
    """
    job = record.begin("concept", output, settings=settings, seed=seed, model=text_to_image)
    groups = read_groups(data, span)
    model = TextToImage.of(text_to_image)
    bundles = [groups[i : i + settings.groups_at_once] for i in range(0, len(groups), settings.groups_at_once)]
    for bundle in tqdm(bundles, desc="learn concepts", unit="bundle" if settings.groups_at_once > 1 else "group"):
        lessons = [lesson(group, images, output, seed) for group in bundle]
        for group, (concept, losses) in zip(bundle, learn_together(lessons, model, settings), strict=True):
            with whole_folder(Path(output) / "groups" / group.slug) as folder:
                concept.save(folder / FILE)
                pd.DataFrame({"step": range(len(losses)), "loss": losses}).to_csv(folder / "loss.csv", index=False)
                (folder / "settings.json").write_text(settings.model_dump_json(indent=2) + "\n")
    write_index(output, span, groups, Path(output) / "groups", job=job)
    for group in groups:  # kept until all are done: an interrupted job skips what it had learned
        progress(output, group).unlink(missing_ok=True)


def lesson(
    group: Group, images: str | Path, output: str | Path, seed: int
) -> tuple[torch.Tensor, torch.Generator, str, Path]:
    """Collect what `learn_together` takes of a group: its images, its draws, its token, the file of its progress."""
    pixels = read_images(group.paths(Path(images) / "images"))
    draws = generator(seed, group.dataset, group.name, "concept")
    return pixels, draws, token_of(group.slug), progress(output, group)


def progress(output: str | Path, group: Group) -> Path:
    """Locate the file that an interrupted learning goes on from."""
    return Path(output) / "progress" / f"{group.slug}.pt"
