"""Snakemake's messages as a `Console` prints them: a line when a job ends, a sign of life between, errors in full."""

import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from cosalpure.console.ending import target_line
from cosalpure.console.progress import Job, Progress, duration, last_lines, part_done

LOGGER = "snakemake.logging"
REPLACED = "DefaultStreamHandler"  # Snakemake's name of its handler of the terminal; absent where a plug-in prints
SILENCE = 30.0  # seconds without a line, after which one is printed
REFRESH = 2.0  # seconds, of the last line of a terminal
HEAD = 20  # characters before the text of a line
SHOWN = 12  # last lines of a failed job's log
TOLD = {  # events that a line of ours stands for, or that the log file keeps
    "workflow_started",
    "job_started",
    "progress",
    "shellcmd",
    "resources_info",
    "rulegraph",
}
NOISE = (  # messages without an event that say nothing about the run
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Select jobs to execute",
    "Using shell:",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Complete log(s):",
    "Elapsed time:",
    "Shutting down, this might take some time",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete successfully",
)
SUBMITTED = re.compile(r"Job \d+ has been submitted")  # a line more a job, by executors of clusters
FAILED_COMMAND = "RuleException:\nCalledProcessError"  # with the whole command, which the log file keeps
STATUS = re.compile(r"(exit status \d+|Signals\.\w+)")
MISTAKE = re.compile(r"^ *(?:cosalpure\.errors\.)?UserError: (.+)$", re.M)  # in a function of a rule
INTERRUPTED = "Terminating processes on user request"


class Console(logging.Handler):
    """Print a run's messages, one line a job.

    Args:
        plain: the handler that prints what is printed as Snakemake has it.
        slots: how many jobs can run at a time.
        targets: gives the names that can be asked for, once the rules are read.
        dry: whether nothing is run: then all is printed as Snakemake has it, but for a target that does not exist.
        clock: gives the time in seconds.
    """

    def __init__(
        self,
        plain: logging.Handler,
        slots: int,
        targets: Callable[[], Iterable[str]] = tuple,
        dry: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.plain, self.slots, self.targets, self.clock = plain, slots, targets, clock
        self.stream: TextIO = getattr(plain, "stream", sys.stderr)
        self.live = self.stream.isatty()
        self.filters = list(plain.filters)  # --quiet stays what it is
        self.progress: Progress | None = None
        self.dry = dry
        self.interrupted = False
        self.said = clock()
        self.details = ""  # Snakemake's log file
        self._status = ""  # of the command that failed last
        self._shown = 0  # characters of the terminal's last line, which is written anew
        self._ended = threading.Event()
        self._events: dict[str, Callable[[Any], None]] = {"error": self._error}
        if not dry:
            self._events |= {
                "run_info": self._begin,
                "job_info": self._job_begins,
                "job_finished": self._job_ends,
                "job_error": self._job_fails,
            }

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record: by its event, or as Snakemake has it."""
        event = str(getattr(record, "event", None) or "")
        try:
            if event in self._events:
                self._events[event](record)
            elif self.dry or event not in TOLD:
                self._message(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Stop the signs of life."""
        self._ended.set()
        self._wipe()
        self.plain.close()
        super().close()

    def beat(self) -> None:
        """Give a sign of life, if it is time for one: what runs, and how much of it is done."""
        self.acquire()
        try:
            if not self.progress or not self.progress.running or self.interrupted:
                return
            if self.live:
                self._write(self._head(self._running()), last=True)
            elif self.clock() - self.said >= SILENCE:
                self._line(self._running())
        finally:
            self.release()

    def _begin(self, record: Any) -> None:
        counts = {rule: count for rule, count in record.stats.items() if rule != "total"}
        self.progress = Progress(counts, self.slots, self.clock())
        count = f"{self.progress.total} job{'s' * (self.progress.total != 1)}"
        details = f"; details: {self.details}" if self.details else ""
        self._write(f"{count} to run, {self.slots} at a time. The log of each is below logs/{details}")
        threading.Thread(target=self._beats, daemon=True).start()

    def _beats(self) -> None:
        while not self._ended.wait(REFRESH):
            self.beat()

    def _job_begins(self, record: Any) -> None:
        if not self.progress:
            return
        logs = list(record.log or [])
        text = record.rule_msg or ""
        job = Job(record.rule_name, text, logs[0] if logs else "", self.clock())
        self.progress.begin(record.jobid, job)

    def _job_ends(self, record: Any) -> None:
        now = self.clock()
        job = self.progress.end(record.job_id, now) if self.progress else None
        if job and job.text:  # targets such as `all` have none
            self._line(f"{job.text} ({duration(now - job.started)})")
        if self.progress and self.progress.done == self.progress.total:
            self._line(f"finished: {self.progress.total} jobs in {duration(now - self.progress.started)}")

    def _job_fails(self, record: Any) -> None:
        job = self.progress.fail(record.jobid) if self.progress else None
        if self.interrupted:
            return
        status, self._status = self._status, ""
        self._line(f"FAILED: {(job.text if job else '') or record.rule_name}{status}")
        told = [record.rule_msg] if record.rule_msg else []
        told += [f"{name}: {value}" for name, value in (record.aux or {}).items()]
        for log in record.log or []:  # that of the command, and that of a cluster
            lines = last_lines(log, SHOWN)
            told += [f"{log} ends with:", *lines] if lines else [f"{log} is empty"]
        self._write("\n".join(f"    {line}" for line in told))

    def _error(self, record: Any) -> None:
        """Print an exception of Snakemake's; of an unknown target, a missing file and a user's mistake our own line."""
        text = record.getMessage()
        if self.interrupted or text.startswith(NOISE):
            return
        missing = text.partition("No rule to produce ")[2].split(" (if you use")
        mistake = MISTAKE.search(text)
        files = text.partition("affected files:\n")[2].splitlines()
        if text.startswith(FAILED_COMMAND):  # the record of the job's failure comes next, without the status
            found = STATUS.search(text)
            self._status = f" ({found[1]})" if found else ""
        elif getattr(record, "exception", "") == "MissingRuleException" and len(missing) == 2:
            self._write(target_line(missing[0], self.targets()))
        elif getattr(record, "exception", "") == "MissingInputException" and files:
            self._write(f"cosalpure: no such file, and no rule makes it: {', '.join(map(str.strip, files))}")
        elif mistake:
            self._write(f"cosalpure: {mistake[1]}")
        else:
            self._message(record)

    def _message(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(INTERRUPTED):
            self.interrupted = True
            self._write("stopping the jobs that run")
        elif self.dry or not (text.strip().startswith(NOISE) or SUBMITTED.match(text)):
            self._wipe()
            self.plain.handle(record)
            self.said = self.clock()

    def _line(self, text: str) -> None:
        self._write(self._head(text))

    def _head(self, text: str) -> str:
        """Put percent and remaining time before a line."""
        if not self.progress:
            return text
        left = self.progress.left(self.clock()) if self.progress.done < self.progress.total else None
        rest = f", {duration(left)} left" if left is not None else ""
        return f"{f'[{self.progress.percent:3d} %{rest}]':<{HEAD}} {text}"

    def _running(self) -> str:
        """Say what runs and how much of it is done."""
        jobs = list(self.progress.running.values()) if self.progress else []
        parts = [f"{job.text or job.rule}{f': {part}' if (part := part_done(job.log)) else ''}" for job in jobs[:2]]
        more = [f"{len(jobs) - 2} more"] if len(jobs) > 2 else []
        return f"running: {'; '.join(parts + more)}"

    def _write(self, text: str, last: bool = False) -> None:
        """Print a line; one that is the terminal's `last` is written over by the next."""
        self._wipe()
        if last:
            text = text[: shutil.get_terminal_size().columns - 1]
        self.stream.write(text if last else f"{text}\n")
        self.stream.flush()
        self._shown = len(text) if last else 0
        self.said = self.clock()

    def _wipe(self) -> None:
        if self._shown:
            self.stream.write(f"\r{' ' * self._shown}\r")
            self._shown = 0


def install(settings: Any, slots: int | None, targets: Callable[[], Iterable[str]]) -> Console | None:
    """Put a console in the place of Snakemake's handler of the terminal.

    Args:
        settings: Snakemake's `OutputSettings`.
        slots: how many jobs can run at a time.
        targets: gives the names that can be asked for.

    Returns:
        The console; None where Snakemake's own output stays: a plug-in prints, or details were asked for.
    """
    if settings.verbose or settings.printshellcmds or settings.debug_dag:
        return None
    logger = logging.getLogger(LOGGER)
    plain = next((its for its in logger.handlers if its.name == REPLACED), None)
    if plain is None:
        return None
    console = Console(plain, slots or 1, targets, dry=settings.dryrun)
    files = [its.baseFilename for its in logger.handlers if isinstance(its, logging.FileHandler)]
    console.details = os.path.relpath(files[0]) if files else ""
    logger.removeHandler(plain)
    logger.addHandler(console)
    return console
