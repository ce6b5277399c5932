"""What a user sees while the workflow runs: one line a job, a sign of life every minute, two lines at the end.

The Snakefile calls `install`, which puts a `Console` in the place of Snakemake's own handler of the terminal. Snakemake's
log file keeps every detail. Nothing here imports Snakemake: its records are those of the module `logging`.
"""

from cosalpure.console.ending import Interrupts, finished_lines, stopped_line, target_line
from cosalpure.console.handler import Console, install

__all__ = ["Console", "Interrupts", "finished_lines", "install", "stopped_line", "target_line"]
