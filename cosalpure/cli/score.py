"""`cosalpure score`: score the maps of a condition."""

from typing import Annotated

import typer

from cosalpure.cli.options import NO_SETTINGS, Data, Settings, Threads, output, read_settings


def score(
    data: Data,
    images: Annotated[str, typer.Option("--images", metavar="DIR", help="Folder whose images/ the detector has seen.")],
    maps: Annotated[str, typer.Option("--maps", metavar="DIR", help="Folder of the detector.")],
    condition: Annotated[
        tuple[str, str, str, str],
        typer.Option(
            "--condition",
            metavar="DATASET DEGRADATION PURIFIER DETECTOR",
            help="Names to write into the rows.",
        ),
    ],
    output: Annotated[str, output("Parquet file to write.")],
    settings: Settings = NO_SETTINGS,
    threads: Threads = 1,
) -> None:
    """Score the maps of a condition. The score file has one row for each image."""
    from cosalpure.score.settings import Score

    chosen = read_settings(Score, settings)
    from cosalpure import record
    from cosalpure.data import read_manifest
    from cosalpure.draws import count
    from cosalpure.score import score_condition, write_scores
    from cosalpure.score.draws import with_draws

    job = record.begin("score", output, settings=chosen)
    names = dict(zip(("dataset", "degradation", "purifier", "detector"), condition, strict=True))
    folders = (f"{maps}/maps", f"{images}/images", data)
    rows = score_condition(*folders, read_manifest(data), names, **chosen.model_dump())
    write_scores(with_draws(rows, maps, data, count(maps), **chosen.model_dump()), output, job)
