"""Photo and ground truth agree on how a camera was held, or the EXIF orientation is named."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.data import read_manifest, stage
from cosalpure.data.published import PUBLISHED, PublishedSet
from cosalpure.data.settings import FolderDataset, PublishedDataset


def oriented(path, pixels, orientation, kind="JPEG", **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, kind, exif=exif, **options)


def shown(pixels, orientation):
    """How a viewer shows stored pixels, from the definition of the tag: the place of row 0 and column 0."""
    return {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: pixels[::-1].swapaxes(0, 1),
        7: pixels[::-1, ::-1].swapaxes(0, 1),
        8: pixels[:, ::-1].swapaxes(0, 1),
    }[orientation]


def overlap(out):
    image = np.asarray(Image.open(next((out / "images").rglob("*.png"))).convert("L")) > 127
    truth = np.asarray(Image.open(next((out / "masks").rglob("*.png")))) > 127
    return (image & truth).sum() / (image | truth).sum()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["stored", "shown", "tagged"])
@pytest.mark.parametrize("size", [(60, 40), (50, 50)])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "source"), [("JPEG", "folder"), ("JPEG", "coca"), ("TIFF", "folder")])
def test_photo_and_ground_truth_agree_or_exif_is_named(tmp_path, monkeypatch, orientation, size, where, source, kind):
    monkeypatch.setitem(PUBLISHED, "coca", PublishedSet("CoCA", 1, 1))
    stored = np.zeros((*size[::-1], 3), np.uint8)
    stored[5:15, 5:25] = 255
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {}
    oriented(tmp_path / f"in/Image/g/a.{kind.lower()}", stored, orientation, kind, **options)
    mask = shown(stored, orientation) if where == "shown" else stored
    oriented(tmp_path / "in/GT/g/a.png", mask[..., 0], orientation if where == "tagged" else 1, "PNG")
    cls = FolderDataset if source == "folder" else PublishedDataset
    its = cls(source=source, path=str(tmp_path / "in"), size=64, problems="keep", groups=1)
    stage.run("mine", its, tmp_path / "out", 0)
    if not (tmp_path / "out" / stage.PROBLEMS).exists():
        assert overlap(tmp_path / "out") > 0.85
    else:
        (problem,) = pd.read_parquet(tmp_path / "out" / stage.PROBLEMS).problem
        assert problem.startswith(f"EXIF orientation {orientation}")
        assert orientation > 1 and where != "tagged"
        if size[0] != size[1] and orientation > 4 and source == "folder":
            assert where == "stored" and overlap(tmp_path / "out") > 0.85, "turned with its photo"


def test_an_orientation_that_changes_nothing_of_the_mask_is_no_problem(tmp_path):
    stored = np.zeros((40, 40, 3), np.uint8)
    stored[10:30, 10:30] = 255
    oriented(tmp_path / "in/image/g/a.jpg", stored, 3)
    oriented(tmp_path / "in/gt/g/a.png", stored[..., 0], 1, "PNG")
    stage.run("mine", FolderDataset(path=str(tmp_path / "in"), size=32, problems="strict"), tmp_path / "out", 0)
    assert len(read_manifest(tmp_path / "out")) == 1
