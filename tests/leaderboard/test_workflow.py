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


def test_forms_ask_for_what_an_entry_says():
    """Choices are those of the schema, and GitHub's keys are there."""
    from cosalpure.leaderboard.entry import Adaptive, Entry

    forms = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")}
    for form in forms.values():
        assert {"name", "description", "body"} <= set(form)
        assert all("label" in part["attributes"] for part in form["body"])
    choices = {part["id"]: part["attributes"].get("options") for form in forms.values() for part in form["body"]}
    schemas = Entry.model_json_schema()["properties"], Adaptive.model_json_schema()["properties"]
    assert (choices["track"], choices["gradient"]) == (schemas[0]["track"]["enum"], schemas[1]["gradient"]["enum"])


def test_what_it_runs_exists():
    assert (ROOT / "leaderboard/remeasure.sh").stat().st_mode & 0o111
    assert {its.name for its in (ROOT / ".github/ISSUE_TEMPLATE").iterdir()} == {
        "new-entry.yml",
        "external-evaluation.yml",
    }
