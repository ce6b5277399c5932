"""Records as Snakemake logs them, and a console that prints them to a text."""

import io
import logging
from types import SimpleNamespace

from cosalpure.console import Console


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def record(event=None, text="", **values):
    """A record of Snakemake's logger."""
    made = logging.LogRecord("snakemake.logging", logging.INFO, "workflow.py", 1, text, (), None)
    made.__dict__.update(event=event, **values)
    return made


def job(number, rule="purify_images", text="purify: mini", log=()):
    return record("job_info", jobid=number, rule_name=rule, rule_msg=text, log=list(log))


def failure(number, log=()):
    return record("job_error", jobid=number, rule_name="purify_images", rule_msg=None, log=list(log), aux={})


def console(stream=None, slots=2, **options):
    """A console with what it prints in `.text()`, and its clock."""
    clock = Clock()
    plain = logging.StreamHandler(stream or io.StringIO())
    made = Console(plain, slots, clock=clock, **options)
    return SimpleNamespace(
        console=made, clock=clock, text=plain.stream.getvalue, lines=lambda: plain.stream.getvalue().splitlines()
    )
