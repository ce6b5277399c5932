"""The console of real runs: one line says what is wrong or what to do next. test_workflow.py has that of a whole run."""

import os
import signal
import subprocess
import sys

import pytest
from workflow.conftest import ROOT

pytestmark = pytest.mark.workflow


def test_an_unknown_target_is_one_line(workflow):
    done = workflow.run("--dry-run", "tabel2", check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("cosalpure: ")]
    assert done.returncode != 0 and "Traceback" not in done.stdout and "MissingRule" not in done.stdout
    assert line.startswith("cosalpure: no target tabel2; did you mean table2? Targets: all, data, degrade, ")


def test_ctrl_c_ends_with_a_line_and_the_same_command_continues(workflow):
    """Without --cores, which the profile gives; SIGINT reaches the jobs, too, as from a keyboard."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--workflow-profile"]
    command = [*map(str, [*command, ROOT / "profiles/default", "degrade", "--configfile", "config.yaml", "small.yaml"])]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": workflow.folder}
    with subprocess.Popen(command, **options, start_new_session=True) as run:
        lines = []
        for line in run.stdout:
            lines.append(line.rstrip())
            if line.rstrip().endswith(" s)") and "data: mini" in line:  # degradation is next
                os.killpg(run.pid, signal.SIGINT)
    assert run.returncode != 0 and "Traceback" not in "\n".join(lines) and not any("FAILED" in line for line in lines)
    assert lines[-1].startswith(
        "interrupted; finished jobs and groups are kept, the same command continues: snakemake "
    )
    again = subprocess.run(command, **options)
    assert again.returncode == 0 and "data: mini" not in again.stdout, again.stdout
    assert "degrade: mini by jadena" in again.stdout
