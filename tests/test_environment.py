"""What a run tells of its machine and code."""

import re
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from cosalpure import environment


def test_versions_are_those_of_the_installed_packages():
    found = environment.versions(["torch", "no-such-package"])
    assert found == {"torch": version("torch")}
    assert environment.installed("no-such-package") is None


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A function that runs git in what is taken for the clone of the package."""

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    (tmp_path / "cosalpure").mkdir()
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "cosalpure/environment.py"))
    return git


def test_the_commit_and_changes_of_the_code_are_told(clone, tmp_path):
    assert environment.git() == (None, None)
    clone("init")
    for path in ("cosalpure/code.py", "config.yaml"):
        (tmp_path / path).write_text("one")
    clone("add", ".")
    clone("commit", "--message", "first")
    commit, clean = environment.git()
    assert re.fullmatch("[0-9a-f]{40}", commit) and clean
    (tmp_path / "config.yaml").write_text("two")
    assert environment.git() == (commit, True), "settings are no code"
    (tmp_path / "cosalpure/new.py").write_text("two")
    assert environment.git() == (commit, False)


def test_a_package_installed_below_another_clone_has_no_commit(clone, tmp_path, monkeypatch):
    clone("init")
    (tmp_path / "env/cosalpure").mkdir(parents=True)
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "env/cosalpure/environment.py"))
    assert environment.git() == (None, None)


def test_without_git_the_commit_is_unknown(clone, monkeypatch):
    clone("init")
    monkeypatch.setenv("PATH", "")
    assert environment.git() == (None, None)


def test_the_device_is_the_one_that_was_used(monkeypatch):
    cuda = SimpleNamespace(is_initialized=lambda: False, get_device_name=lambda: "A GPU")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert environment.device() == "cpu"
    cuda.is_initialized = lambda: True
    assert environment.device() == "cuda: A GPU"
    monkeypatch.delitem(sys.modules, "torch")
    assert environment.device() == "cpu"


def test_the_processor_says_whether_it_has_the_instructions_that_rounding_depends_on():
    assert re.search(r"\S+ (with|without) AVX-512$", environment.processor())
