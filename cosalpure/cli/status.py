"""`cosalpure status`: which code made the results, and what would run again."""

from cosalpure.cli.options import Experiments


def status(config: Experiments = None) -> None:
    """Show which code made the results, and what would run again and why.

    Nothing is computed. The results are those of this folder if it has a Snakefile, else those of the experiment's.
    """
    from cosalpure.experiment.project import where_it_runs
    from cosalpure.status import run

    with where_it_runs(config or []) as files:
        run(files)
