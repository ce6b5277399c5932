"""Folders and archives as people have them: nothing is taken for what it is not, and nothing vanishes without a word.

`python tests/data/test_layouts_of_ones_own.py` prints a line a case, of a folder and of a zip archive of it.
"""

import io
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from layout_cases import BOTH, CASES, PAIR, files

from cosalpure.data import read_manifest, stage
from cosalpure.data.layouts import match
from cosalpure.data.settings import FolderDataset
from cosalpure.errors import UserError


def packed(made, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return path


def unpacked(made, folder):
    folder.mkdir()
    for name, content in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_bytes(content)
    return folder


def attempt(path, out, problems):
    """(what is read or None, every problem as text, or the error)."""
    try:
        stage.run("mine", FolderDataset(path=str(path), size=32, problems=problems), out, 0)
    except UserError as error:
        assert "\n" not in str(error) and not out.exists()
        return None, str(error)
    rows = read_manifest(out).itertuples()
    read = sorted(f"{row.group}/{row.original.rpartition('.')[0]}{'+' if row.truth else '-'}" for row in rows)
    listed = out / stage.PROBLEMS
    said = pd.read_parquet(listed).itertuples() if listed.exists() else []
    lines = ["/".join(part for part in (row.group, row.file) if part) + f": {row.problem}" for row in said]
    return " ".join(read), "; ".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_read_and_what_is_said(name, kind, tmp_path):
    made, expected, said = CASES[name]
    path = packed(made, tmp_path / "in.zip") if kind == "zip" else unpacked(made, tmp_path / "in")
    read, problems = attempt(path, tmp_path / "skip", "skip")
    assert read == expected and said in problems and bool(said) == bool(problems)
    strict, problems = attempt(path, tmp_path / "strict", "strict")
    assert strict == (None if said else expected)
    assert said == "" or problems.startswith("mine: ") or said in problems


def test_links_in_a_circle_end(tmp_path):
    path = unpacked(files(**PAIR), tmp_path / "in")
    for name in ("edges", "more"):
        (path / name).symlink_to(path)
    read, problems = attempt(path, tmp_path / "out", "skip")
    assert read == BOTH
    assert problems.count("not read: a folder beside image and gt (4 images)") == 2, (
        "those of image and gt, once a link"
    )


def test_names_are_matched_exactly_before_they_are_matched_alike():
    images = [Path(name) for name in ("a.jpg", "A.jpg", "b.jpg", "crème.jpg", "c.jpg")]
    truths = [Path(name) for name in ("A.png", "a.png", "B.jpg.png", "crème.png", "c_mask.png", "d.png")]
    expected = ["a.png", "A.png", "B.jpg.png", "crème.png", "c_mask.png"]
    assert [str(match(images, truths)[image]) for image in images] == expected


def test_a_set_without_images_is_an_error_with_advice_that_can_be_followed(tmp_path):
    path = unpacked(files("image/g/1.jpg", "gt/g/001.png"), tmp_path / "in")
    with pytest.raises(UserError) as caught:
        stage.run("mine", FolderDataset(path=str(path), size=32, groups=1), tmp_path / "out", 0)
    assert "mine: no usable image (g/1.jpg: no ground truth" in str(caught.value) and "set groups" not in str(
        caught.value
    )


if __name__ == "__main__":
    for case, (made, _, _) in CASES.items():
        with tempfile.TemporaryDirectory() as place:
            place = Path(place)
            for path in (unpacked(made, place / "in"), packed(made, place / "in.zip")):
                sys.stdout, kept = io.StringIO(), sys.stdout
                read, problems = attempt(path, place / f"{path.name}.out", "skip")
                sys.stdout = kept
                print(f"{case} | {path.name} | {read} | {problems.replace(str(place), '')}")
