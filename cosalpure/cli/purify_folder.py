"""`cosalpure purify-folder`: purify photos without the workflow."""

from typing import Annotated

import typer

from cosalpure.cli.options import EXPERIMENT, Threads, read_experiment, several


def purify_folder(
    photos: Annotated[str, typer.Argument(metavar="PHOTOS", help="Folder of photos that have an object in common.")],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Folder of the results, with one picture that shows them all.")
    ],
    config: Annotated[list[str] | None, several("--config", "FILE", EXPERIMENT)] = None,
    purifier: Annotated[
        str, typer.Option("--purifier", metavar="NAME", help="Entry of the experiment that purifies.")
    ] = "cosalpure",
    detector: Annotated[
        str | None,
        typer.Option("--detector", metavar="NAME", help="Entry of the experiment that detects. Default: the first."),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Purify one folder of photos, without the workflow."""
    its = read_experiment(config)
    from cosalpure.purify_folder import purify_folder as run

    print(run(photos, out, its, purifier, detector))
