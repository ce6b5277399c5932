"""What a run tells of its machine and code."""

import re
import subprocess
from importlib.metadata import version

from cosalpure import environment


def test_versions_are_those_of_the_installed_packages():
    found = environment.versions(["torch", "no-such-package"])
    assert found == {"torch": version("torch")}
    assert environment.installed("no-such-package") is None


def test_the_commit_and_changes_are_told(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert environment.git_state() == "not a git clone"
    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--message", "first")
    assert re.fullmatch(r"commit [0-9a-f]{40}", environment.git_state())
    (tmp_path / "file").write_text("two")
    assert environment.git_state().endswith(", with uncommitted changes")


def test_the_processor_says_whether_it_has_the_instructions_that_rounding_depends_on():
    assert re.search(r"\S+ (with|without) AVX-512$", environment.processor())
