"""Photographs that are there twice, and groups too small to be attacked."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.data import read_manifest, stage
from cosalpure.data.settings import FolderDataset
from cosalpure.errors import UserError

P, Q, R, S = range(4)  # photographs, by their seeds


def made(folder, groups, problems="skip", **settings):
    """`groups`: {group: {name: (photo, left side of its object, or None for an empty mask)}} -> ["a/p*", ...], * attacked."""
    for group, photos in groups.items():
        for name, (seed, side) in photos.items():
            pixels = np.zeros((40, 40), np.uint8)
            if side is not None:
                pixels[10:30, side : side + 10] = 255
            image = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
            for kind, values in (("image", image), ("gt", pixels)):
                (folder / kind / group).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(folder / f"{kind}/{group}/{name}.png")
    its = FolderDataset(path=str(folder), size=32, problems=problems, **settings)
    stage.run("mine", its, folder / problems, 0)
    rows = read_manifest(folder / problems).itertuples()
    return " ".join(f"{row.group}/{row.original[:-4]}{'*' * row.attacked}" for row in rows)


def said(folder, name):
    path = folder / name
    return [str(stage.Problem(*row)) for row in pd.read_parquet(path).itertuples(index=False)] if path.exists() else []


def test_a_copy_of_a_photo_that_is_left_out_stays(tmp_path):
    groups = {"a": {"p": (P, None), "q": (Q, 5), "r": (R, 5)}, "b": {"p": (P, 5), "s": (S, 5)}}
    assert made(tmp_path, groups) == "a/q* a/r b/p* b/s"
    (problem,) = said(tmp_path / "skip", stage.PROBLEMS)
    assert problem.startswith("a/p.png: empty mask: ")
    assert not said(tmp_path / "skip", stage.NOTES)


@pytest.mark.parametrize(("side", "more"), [(5, ""), (25, ", with another ground truth")])
def test_a_photo_twice_in_one_group_is_a_problem(tmp_path, side, more):
    groups = {"a": {"p": (P, 5), "p2": (P, side), "q": (Q, 5)}}
    assert made(tmp_path, groups) == "a/p* a/q"
    problem = f"a/p2.png: duplicate of a/p.png, in the same group{more}"
    assert said(tmp_path / "skip", stage.PROBLEMS) == [problem]
    assert made(tmp_path, groups, "keep") == "a/p* a/p2 a/q"
    with pytest.raises(UserError, match=problem):
        made(tmp_path, groups, "strict")


def test_a_photo_of_two_groups_with_different_masks_is_normal(tmp_path, capsys):
    groups = {"dog": {"p": (P, 5), "q": (Q, 5)}, "person": {"p": (P, 25), "q": (Q, 25)}}
    assert made(tmp_path, groups, "strict") == "dog/p* dog/q person/p* person/q"
    note = "photo of another group too, with another ground truth"
    assert said(tmp_path / "strict", stage.NOTES) == [f"person/p.png: {note}", f"person/q.png: {note}"]
    assert f"mine: 2 notes, in notes.parquet: {note} (person/p.png and 1 more)" in capsys.readouterr().out


def test_a_photo_of_two_groups_with_one_mask_is_left_out_once(tmp_path):
    groups = {"a": {"p": (P, 5), "q": (Q, 5)}, "b": {"p": (P, 5), "r": (R, 5), "s": (S, 5)}}
    assert made(tmp_path, groups) == "a/p* a/q b/r* b/s"
    assert said(tmp_path / "skip", stage.PROBLEMS) == ["b/p.png: duplicate of a/p.png"]
    assert read_manifest(tmp_path / "skip").left_out.unique() == [1]


def test_groups_of_one_and_without_an_attacked_image_are_noted(tmp_path):
    groups = {"a": {"p": (P, 5)}, "b": {"q": (Q, 5), "r": (R, 5)}}
    assert made(tmp_path, groups, "strict", attacked_fraction=0.4) == "a/p b/q b/r"
    alone, none_attacked = said(tmp_path / "strict", stage.NOTES)
    assert alone.startswith("a: group of one image") and "not attacked" in alone
    assert none_attacked.startswith("b: group without an attacked image") and "attacked_fraction 0.4" in none_attacked
    made(tmp_path, groups, "keep", attacked_fraction=0)
    (alone,) = said(tmp_path / "keep", stage.NOTES)
    assert alone.startswith("a: group of one image") and "not attacked" not in alone


def test_a_group_that_a_duplicate_leaves_with_one_image_is_noted(tmp_path):
    groups = {"a": {"p": (P, 5), "q": (Q, 5)}, "b": {"p": (P, 5), "r": (R, 5)}}
    assert made(tmp_path, groups) == "a/p* a/q b/r"
    (alone,) = said(tmp_path / "skip", stage.NOTES)
    assert alone.startswith("b: group of one image") and "not attacked" in alone
