"""`cosalpure plan`: what an experiment will need."""

from pathlib import Path

from cosalpure.cli.options import LAYOUT, Benchmarks, Experiments


def plan(config: Experiments = None, benchmarks: Benchmarks = LAYOUT.benchmarks) -> None:
    """Estimate an experiment's jobs, hours and gigabytes.

    Its data and weights need not be there.
    """
    from cosalpure.experiment.project import where_it_runs
    from cosalpure.plan import run

    given = benchmarks if benchmarks == LAYOUT.benchmarks else str(Path(benchmarks).absolute())
    with where_it_runs(config or []) as files:
        run(files, given)
