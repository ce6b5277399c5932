"""One photograph in every encoding: the same pixels, or a problem that says what is not certain."""

import io

import numpy as np
import pandas as pd
import pytest
from mask_files import png16
from PIL import Image

from cosalpure.data import read_manifest, stage
from cosalpure.data.settings import FolderDataset
from cosalpure.errors import UserError

S = 64
y, x = np.mgrid[:S, :S]
PHOTO = np.dstack([x * 255 // S, y * 255 // S, 128 + 100 * np.sin(x / 9)]).astype(np.uint8)
IMAGE = Image.fromarray(PHOTO)
GREY = np.asarray(IMAGE.convert("L"))
GREY3 = np.dstack([GREY] * 3)
CENTRE = np.zeros((S, S), bool)
CENTRE[16:48, 16:48] = True
NOISE = np.random.default_rng(0).integers(0, 256, (S, S, 3), dtype=np.uint8)
ON_WHITE = np.where(CENTRE[..., None], PHOTO, 255)


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def depth(values, dtype, kind="TIFF"):
    return saved(Image.fromarray(np.asarray(values).astype(dtype)), kind)


def rgba(below, alpha):
    colours = np.where(CENTRE[..., None], PHOTO, below)
    return saved(Image.fromarray(np.dstack([colours, alpha]).astype(np.uint8)))


def frames(kind):
    return saved(IMAGE, kind, save_all=True, append_images=[Image.new("RGB", (S, S), (255, 0, 0))])


WHOLE = np.full((S, S), 255)
FILES = {  # name: (suffix, bytes, pixels, or None if it is left out; what is said)
    "PNG": ("png", saved(IMAGE), PHOTO, ""),
    "JPEG q95": ("jpg", saved(IMAGE, "JPEG", quality=95), PHOTO, ""),
    "JPEG, CMYK": ("jpg", saved(IMAGE.convert("CMYK"), "JPEG", quality=95), PHOTO, ""),
    "JPEG, grey": ("jpg", saved(IMAGE.convert("L"), "JPEG", quality=95), GREY3, ""),
    "TIFF, LZW": ("tif", saved(IMAGE, "TIFF", compression="tiff_lzw"), PHOTO, ""),
    "TIFF, CMYK": ("tif", saved(IMAGE.convert("CMYK"), "TIFF"), PHOTO, ""),
    "WebP": ("webp", saved(IMAGE, "WEBP", lossless=True), PHOTO, ""),
    "BMP": ("bmp", saved(IMAGE, "BMP"), PHOTO, ""),
    "BMP, 32 bits": ("bmp", saved(IMAGE.convert("RGBA"), "BMP"), PHOTO, ""),
    "palette": ("png", saved(IMAGE.quantize(256)), PHOTO, ""),
    "grey and opaque": ("png", saved(IMAGE.convert("LA")), GREY3, ""),
    "PNG named .jpg": ("jpg", saved(IMAGE), PHOTO, ""),
    "16-bit grey": ("png", depth(GREY * 257.0, np.uint16, "PNG"), GREY3, ""),
    "16-bit grey of 0 to 255": ("png", depth(GREY, np.uint16, "PNG"), GREY3, ""),
    "16-bit RGB": ("png", png16(PHOTO.astype(np.uint16) * 257)[1], PHOTO, ""),
    "int32 of 0 to 255": ("tif", depth(GREY, np.int32), GREY3, ""),
    "int32 of 0 to 65535": ("tif", depth(GREY * 257.0, np.int32), GREY3, ""),
    "float of 0 to 1": ("tif", depth(GREY / 255, np.float32), GREY3, ""),
    "float of 0 to 255": ("tif", depth(GREY, np.float32), GREY3, ""),
    "cut out, black below": ("png", rgba(0, CENTRE * 255), np.where(CENTRE[..., None], PHOTO, 0), ""),
    "half transparent, all of it": ("png", rgba(NOISE, WHOLE // 2), np.where(CENTRE[..., None], PHOTO, NOISE), ""),
    "cut out, noise below": ("png", rgba(NOISE, CENTRE * 255), ON_WHITE, "transparent: 75% of it hides other colours"),
    "black but for small values": ("png", saved(Image.fromarray(PHOTO // 64)), PHOTO // 64, "no value above 3 of 255"),
    "one value": ("png", saved(Image.new("RGB", (S, S), "red")), np.tile([255, 0, 0], (S, S, 1)), "mask among"),
    "12 bits in 16": ("tif", depth(GREY * 16.0, np.uint16), None, "whole numbers from 240 to 3904"),
    "10 bits in 16": ("png", depth(GREY * 4.0, np.uint16, "PNG"), None, "of which the white is not certain"),
    "16-bit RGB of 0 to 255": (
        "png",
        png16(PHOTO.astype(np.uint16))[1],
        None,
        "16 bits a channel, but no value above 511",
    ),
    "int32 above 65535": ("tif", depth(GREY * 1000.0, np.int32), None, "whole numbers from 15000 to 244000"),
    "int32 below 0": ("tif", depth(GREY - 128.0, np.int32), None, "whole numbers from -113 to 116"),
    "float of -1 to 1": ("tif", depth(GREY / 127.5 - 1, np.float32), None, "floats from -0.882353"),
    "float of 0 to 4": ("tif", depth(GREY / 64, np.float32), None, "floats from 0.234375 to 3.8125"),
    "float NaN": ("tif", depth(GREY * np.nan, np.float32), None, "not finite numbers"),
    "animated GIF named .png": ("png", saved(IMAGE, "GIF"), None, "its content is not PNG, JPEG"),
    "HEIC named .jpg": ("jpg", b"\0\0\0\x18ftypheic" + bytes(100), None, "its content is not PNG, JPEG"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_photograph_is_read_or_its_encoding_is_named(name, tmp_path, capsys):
    suffix, content, expected, said = FILES[name]
    (tmp_path / "in/g").mkdir(parents=True)
    (tmp_path / f"in/g/a.{suffix}").write_bytes(content)
    Image.fromarray(NOISE).save(tmp_path / "in/g/b.png")

    def run(problems):
        its = FolderDataset(path=str(tmp_path / "in"), size=S, problems=problems)
        stage.run("mine", its, tmp_path / problems, 0)
        return read_manifest(tmp_path / problems).original.tolist()

    kept = run("keep")
    assert kept == (["b.png"] if expected is None else [f"a.{suffix}", "b.png"])
    if expected is not None:
        got = np.asarray(Image.open(tmp_path / "keep/images/g/000_a.png")).astype(int)
        assert np.abs(got - expected).mean() < 6
    if said:
        assert run("skip") == ["b.png"]
        (problem,) = pd.read_parquet(tmp_path / "skip" / stage.PROBLEMS).problem
        assert said in problem and read_manifest(tmp_path / "skip").left_out.tolist() == [1]
        with pytest.raises(UserError, match=f"g/a.{suffix}: "):
            run("strict")
    else:
        assert run("strict") == [f"a.{suffix}", "b.png"] and "problem" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_of_several_pictures_in_a_file_the_first_is_read_and_that_is_noted(kind, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / f"in/a.{kind.lower()}").write_bytes(frames(kind))
    Image.fromarray(NOISE).save(tmp_path / "in/b.png")
    stage.run("mine", FolderDataset(path=str(tmp_path / "in"), size=S, problems="strict"), tmp_path / "out", 0)
    got = np.asarray(Image.open(tmp_path / "out/images/in/000_a.png")).astype(int)
    assert np.abs(got - PHOTO).mean() < 6
    assert pd.read_parquet(tmp_path / "out" / stage.NOTES).problem.tolist() == [
        "holds 2 pictures, of which the first is read"
    ]
