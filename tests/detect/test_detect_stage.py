"""The stage: maps of the purified images, or their mean with those of the images before purification."""

import numpy as np
import pytest
import torch
from PIL import Image

from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.detect import DETECTORS, stage
from cosalpure.io import whole_folder, write_image
from cosalpure.registry import Method
from cosalpure.schema import Model


def red(settings):
    """A detector whose map is the image's red channel."""
    return lambda images, given: images[:, :1]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setitem(DETECTORS.builtin, "red", Method(red))
    make_dataset("mini", MiniDataset(groups=2, images=3, size=32), tmp_path / "data", 0)
    for name, value in (("degraded", 120), ("purified", 101)):
        for group in read_groups(tmp_path / "data"):
            with whole_folder(tmp_path / name / "images" / group.slug) as folder:
                for file in group.files:
                    write_image(folder / file, torch.full((3, 32, 32), value / 255))
    return tmp_path / "data"


def maps(data, output, **more):
    stage.run("red", Model(), data, data.parent / "purified", output, "0:2", **more)
    return [np.asarray(Image.open(path)) for path in sorted((output / "maps").glob("*/*.png"))]


def test_maps_are_those_of_the_purified_images(data, tmp_path):
    found = maps(data, tmp_path / "out")
    assert len(found) == 6 and all((values == 101).all() for values in found)


def test_averaged_maps_lie_halfway_between_the_two_images(data, tmp_path):
    found = maps(data, tmp_path / "out", average_with=data.parent / "degraded")
    assert len(found) == 6 and all((values == 110).all() for values in found)  # 110.5, truncated
