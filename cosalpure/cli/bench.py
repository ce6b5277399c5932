"""`cosalpure bench`: measure the speed of the stages."""

from typing import Annotated

import typer


def bench(
    stages: Annotated[
        list[str] | None,
        typer.Argument(metavar="STAGE", help="Stages, among {stages}. Default: all but growth."),
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", help="How often both procedures are measured.")] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use the smallest sizes, to see whether it works, not how fast it is.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Markdown file whose sections are replaced, such as docs/results/data/benchmarks.md.",
        ),
    ] = None,
) -> int | None:
    """Measure the speed of the stages on this machine.

    Each stage is measured beside a reference procedure. This needs a clone of the repository.
    """
    from cosalpure.bench import run

    return run(stages or [], pairs, quick, output)
