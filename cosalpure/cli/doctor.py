"""`cosalpure doctor`: what is installed and what is missing."""

from cosalpure.cli.options import Experiments
from cosalpure.experiment.files import DEFAULT


def doctor(config: Experiments = None) -> int | None:
    """Show what is installed and what is missing.

    The list says what an experiment lacks on this machine, and where to get it.
    """
    from cosalpure.doctor import run

    return run(config or [DEFAULT])
