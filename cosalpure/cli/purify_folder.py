"""`cosalpure purify-folder`: purify photos without the workflow."""

from pathlib import Path
from typing import Annotated

import typer

from cosalpure.cli.options import EXPERIMENT, Threads, read_experiment, several
from cosalpure.experiment.files import DEFAULT
from cosalpure.workflow import source


def purify_folder(
    photos: Annotated[str, typer.Argument(metavar="PHOTOS", help="Folder of photos that have an object in common.")],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Folder of the results, with one picture that shows them all.")
    ],
    config: Annotated[
        list[str] | None, several("--config", "FILE", f"{EXPERIMENT} If there is none here: the mini experiment.")
    ] = None,
    purifier: Annotated[
        str, typer.Option("--purifier", metavar="NAME", help="Entry of the experiment that purifies.")
    ] = "cosalpure",
    detector: Annotated[
        str | None,
        typer.Option("--detector", metavar="NAME", help="Entry of the experiment that detects. Default: the first."),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            "--attack", metavar="NAME", help="Entry of the experiment that first attacks half of the photos: jadena."
        ),
    ] = None,
    keep_detail: Annotated[
        bool,
        typer.Option(
            "--keep-detail",
            help="Keep each photo's detail below the models' resolution, and with it any attack that is as fine.",
        ),
    ] = False,
    threads: Threads = 1,
) -> None:
    """Purify one folder of photos, without the workflow.

    Purified photos keep their names, sizes and aspect ratios. Subfolders are not read.
    """
    bundled = str(source() / DEFAULT)
    its = read_experiment(config or [DEFAULT if Path(DEFAULT).is_file() else bundled])
    from cosalpure.purify_folder import purify_folder as run

    print(run(photos, out, its, purifier, detector, attack, keep_detail))
