"""The workflow of continuous integration runs code of strangers: its actions are pinned, and it can only read."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = (ROOT / ".github/workflows/leaderboard.yml").read_text()


def test_actions_are_pinned_and_nothing_can_be_written():
    uses = re.findall(r"uses: (\S+)", WORKFLOW)
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", its) for its in uses)
    values = yaml.safe_load(WORKFLOW)
    assert values["permissions"] == {"contents": "read"} and "secrets." not in WORKFLOW
    assert "pull_request_target" not in WORKFLOW
    assert WORKFLOW.count("persist-credentials: false") == WORKFLOW.count("actions/checkout@")


def test_names_from_a_pull_request_reach_the_shell_as_variables_only():
    steps = [step for job in yaml.safe_load(WORKFLOW)["jobs"].values() for step in job["steps"]]
    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]


def test_what_it_runs_exists():
    assert (ROOT / "leaderboard/remeasure.sh").stat().st_mode & 0o111
    assert {its.name for its in (ROOT / ".github/ISSUE_TEMPLATE").iterdir()} == {
        "new-entry.md",
        "external-evaluation.md",
    }
