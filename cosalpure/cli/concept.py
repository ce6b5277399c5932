"""`cosalpure concept`: learn the concepts."""

from typing import Annotated

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    Data,
    Groups,
    Images,
    Model,
    Seed,
    Settings,
    Threads,
    apart,
    output,
    read_model,
    read_settings,
    span_of,
)
from cosalpure.seeds import SEED


def concept(
    data: Data,
    images: Images,
    output: Annotated[str, output("Folder of the concepts to write.")],
    groups: Groups = ALL,
    settings: Settings = NO_SETTINGS,
    text_to_image: Model = NO_SETTINGS,
    seed: Seed = SEED,
    threads: Threads = 1,
) -> None:
    """Learn one concept for each group by textual inversion."""
    from cosalpure.concept.settings import ConceptLearning

    chosen, model = read_settings(ConceptLearning, settings), read_model(text_to_image)
    span = span_of(groups, data)
    apart(output, data, images)
    from cosalpure.concept.stage import run

    run(chosen, model, data, images, output, span, seed)
