"""What was learned: previews of concepts (the paper's Figure 4) and where the network attends to them (Figure 5)."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from cosalpure.concept import FILE, Concept
from cosalpure.concept.attention import attention_maps
from cosalpure.concept.preview import preview
from cosalpure.concept.settings import ConceptFigures
from cosalpure.data import read_groups
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.io import read_images, to_uint8
from cosalpure.report.sheet import Row, draw_sheet, open_picture
from cosalpure.seeds import generator

COLUMNS = 10  # images of a long group that are shown
PREVIEWS = 4  # of each concept


def draw_previews(
    data: str,
    images: str,
    clean_concepts: str,
    concepts: str,
    text_to_image: Any,
    span: str,
    output: str | Path,
    seed: int,
    settings: ConceptFigures | None = None,
    previews: int = PREVIEWS,
) -> None:
    """Draw groups in their order: an attacked image, then previews of the clean and of the attacked group's concept.

    Both start from the same noise. `images` is the folder of the degraded images; `clean_concepts` and `concepts` are
    those of what was learned from the clean and from the degraded groups. `settings` are those of the previews.
    """
    model, rows = TextToImage.of(text_to_image), []
    for group in read_groups(data, span):
        pictures = [open_picture(path) for path in group.paths(Path(images) / "images")]
        order = sorted(range(len(pictures)), key=lambda index: not group.attacked[index])  # attacked ones first
        ends = order[0], order[-1]
        rows.append(Row(group.name, [pictures[i] for i in ends], [group.attacked[i] for i in ends]))
        for folder in (clean_concepts, concepts):
            draws = [generator(seed, group.dataset, group.name, "preview", number) for number in range(previews)]
            concept = Concept.load(Path(folder) / "groups" / group.slug / FILE)
            rows[-1].pictures.extend(map(_picture, preview(model, concept, draws, settings=settings)))
    note = f"an attacked (red) and a clean image; {previews} previews each of the clean and attacked group's concept"
    draw_sheet(output, "Learned concepts", note, rows)


def draw_attention(
    data: str,
    images: str,
    concepts: str,
    text_to_image: Any,
    span: str,
    output: str | Path,
    seed: int,
    settings: ConceptFigures | None = None,
) -> None:
    """Draw groups in their order: images, and below them the attention that the network pays the group's concept there.

    The arguments are those of `draw_previews`.
    """
    model, rows = TextToImage.of(text_to_image), []
    for group in read_groups(data, span):
        files = group.paths(Path(images) / "images")[:COLUMNS]
        draws = [generator(seed, group.dataset, group.name, path.name, "attention") for path in files]
        concept = Concept.load(Path(concepts) / "groups" / group.slug / FILE)
        pixels = read_images(files)
        maps = attention_maps(model, pixels, concept, draws, settings=settings)
        rows.append(Row(group.name, list(map(_picture, pixels)), group.attacked))
        rows.append(Row("    attention to its concept", list(map(_picture, heat(pixels, maps)))))
    draw_sheet(output, "Attention to the learned concept", "attacked images framed in red; yellow is high", rows)


def heat(images: Tensor, maps: Tensor) -> Tensor:
    """Lay maps (N, 1, H, W) over greyish images (N, 3, H, W), all in [0, 1]: the higher, the yellower and more opaque."""
    grey = images.mean(1, keepdim=True).expand_as(images) * 0.6
    return torch.lerp(grey, torch.tensor([1.0, 0.9, 0.1]).view(1, 3, 1, 1).expand_as(images), maps * 0.8)


def _picture(image: Tensor) -> Image.Image:
    """Turn a tensor (3, H, W) in [0, 1] into a PIL image."""
    return Image.fromarray(to_uint8(image).transpose(1, 2, 0))
