"""What a run prints: a line a job, a sign of life within a minute, the end of a failed job's log, nothing else."""

import logging
import logging.handlers
from types import SimpleNamespace

import pytest
from console.records import Terminal, console, failure, job, record

from cosalpure.console.handler import LOGGER, REPLACED, install

STATS = {"make_dataset": 1, "purify_images": 2, "all": 1, "total": 4}


def begun(**options):
    """A console of a run of four jobs; its first line is taken away."""
    made = console(**options)
    made.console.handle(record("run_info", stats=STATS))
    made.console._ended.set()  # tests call `beat` themselves
    return made


def after(made, seconds, *records):
    made.clock.now += seconds
    for one in records:
        made.console.handle(one)


def test_a_job_is_one_line_when_it_ends_with_percent_and_remaining_time():
    made = begun()
    after(made, 0, job(1, "make_dataset", "data: mini"))
    after(made, 4, record("job_finished", job_id=1), record("progress", done=1, total=4), job(2), job(3))
    after(made, 40, record("job_finished", job_id=2))
    first, data, purified = made.lines()
    assert first.startswith("4 jobs to run, 2 at a time")
    assert data == "[ 25 %, 95 s left]   data: mini (4 s)", "2 x 35 s x 4 s / 3 s and `all`, one at a time so far"
    assert purified.startswith("[ 50 %, ") and purified.endswith("purify: mini (40 s)")


def test_a_target_has_no_line_and_the_last_job_says_how_long_the_run_took():
    made = begun()
    after(made, 0, *(job(number) for number in (1, 2, 3)), job(4, "all", None))
    after(made, 300, *(record("job_finished", job_id=number) for number in (1, 2, 3, 4)))
    assert len(made.lines()) == 1 + 3 + 1
    assert made.lines()[-1] == "[100 %]              finished: 4 jobs in 5 min"


def test_half_a_minute_of_silence_ends_with_what_runs_and_how_far_it_is(tmp_path):
    log = tmp_path / "purify.log"
    log.write_text(
        "purify x:   8%|8 | 2/24 [00:01<00:09,  3.2s/group]\rpurify x:  16%|# | 4/24 [00:02<00:09,  3.2s/group]"
    )
    made = begun()
    after(made, 0, job(1, log=[log]))
    after(made, 29)
    made.console.beat()
    assert len(made.lines()) == 1, "not yet"
    after(made, 1)
    made.console.beat()
    made.console.beat()
    assert made.lines()[1:] == ["[  0 %]              running: purify: mini: 4 of 24 groups"]


def test_a_terminal_writes_the_sign_of_life_over():
    stream = Terminal()
    made = begun(stream=stream)
    after(made, 0, job(1))
    made.console.beat()
    made.console.beat()
    after(made, 3, record("job_finished", job_id=1))
    first, rest, end = made.text().split("\n")
    assert rest.count("\r") == 4 and rest.split("\r")[-1] == "[ 25 %, 3 s left]    purify: mini (3 s)" and end == ""


def test_a_failed_job_shows_the_end_of_its_log_without_progress_bars(tmp_path):
    log = tmp_path / "purify.log"
    log.write_text(
        "one\ntwo\npurify x:  16%|# | 4/24 [00:02<00:09]\rpurify x:  20%|# | 5/24\nlast: not a readable image\n"
    )
    made = begun()
    command = "RuleException:\nCalledProcessError in file x: Command 'set -e ...' returned non-zero exit status 1."
    after(made, 0, job(1, log=[log]), record("error", command, exception="RuleException"), failure(1, log=[log]))
    assert made.lines()[1] == "[  0 %]              FAILED: purify: mini (exit status 1)"
    assert [line.strip() for line in made.lines()[2:]] == [
        f"{log} ends with:", "one", "two", "last: not a readable image"
    ]  # fmt: skip


def test_a_job_that_failed_on_a_cluster_shows_what_the_cluster_says_and_its_log(tmp_path):
    log, other = tmp_path / "purify.log", tmp_path / "slurm.log"
    log.touch()
    other.write_text("slurmstepd: error: oom_kill event\n")
    made = begun()
    failed = failure(1, log=[log, other])
    failed.rule_msg, failed.aux = "SLURM status is: 'OUT_OF_MEMORY'.", {"external_jobid": 7}
    after(made, 0, job(1, log=[log]), record(text="Job 1 has been submitted with SLURM jobid 7 (log: x)."), failed)
    assert [line.strip() for line in made.lines()[1:]] == [
        "[  0 %]              FAILED: purify: mini",
        "SLURM status is: 'OUT_OF_MEMORY'.",
        "external_jobid: 7",
        f"{log} is empty",
        f"{other} ends with:",
        "slurmstepd: error: oom_kill event",
    ]


def test_a_job_that_is_tried_again_counts_once():
    made = begun()
    after(made, 0, job(1), failure(1), job(1))
    after(made, 2, record("job_finished", job_id=1))
    assert made.console.progress.done == 1 and made.console.progress.waiting["purify_images"] == 1


def test_other_messages_and_errors_are_printed_as_snakemake_has_them():
    made = begun()
    text = "MissingOutputException in rule purify_images: no output"
    after(made, 0, record(text="Trying to restart job 1."), record("error", text, exception="MissingOutputException"))
    assert made.lines()[1:] == ["Trying to restart job 1.", text]


@pytest.mark.parametrize("text", ["Select jobs to execute...", "Complete log(s): x", "Building DAG of jobs..."])
def test_messages_that_say_nothing_are_left_out(text):
    made = begun()
    after(made, 0, record(text=text))
    assert len(made.lines()) == 1


def test_an_interrupted_run_does_not_show_the_jobs_that_it_stopped(tmp_path):
    made = begun()
    after(made, 0, job(1), record(text="Terminating processes on user request, this might take some time."))
    after(made, 1, record("error", "RuleException: x", exception="RuleException"), failure(1))
    made.console.beat()
    assert made.lines()[1:] == ["stopping the jobs that run"]


def test_an_unknown_target_is_one_line_with_what_was_meant():
    missing = "MissingRuleException:\nNo rule to produce tabel2 (if you use input functions make sure that they ...)."
    for dry in (False, True):
        made = console(targets=lambda: ["table1", "table2"], dry=dry)
        made.console.handle(record("error", missing, exception="MissingRuleException"))
        assert made.lines() == [
            "cosalpure: no target tabel2; did you mean table2? Targets: table1, table2; or a file of the results"
        ]


@pytest.mark.parametrize("dry", [False, True])
def test_a_missing_file_and_a_mistake_in_a_rule_are_one_line(dry):
    made = console(dry=dry)
    text = "MissingInputException in rule a in file x, line 3:\nMissing input files for rule a:\n    affected files:\n"
    made.console.handle(
        record("error", f"{text}        own/a b.yaml\n        c.pth", exception="MissingInputException")
    )
    text = (
        "InputFunctionException in rule a:\nError:\n  UserError: own.yaml: no such file\nWildcards:\nTraceback:\n  File"
    )
    made.console.handle(record("error", text, exception="InputFunctionException"))
    assert made.lines() == [
        "cosalpure: no such file, and no rule makes it: own/a b.yaml, c.pth",
        "cosalpure: own.yaml: no such file",
    ]


def test_a_dry_run_is_printed_as_snakemake_has_it():
    made = console(dry=True)
    made.console.handle(record("run_info", "Job stats: ...", stats=STATS))
    made.console.handle(record("job_info", "rule purify", jobid=1))
    assert made.lines() == ["Job stats: ...", "rule purify"]


def settings(**changes):
    return SimpleNamespace(**dict.fromkeys(("verbose", "printshellcmds", "debug_dag", "dryrun"), False) | changes)


@pytest.fixture
def logger(monkeypatch):
    """Snakemake's logger with its handler of the terminal, and nothing left behind."""
    its, plain = logging.getLogger(LOGGER), logging.StreamHandler()
    plain.name = REPLACED
    monkeypatch.setattr(its, "handlers", [plain])
    return its


def test_the_console_takes_the_place_of_snakemakes_handler(logger):
    (plain,) = logger.handlers
    plain.addFilter(lambda one: one.getMessage() != "quiet")
    made = install(settings(), 2, tuple)
    assert logger.handlers == [made] and made.filters == plain.filters, "--quiet stays what it is"


@pytest.mark.parametrize("option", ["verbose", "printshellcmds", "debug_dag"])
def test_who_asks_for_details_gets_snakemakes_output(logger, option):
    before = list(logger.handlers)
    assert install(settings(**{option: True}), 2, tuple) is None and logger.handlers == before


def test_a_logger_plugin_that_prints_is_left_alone(logger):
    logger.handlers[:] = [logging.handlers.QueueHandler(None)]
    assert install(settings(), 2, tuple) is None and len(logger.handlers) == 1


def test_snakemake_still_names_its_handler_and_events_so():
    from snakemake.logging import LoggerManager
    from snakemake.logging import logger as theirs
    from snakemake.settings.types import OutputSettings
    from snakemake_interface_logger_plugins.common import LogEvent

    from cosalpure.console.handler import TOLD

    assert theirs.name == LOGGER
    manager = SimpleNamespace(settings=OutputSettings())
    manager._default_filter = lambda: LoggerManager._default_filter(manager)
    manager._default_formatter = lambda: LoggerManager._default_formatter(manager)
    assert LoggerManager._default_streamhandler(manager).name == REPLACED
    ours = {*console().console._events, *TOLD}
    assert ours <= {str(event) for event in LogEvent}
