"""Pictures of the page: the outline of a mask, and each file once."""

import base64
import io

import numpy as np
from PIL import Image

from cosalpure.report import pictures


def test_an_outline_is_a_coloured_ring_around_the_mask_and_transparent_elsewhere(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    address = pictures.outline_address(tmp_path / "mask.png")
    assert address.startswith("data:image/png;base64,") and len(address) < 2000
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA")
    pixels = np.asarray(image)
    ring = pixels[..., 3] > 0
    assert image.size == (pictures.OUTLINE_SIDE,) * 2
    assert (pixels[ring][:, :3] == pictures.OUTLINE).all()
    inside, border = ring[100:220, 100:220], ring[160, 70:90]
    assert not inside.any() and not ring[:60].any() and 3 <= border.sum() <= 5, "at 80 of 320 pixels"


def test_a_file_is_kept_once_and_apart_from_its_outline(tmp_path):
    Image.new("L", (8, 8), 255).save(tmp_path / "mask.png")
    found = pictures.Pictures()
    keys = [found.key(tmp_path / "mask.png"), found.key(tmp_path / "mask.png", outline=True)]
    assert keys == [found.key(tmp_path / "mask.png"), found.key(tmp_path / "mask.png", outline=True)]
    assert len(set(keys)) == 2 == len(found.found) and found.key(tmp_path / "none.png") is None
    assert found.size == sum(map(len, found.found.values()))
