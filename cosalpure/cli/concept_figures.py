"""The figures of `cosalpure report` that show the learned concepts: one function a figure."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    Concepts,
    Data,
    Groups,
    Images,
    Model,
    Seed,
    Threads,
    output,
    read_model,
    span_of,
)
from cosalpure.seeds import SEED

Png = Annotated[str, output("PNG file to write.")]


def concepts(
    data: Data,
    images: Images,
    clean_concepts: Annotated[
        str, typer.Option("--clean-concepts", metavar="DIR", help="Concepts learned from the clean groups.")
    ],
    concepts: Concepts,
    output: Png,
    groups: Groups = ALL,
    text_to_image: Model = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Draw what the learned concepts look like.

    The figure shows images generated from the concepts of clean groups and of attacked groups.
    """
    model = read_model(text_to_image)
    from cosalpure.report.concepts import draw_previews

    draw_previews(data, images, clean_concepts, concepts, model, span_of(groups, data), output, seed)


def attention(
    data: Data,
    images: Images,
    concepts: Concepts,
    output: Png,
    groups: Groups = ALL,
    text_to_image: Model = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Draw where the network attends to the learned concepts."""
    model = read_model(text_to_image)
    from cosalpure.report.concepts import draw_attention

    draw_attention(data, images, concepts, model, span_of(groups, data), output, seed)
