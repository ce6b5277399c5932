"""`cosalpure plan`: what an experiment will need."""

from cosalpure.cli.options import LAYOUT, Benchmarks, Experiments
from cosalpure.experiment.files import DEFAULT


def plan(config: Experiments = None, benchmarks: Benchmarks = LAYOUT.benchmarks) -> None:
    """Estimate an experiment's jobs, hours and gigabytes.

    Its data and weights need not be there.
    """
    from cosalpure.plan import run

    run(config or [DEFAULT], benchmarks)
