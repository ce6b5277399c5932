"""The figures of `cosalpure report` that show the learned concepts: one function a figure."""

from typing import Annotated, Any

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
    Settings,
    Threads,
    output,
    read_model,
    read_settings,
    span_of,
)
from cosalpure.seeds import SEED

Png = Annotated[str, output("PNG file to write.")]


def read_figures(text: str) -> Any:
    """Read the settings of the figures from --settings."""
    from cosalpure.concept.settings import ConceptFigures

    return read_settings(ConceptFigures, text)


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
    settings: Settings = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Draw what the learned concepts look like.

    The figure shows images generated from the concepts of clean groups and of attacked groups.
    """
    model, its = read_model(text_to_image), read_figures(settings)
    from cosalpure.report.concepts import draw_previews

    draw_previews(data, images, clean_concepts, concepts, model, span_of(groups, data), output, seed, its)


def attention(
    data: Data,
    images: Images,
    concepts: Concepts,
    output: Png,
    groups: Groups = ALL,
    text_to_image: Model = NO_SETTINGS,
    settings: Settings = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Draw where the network attends to the learned concepts."""
    model, its = read_model(text_to_image), read_figures(settings)
    from cosalpure.report.concepts import draw_attention

    draw_attention(data, images, concepts, model, span_of(groups, data), output, seed, its)
