"""How far a run is: jobs done, and how long the rest will take, from the jobs that are done and those that run.

progress = Progress({"learn_concepts": 2, "purify_images": 6}, slots=2, now=0.0)
progress.begin(7, Job("learn_concepts", "concept: mini, jadena", "logs/concept/mini.log", started=1.0))
progress.end(7, now=131.0)
progress.percent, progress.left(now=131.0)
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Seconds of a job of the default experiment on two cores: what a rule takes relative to the others, until it was measured.
SECONDS = {
    "learn_concepts": 130.0,
    "purify_images": 35.0,
    "degrade_images": 5.0,
    "detect_cosaliency": 5.0,
    "make_dataset": 3.0,
    "score_maps": 2.0,
    "build_report": 3.0,
}
OTHER = 1.0
KNOWN = 0.03  # share of all expected work that must be done before a time is named
BAR = re.compile(r"(\d+)/(\d+) \[[^\]]*(group|image|bundle)")  # tqdm's, as the stages write it
TAIL = 64 * 1024  # bytes of a log that are read for its progress bar; bars of steps stand between those of groups
MANY = 16  # running jobs, of which no log is read for the remaining time


@dataclass
class Job:
    """A job that runs."""

    rule: str
    text: str
    log: str
    started: float


@dataclass
class Part:
    """How much of a job is done: 4 of 12 groups."""

    done: int
    total: int
    unit: str

    def __str__(self) -> str:
        return f"{self.done} of {self.total} {self.unit}s"


def part_done(log: str) -> Part | None:
    """Read from a job's log how much of it is done; None where it has no progress bar yet."""
    try:
        with open(log, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            found = BAR.findall(file.read().decode(errors="replace"))
    except OSError:
        return None
    return Part(int(found[-1][0]), int(found[-1][1]), found[-1][2]) if found else None


class Progress:
    """The jobs of a run.

    Args:
        counts: how many jobs of each rule there are.
        slots: how many jobs can run at a time.
        now: the time, in seconds of any clock.
    """

    def __init__(self, counts: Mapping[str, int], slots: int, now: float):
        self.waiting = Counter(counts)
        self.total = sum(counts.values())
        self.slots = max(1, slots)
        self.started = now
        self.running: dict[int, Job] = {}
        self.done = 0
        self.failed: list[Job] = []
        self._times: dict[str, list[float]] = {}
        self._expected_of_done = 0.0
        self._expected = sum(count * SECONDS.get(rule, OTHER) for rule, count in counts.items())

    def begin(self, job_id: int, job: Job) -> None:
        """Note that a job has started."""
        self.waiting[job.rule] -= 1
        self.running[job_id] = job

    def end(self, job_id: int, now: float) -> Job | None:
        """Note that a job has finished; give it, or None if it is unknown."""
        self.done += 1
        job = self.running.pop(job_id, None)
        if job:
            self._times.setdefault(job.rule, []).append(now - job.started)
            self._expected_of_done += SECONDS.get(job.rule, OTHER)
        return job

    def fail(self, job_id: int) -> Job | None:
        """Note that a job has failed. If it is tried again, it begins anew."""
        job = self.running.pop(job_id, None)
        if job:
            self.waiting[job.rule] += 1
            self.failed.append(job)
        return job

    @property
    def percent(self) -> int:
        """Jobs that are done, of all."""
        return 100 * self.done // self.total if self.total else 100

    def left(self, now: float) -> float | None:
        """Estimate the seconds until the run ends; None while too little is known."""
        if self._expected_of_done < KNOWN * self._expected:
            return None
        work = sum(count * self._seconds(rule) for rule, count in self.waiting.items() if count > 0)
        rest = [self._rest(job, now) for job in self.running.values()]
        return max([(work + sum(rest)) / self._side_by_side(now), *rest])

    def _seconds(self, rule: str) -> float:
        """Tell what a job of a rule takes: as measured, else its usual time, scaled by how the others took theirs."""
        measured = self._times.get(rule)
        if measured:
            return sum(measured) / len(measured)
        return SECONDS.get(rule, OTHER) * self._busy() / self._expected_of_done

    def _rest(self, job: Job, now: float) -> float:
        """Tell what a running job still takes: by its progress bar, else by what its rule takes."""
        spent, part = now - job.started, part_done(job.log) if len(self.running) <= MANY else None
        if part and 0 < part.done < part.total:
            return spent * (part.total - part.done) / part.done
        return max(0.0, self._seconds(job.rule) - spent)

    def _busy(self) -> float:
        return sum(map(sum, self._times.values()))

    def _side_by_side(self, now: float) -> float:
        """How many jobs ran at a time so far, between one and the slots."""
        busy = self._busy() + sum(now - job.started for job in self.running.values())
        return min(float(self.slots), max(1.0, busy / max(now - self.started, 1e-9)))


def duration(seconds: float) -> str:
    """Write a time as people say it: 8 s, 5 min, 2 h 10 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def last_lines(log: str, count: int) -> list[str]:
    """Read the last lines of a log, without progress bars."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = [line.rstrip() for line in text.replace("\r", "\n").split("\n")]
    return [line for line in lines if line and "%|" not in line][-count:]
