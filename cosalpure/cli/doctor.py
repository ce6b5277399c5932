"""`cosalpure doctor`: what is installed and what is missing."""

from cosalpure.cli.options import Experiments


def doctor(config: Experiments = None) -> int | None:
    """Show what is installed and what is missing.

    The list says what an experiment lacks on this machine, and where to get it.
    """
    from cosalpure.doctor import run
    from cosalpure.experiment.project import where_it_runs

    with where_it_runs(config or []) as files:
        return run(files)
