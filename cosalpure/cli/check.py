"""`cosalpure check`: say how results were made, and find files that were modified or damaged."""

from typing import Annotated

import typer

from cosalpure.cli.options import LAYOUT, Results


def check(
    results: Results = LAYOUT.results,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let the next run of the workflow make damaged files again.")
    ] = False,
) -> int:
    """Find result files that were modified or damaged.

    Every file is compared with the checksum that its job recorded. The records also say by which code, on which device and
    when results were made: one line for all that were made alike.
    """
    from cosalpure.check import report

    return report(results, repair)
