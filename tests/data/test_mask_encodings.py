"""One ground truth in every encoding: read as the object, or a problem that names the encoding. Never wrong in silence.

`python tests/data/test_mask_encodings.py` prints a line an encoding.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mask_files import ALPHA, BLURRED, ENCODINGS, PHOTO, READ, SOFT, TRUE, VOC, S, file, grey, labels, palette
from PIL import Image

from cosalpure.data import stage
from cosalpure.data.published import PUBLISHED, PublishedSet
from cosalpure.data.settings import FolderDataset, PublishedDataset
from cosalpure.errors import UserError


def make(folder, mask, problems="keep", size=S, photo=None, count=2):
    """The dataset of two different photos with the ground truth `mask`, (suffix, bytes): the folder written."""
    for kind in ("image", "gt"):
        (folder / kind / "g").mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image = Image.fromarray(np.roll(PHOTO, index, 0) if photo is None else photo)
        image.save(folder / f"image/g/{index}.png")
        (folder / f"gt/g/{index}.{mask[0]}").write_bytes(mask[1])
    stage.run("mine", FolderDataset(path=str(folder), size=size, problems=problems), folder / "out", 0)
    return folder / "out"


def outcome(folder):
    """(share of pixels that are right, problems of the first image, notes) of a dataset."""
    truth = np.asarray(Image.open(min((folder / "masks/g").iterdir())))
    texts = []
    for name in (stage.PROBLEMS, stage.NOTES):
        table = (
            pd.read_parquet(folder / name) if (folder / name).exists() else pd.DataFrame({"file": [], "problem": []})
        )
        texts.append("; ".join(table[table.file == "0.png"].problem))
    return ((truth >= 128) == TRUE).mean(), *texts


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_ground_truth_is_read_or_its_encoding_is_named(name, tmp_path):
    mask, said = ENCODINGS[name]
    right, problem, _ = outcome(make(tmp_path, mask()))
    if said is READ:
        assert right > 0.99 and not problem
    else:
        assert said in problem
        with pytest.raises(UserError, match="mine: .* problems: g/0.png: "):
            make(tmp_path, mask(), "strict")


@pytest.mark.parametrize("values", [SOFT, BLURRED])
def test_soft_edges_stay_as_grey_as_they_are(values, tmp_path):
    out = make(tmp_path, grey(values), "strict")
    assert np.array_equal(np.asarray(Image.open(min((out / "masks/g").iterdir()))), values)
    assert not (out / stage.PROBLEMS).exists() and not (out / stage.NOTES).exists()


def test_how_an_encoding_was_read_is_said(tmp_path, capsys):
    out = make(tmp_path, palette(labels(15, 15, 255), VOC))
    note = "ground truth: palette index 15 is the object, 255 (void) is background"
    assert outcome(out)[2] == note
    assert f"mine: 2 notes, in notes.parquet: {note} (g/0.png and 1 more)" in capsys.readouterr().out


def test_an_object_that_vanishes_by_resizing_is_called_that(tmp_path):
    values = np.zeros((S, S))
    values[31, 30:33] = 255
    values[30, 40] = 255
    values = np.kron(values, np.ones((8, 8)))
    values[31 * 8 : 32 * 8, 30 * 8 : 33 * 8] = 0
    values[0:2, 0:2] = 255
    values[240:248, 320:328] = 0
    photo = np.kron(PHOTO, np.ones((8, 8, 1), np.uint8))
    _, problem, _ = outcome(make(tmp_path, grey(values), size=S, photo=photo, count=1))
    assert problem == "vanishing object: 4 of 512x512 px, of which none is left at 64x64"


@pytest.mark.parametrize("size", [(32, 32), (64, 32), (65, 64)])
def test_a_ground_truth_of_another_size_is_named(tmp_path, size):
    mask = file(Image.fromarray(ALPHA).resize(size, 0))
    _, problem, _ = outcome(make(tmp_path, mask))
    assert problem == f"sizes differ: image 64x64, ground truth {size[0]}x{size[1]}"


def border_masks(folder, count, large):
    """A published set of `count` groups of one with an object in the middle, of which `large` touch all borders."""
    for index in range(count):
        values = np.where(TRUE, 255, 0) if index >= large else np.where(TRUE, 0, 255)
        for kind, image in (("image", np.roll(PHOTO, index, 0)), ("gt", values.astype(np.uint8))):
            (folder / kind / "g").mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{kind}/g/{index}.png")


@pytest.mark.parametrize(("large", "named"), [(1, 0), (4, 4)])
def test_in_a_published_set_one_large_object_is_no_inverted_mask(tmp_path, monkeypatch, large, named):
    monkeypatch.setitem(PUBLISHED, "coca", PublishedSet("CoCA", 1, 5))
    border_masks(tmp_path / "in", 5, large)
    its = PublishedDataset(source="coca", path=str(tmp_path / "in"), size=64, problems="keep")
    stage.run("mine", its, tmp_path / "out", 0)
    found = tmp_path / "out" / stage.PROBLEMS
    assert (len(pd.read_parquet(found)) if found.exists() else 0) == named


if __name__ == "__main__":
    for encoding, (mask, _) in ENCODINGS.items():
        with tempfile.TemporaryDirectory() as place:
            sys.stdout, kept = io.StringIO(), sys.stdout
            share, problem, note = outcome(make(Path(place), mask()))
            sys.stdout = kept
            verdict = "reported" if problem else "read" if share > 0.99 else "WRONG"
            print(f"{verdict} | {encoding} | {share:.3f} | {problem or note}")
