"""The stage writes every image of a group, or says which one went wrong."""

import pytest

from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError
from cosalpure.purify import PURIFIERS, stage
from cosalpure.purify.settings import DiffPureSettings
from cosalpure.registry import Method
from cosalpure.schema import Model


@pytest.fixture
def data(tmp_path):
    make_dataset("mini", MiniDataset(groups=2, images=3, size=32), tmp_path / "data", 0)
    return tmp_path / "data"


def purify(method, settings, data, output, span="0:2"):
    stage.run(method, settings, TextToImage(path="nowhere"), data, data, None, output, span, 0)


def test_every_image_is_purified_the_same_in_any_job(data, tmp_path, tiny_adm):
    settings = DiffPureSettings(weights=tiny_adm, resolution=32, timestep=2)
    purify("diffpure", settings, data, tmp_path / "together")
    for span in ("0:1", "1:2"):
        purify("diffpure", settings, data, tmp_path / "apart", span)
    files = [path for group in read_groups(data) for path in group.paths(tmp_path / "together/images")]
    assert len(files) == 6
    for file in files:
        assert file.read_bytes() == (tmp_path / "apart" / file.relative_to(tmp_path / "together")).read_bytes()
        assert file.read_bytes() != (data / file.relative_to(tmp_path / "together")).read_bytes()


def test_values_that_are_no_numbers_are_an_error_that_names_the_image(data, tmp_path, monkeypatch):
    def broken(images, given):
        images[1] /= 0 * images[1]
        return images

    monkeypatch.setitem(PURIFIERS.builtin, "broken", Method(lambda settings: broken))
    group = read_groups(data)[0]
    with pytest.raises(UserError) as caught:
        purify("broken", Model(), data, tmp_path / "out")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{group.name}/{group.files[1]}: purifier 'broken' gave values that are not finite numbers")
    assert not list((tmp_path / "out").glob("images/*"))
