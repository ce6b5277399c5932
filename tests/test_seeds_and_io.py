"""Random numbers depend on names alone; files appear whole or not at all."""

import time

import numpy as np
import pytest
import torch
from PIL import Image

from cosalpure.errors import UserError
from cosalpure.io import in_background, read_images, read_pixels, to_uint8, whole_file, whole_folder, write_image
from cosalpure.seeds import derive, generator, numpy_from


def test_seed_depends_on_every_name_and_their_order():
    seeds = {derive(1, "a", "b"), derive(1, "b", "a"), derive(2, "a", "b"), derive(1, "ab"), derive(1, "a", "b", "")}
    assert len(seeds) == 5


def test_generator_repeats():
    draws = [torch.randn(4, generator=generator(7, "mini", "goat", 3)) for _ in range(2)]
    assert torch.equal(*draws)


def test_numpy_generator_follows_from_the_torch_one():
    draws = [numpy_from(generator(7, name)).normal(size=4) for name in ("goat", "goat", "owl")]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])


def test_seed_is_the_documented_hash():
    # sha256 of "1", unit separator, "a": first eight bytes, shifted to 63 bits
    import hashlib

    assert derive(1, "a") == int(hashlib.sha256(b"1\x1fa").hexdigest()[:16], 16) >> 1


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_failed_folder_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "group"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(ZeroDivisionError), whole_folder(folder) as temporary:
        (temporary / "new").touch()
        1 / 0  # noqa: B018
    assert [p.name for p in folder.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["group"]


def test_folder_is_replaced_and_leftovers_of_a_killed_job_are_swept(tmp_path):
    (tmp_path / ".group.abc.partial").mkdir()
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "old").touch()
    with whole_folder(tmp_path / "group") as temporary:
        (temporary / "new").touch()
    assert [p.name for p in (tmp_path / "group").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["group"]


def test_images_survive_a_round_trip(tmp_path):
    levels = torch.arange(256, dtype=torch.float32).view(1, 16, 16).expand(3, -1, -1) / 255
    write_image(tmp_path / "a.png", levels)
    assert torch.equal(read_images([tmp_path / "a.png"])[0], levels)


def test_to_uint8_rounds_and_clamps():
    assert to_uint8(torch.tensor([-1.0, 0.4999, 0.502, 2.0])).tolist() == [0, 127, 128, 255]


def test_bad_images_are_named(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("<html>quota exceeded</html>")
    for name in ("empty.png", "text.png", "absent.png"):
        with pytest.raises(UserError, match=name):
            read_pixels(tmp_path / name, "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_other_kinds_of_images_are_read_as_a_person_sees_them(tmp_path, mode):
    grey = np.full((9, 7), 255 if mode == "1" else 120, np.uint8)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    assert image.mode == mode
    path = tmp_path / f"image.{'tif' if mode == 'CMYK' else 'png'}"
    image.save(path)
    pixels = read_pixels(path, "RGB")
    assert pixels.shape == (9, 7, 3) and np.ptp(pixels) <= 1
    assert abs(int(pixels[0, 0, 0]) - int(grey[0, 0])) <= 1


def test_truncated_image_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:1000])
    with pytest.raises(UserError, match="half.png: not a readable image"):
        read_pixels(tmp_path / "half.png", "RGB")


@pytest.mark.slow
def test_image_bomb_is_refused(tmp_path):
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    with pytest.raises(UserError, match="bomb.png: more than 64,000,000 pixels"):
        read_pixels(tmp_path / "bomb.png", "RGB")


def test_group_of_unequal_sizes_is_refused(tmp_path):
    for name, size in (("a.png", 8), ("b.png", 9)):
        Image.fromarray(np.zeros((size, 8, 3), np.uint8)).save(tmp_path / name)
    with pytest.raises(UserError, match="a.png: size 8x8; its group has 8x9"):
        read_images([tmp_path / "a.png", tmp_path / "b.png"])


def test_work_in_the_background_is_done_in_order_and_before_the_end(tmp_path):
    done = []
    with in_background() as behind:
        for number in range(5):
            behind(lambda number: (time.sleep(0.01 * (5 - number)), done.append(number)), number)
    assert done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("last", [True, False])
def test_an_error_in_the_background_is_not_lost(last):
    def fail():
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), in_background() as behind:
        behind(fail)
        if not last:
            behind(print)
            pytest.fail("the next call raises it")
