"""How a run ends: the sentences about an interrupted or failed run, and about a target that does not exist."""

import difflib
import os
import signal
import sys
from collections.abc import Iterable, Set
from types import FrameType

from cosalpure.experiment.layout import Layout
from cosalpure.record import COMMAND

AGAIN = "the same command continues"
RETRY = 0.001  # seconds; Snakemake takes longer to start the job whose resources it has evaluated
EVALUATES = "expand_resources"  # the method of a Snakemake rule that calls the functions of its resources


class Interrupts:
    """Note Ctrl-C, and leave the rest to Snakemake, which stops its jobs. Before any job has started, end at once."""

    def __init__(self) -> None:
        self.seen = False
        self.running = False  # set when jobs start

    def watch(self) -> None:
        """Handle SIGINT from now on, and SIGALRM, by which one that came during an evaluation comes again."""
        for its in (signal.SIGINT, signal.SIGALRM):
            signal.signal(its, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.seen:  # again, while jobs are being stopped: they got it, too
            return
        if self.running and _evaluates(frame):
            signal.setitimer(signal.ITIMER_REAL, RETRY)
            return
        self.seen = True
        if self.running:
            raise KeyboardInterrupt
        print(f"\ncosalpure: interrupted before a job was started; {AGAIN}", file=sys.stderr, flush=True)
        sys.exit(130)  # Snakemake takes its lock away


def _evaluates(frame: FrameType | None) -> bool:
    """Say whether a rule's resources are being evaluated: there Snakemake takes any exception for the rule's error."""
    while frame and frame.f_code.co_name != EVALUATES:
        frame = frame.f_back
    return frame is not None


def finished_lines(layout: Layout, rules: Set[str]) -> list[str]:
    """Say, at the end of a finished run, where the report is and whether the scores agree with the reference.

    Args:
        layout: where the files are.
        rules: the rules whose results were asked for.
    """
    from cosalpure.verify import verify

    lines = [f"report: {layout.page}"] if "build_report" in rules else []
    return [*lines, *verify(layout.results).lines] if "collect_scores" in rules else lines


def stopped_line(interrupted: bool) -> str:
    """Say, at the end of a run that did not finish, what to type next."""
    command = os.environ.get(COMMAND, "snakemake")
    what = "interrupted" if interrupted else "stopped after a failed job"
    then = AGAIN if interrupted else f"once it is fixed, {AGAIN}"
    return f"{what}; finished jobs and groups are kept, {then}: {command}"


def target_line(target: str, targets: Iterable[str]) -> str:
    """Say that a target does not exist, what was probably meant, and what there is."""
    known = list(targets)
    close = difflib.get_close_matches(target, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"cosalpure: no target {target}{hint} Targets: {', '.join(known)}; or a file of the results"
