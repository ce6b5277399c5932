"""How a run ends: what to type next, where the report is, and Ctrl-C at any time."""

import subprocess
import sys

import pytest

from cosalpure import verify
from cosalpure.console import Interrupts, finished_lines, stopped_line
from cosalpure.experiment.layout import Layout


def test_a_stopped_run_names_the_command_that_continues(monkeypatch):
    monkeypatch.setenv("COSALPURE_COMMAND", "snakemake table2")
    assert stopped_line(interrupted=True) == (
        "interrupted; finished jobs and groups are kept, the same command continues: snakemake table2"
    )
    assert "stopped after a failed job; " in stopped_line(False) and "once it is fixed, " in stopped_line(False)


def test_the_end_names_what_was_asked_for(monkeypatch):
    monkeypatch.setattr(verify, "verify", lambda results: verify.Outcome(0, (f"verify: {results} agree",)))
    layout = Layout("here")
    assert finished_lines(layout, {"degrade_images"}) == []
    assert finished_lines(layout, {"build_report"}) == ["report: here/report/report.html"]
    both = finished_lines(layout, {"build_report", "collect_scores"})
    assert both == ["report: here/report/report.html", "verify: here agree"]


def test_ctrl_c_while_jobs_run_is_snakemakes_and_a_second_one_changes_nothing():
    interrupts = Interrupts()
    interrupts.running = True
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(2, None)
    interrupts._handle(2, None)
    assert interrupts.seen


def test_ctrl_c_before_any_job_is_one_line(capsys):
    with pytest.raises(SystemExit) as end:
        Interrupts()._handle(2, None)
    assert end.value.code == 130
    assert capsys.readouterr().err == "\ncosalpure: interrupted before a job was started; the same command continues\n"


RULE = """
import os, signal, time
from cosalpure.console import Interrupts, stopped_line

INTERRUPTS = Interrupts()
INTERRUPTS.watch()

def interrupt(wildcards):
    if INTERRUPTS.running and not INTERRUPTS.seen:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # the handler is called here, and again
    return 1

onstart:
    INTERRUPTS.running = True

onerror:
    print(stopped_line(INTERRUPTS.seen))

rule one:
    output: "one"
    resources: memory=interrupt
    shell: "sleep 60; touch {output}"
"""


@pytest.mark.slow
def test_ctrl_c_while_snakemake_evaluates_a_resource_is_no_error_of_the_rule(tmp_path):
    (tmp_path / "Snakefile").write_text(RULE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode != 0 and "KeyboardInterrupt" not in done.stderr and "Exception" not in done.stderr
    assert done.stdout.startswith("interrupted; finished jobs and groups are kept"), done.stderr
