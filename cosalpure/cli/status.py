"""`cosalpure status`: which code made the results, and what would run again."""

from cosalpure.cli.options import Experiments
from cosalpure.experiment.files import DEFAULT


def status(config: Experiments = None) -> None:
    """Show which code made the results, and what would run again and why.

    Nothing is computed. Run it where the Snakefile is.
    """
    from cosalpure.status import run

    run(config or [DEFAULT])
