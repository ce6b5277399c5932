"""`cosalpure detect`: predict the co-saliency maps."""

from typing import Annotated

import typer

from cosalpure.cli.options import (
    ALL,
    NO_SETTINGS,
    Data,
    Groups,
    Images,
    Settings,
    Threads,
    apart,
    output,
    read_settings,
    span_of,
)


def detect(
    method: Annotated[str, typer.Argument(metavar="DETECTOR", help="FILE.py:CLASS, or one of: {detectors}.")],
    data: Data,
    images: Images,
    output: Annotated[str, output("Folder of the detector to write.")],
    average_with: Annotated[
        str | None,
        typer.Option("--average-with", metavar="DIR", help="Folder of images whose maps are averaged with these."),
    ] = None,
    groups: Groups = ALL,
    settings: Settings = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Predict one co-saliency map for each image, in every draw of the purifier that is in the folder."""
    from cosalpure.detect import DETECTORS

    chosen = read_settings(DETECTORS.get(method).settings, settings)
    span = span_of(groups, data)
    apart(output, data, images, average_with)
    from cosalpure.detect.stage import run
    from cosalpure.draws import count, first_last, folder, keep

    draws = count(images)
    for draw in first_last(draws):
        run(method, chosen, data, folder(images, draw), folder(output, draw), span, average_with)
    keep(output, draws)
