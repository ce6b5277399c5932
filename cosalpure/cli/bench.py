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
            help="File whose parts are replaced: Markdown such as docs/results/data/benchmarks.md; with --peer CSV such as "
            "docs/results/data/peers.csv.",
        ),
    ] = None,
    peer: Annotated[
        str | None,
        typer.Option(
            "--peer",
            metavar="PATH",
            help="Checkout of the published code of diffusers, CosalPure, Jadena, PySODMetrics, GCAGC, LIIF, DiffPure or DDA, "
            "to be measured beside ours.",
        ),
    ] = None,
) -> int | None:
    """Measure the speed of the stages on this machine.

    Each stage is measured beside a reference procedure. This needs a clone of the repository.
    """
    from cosalpure.bench import run, run_peer

    if peer:
        return run_peer(peer, stages or [], pairs, quick, output)
    return run(stages or [], pairs, quick, output)
