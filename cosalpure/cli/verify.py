"""`cosalpure verify`: say whether the scores of a run agree with the stored results."""

from typing import Annotated

import typer

from cosalpure.cli.options import LAYOUT


def verify(
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="Folder of the results.")] = LAYOUT.results,
    write: Annotated[
        bool, typer.Option("--write", help="Store these results as the reference instead. Needs a clone.")
    ] = False,
) -> int:
    """Compare the scores with those of the default experiment.

    Exit status 0: they are equal, or within the known spread between CPU models. 1: they differ; the rows are printed.
    3: there is no reference for these methods or settings; the settings that differ are printed.
    """
    from cosalpure.verify import run

    return run(results, write)
