"""Known fingerprints hold for one state of the files, and a cache that cannot be used changes nothing."""

import json
import os
from pathlib import Path

import pytest

from cosalpure import fingerprint
from cosalpure.code_cache import FILE, FOLDER, Known


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("package").mkdir()
    Path("package/a.py").write_text("A = 1\n")


def known(code):
    """What is known of a key, computed as `code` if it is not; saved as at the end of a process."""
    its = Known(Path("package"))
    found = its.get("key", lambda: code)
    its.save()
    return found


def test_a_fingerprint_is_kept_until_a_file_changes():
    FOLDER.mkdir()
    assert [known("one"), known("two")] == ["one", "one"]
    Path("package/a.py").write_text("A = 22\n")
    assert [known("three"), known("four")] == ["three", "three"]
    Path("package/b.py").touch()
    assert known("five") == "five"


def test_a_file_of_the_same_size_with_another_date_is_another_state():
    FOLDER.mkdir()
    known("one")
    before = os.stat("package/a.py")
    Path("package/a.py").write_text("A = 2\n")
    os.utime("package/a.py", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert known("two") == "two"


def test_without_a_folder_of_snakemake_nothing_is_kept():
    assert [known("one"), known("two")] == ["one", "two"] and not FOLDER.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"state": 1}', '{"state": "x", "codes": []}', "not JSON"])
def test_a_damaged_file_is_made_anew(content):
    FOLDER.mkdir()
    FILE.write_text(content)
    assert known("one") == "one" and json.loads(FILE.read_text())["codes"] == {"key": "one"}


def test_a_plug_in_is_never_kept(monkeypatch):
    def refuse(root):
        raise AssertionError("asked for what is known")

    monkeypatch.setattr(fingerprint, "_known", refuse)
    assert fingerprint.code_of("detect", test_a_plug_in_is_never_kept).startswith("code ")
    with pytest.raises(AssertionError):
        fingerprint.code_of("score")
