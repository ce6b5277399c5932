"""One ground truth in every encoding: read as the object, or a problem that names the encoding. Never wrong in silence.

`python tests/data/test_mask_encodings.py` prints a line an encoding.
"""

import io
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from cosalpure.data import read_manifest, stage
from cosalpure.data.published import PUBLISHED, PublishedSet
from cosalpure.errors import UserError
from cosalpure.settings import FolderDataset, PublishedDataset

S = 64
TRUE = np.zeros((S, S), bool)
TRUE[16:48, 16:32] = True
TRUE[16:48, 40:56] = True
LEFT, RIGHT = TRUE.copy(), TRUE.copy()
LEFT[:, 36:] = False
RIGHT[:, :36] = False
RIM = np.asarray(Image.fromarray(TRUE).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
RIM &= ~TRUE
PHOTO = np.random.default_rng(0).integers(0, 256, (S, S, 3), dtype=np.uint8)
ALPHA = TRUE * np.uint8(255)
SOFT = np.asarray(Image.fromarray(ALPHA).resize((4 * S, 4 * S), 0).rotate(3).resize((S, S), Image.Resampling.BOX))
BLURRED = np.asarray(Image.fromarray(ALPHA).filter(ImageFilter.GaussianBlur(1.5)))
VOC = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 255: (224, 224, 192)}
READ = None  # no problem: the object is right


def file(image, kind="PNG", **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return kind.lower().replace("jpeg", "jpg").replace("tiff", "tif"), content.getvalue()


def grey(values, kind="PNG", dtype=np.uint8, **options):
    return file(Image.fromarray(np.asarray(values).astype(dtype)), kind, **options)


def two(high, low=0, **options):
    return grey(np.where(TRUE, high, low), **options)


def labels(left, right, rim=0):
    return np.where(LEFT, left, 0) + np.where(RIGHT, right, 0) + np.where(RIM, rim, 0)


def palette(index, colours, **options):
    """`colours`: {index: (r, g, b)}."""
    image = Image.fromarray(np.asarray(index).astype(np.uint8))
    table = np.zeros((256, 3), np.uint8)
    for place, colour in colours.items():
        table[place] = colour
    image.putpalette(table.ravel().tolist())
    return file(image, **options)


def rgb(left, right, background=(0, 0, 0), rim=None, **options):
    pixels = np.empty((S, S, 3), np.uint8)
    pixels[:] = background
    pixels[LEFT], pixels[RIGHT] = left, right
    if rim:
        pixels[RIM] = rim
    return file(Image.fromarray(pixels), **options)


def rgba(colours, alpha):
    full = np.empty((S, S, 4), np.uint8)
    full[..., :3], full[..., 3] = colours, alpha
    return file(Image.fromarray(full))


def png16(values):
    """uint16 (S, S, 3) -> a 16-bit RGB PNG, which Pillow cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", S, S, 16, 2, 0, 0, 0))
    return "png", b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def swapped():
    return palette(TRUE, {0: (255, 255, 255), 1: (0, 0, 0)})


def noisy():
    """Black and white with the noise of a lossy format, in a lossless one."""
    _, content = two(255, kind="JPEG", quality=40)
    return file(Image.open(io.BytesIO(content)))


def specks():
    values = np.where(TRUE, 255, 0)
    values[3, ::20] = 1
    return grey(values)


def many_labels():
    """Twenty-five classes in blocks, and a void line."""
    values = np.arange(S)[:, None] // 13 * 5 + np.arange(S) // 13
    values[:, 30:32] = 255
    return grey(values)


def gradient():
    y, x = np.mgrid[:S, :S]
    return grey(255 * np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 800))


def transparent_palette():
    return palette(TRUE, {0: (0, 0, 0), 1: (200, 0, 0)}, transparency=0)


WHITE3 = np.repeat(ALPHA[..., None], 3, 2)
ENCODINGS = {  # name: (file, READ or what the problem says)
    # the ordinary ones
    "grey 0/255": (lambda: two(255), READ),
    "bilevel": (lambda: file(Image.fromarray(TRUE)), READ),
    "bilevel TIFF": (lambda: file(Image.fromarray(TRUE), "TIFF"), READ),
    "RGB 0/255": (lambda: file(Image.fromarray(WHITE3)), READ),
    "JPEG q75": (lambda: two(255, kind="JPEG"), READ),
    "JPEG q30, RGB": (lambda: file(Image.fromarray(WHITE3), "JPEG", quality=30), READ),
    "lossy WebP": (lambda: file(Image.fromarray(WHITE3), "WEBP", quality=50), READ),
    "BMP": (lambda: file(Image.fromarray(WHITE3), "BMP"), READ),
    "JPEG noise in a PNG": (noisy, READ),
    "0/254": (lambda: two(254), READ),
    "3/250": (lambda: two(250, 3), READ),
    "specks of 1": (specks, READ),
    "CMYK TIFF": (lambda: file(Image.fromarray(WHITE3).convert("CMYK"), "TIFF"), READ),
    # two values
    "0/128": (lambda: two(128), READ),
    "0/127": (lambda: two(127), READ),
    "0/1": (lambda: two(1), READ),
    "0/200": (lambda: two(200), READ),
    "50/255": (lambda: two(255, 50), READ),
    "1/2, MATLAB": (lambda: two(2, 1), READ),
    "128/255": (lambda: two(255, 128), READ),
    "RGB 0/1": (lambda: file(Image.fromarray(WHITE3 // 255)), READ),
    "lossless WebP 0/1": (lambda: file(Image.fromarray(WHITE3 // 255), "WEBP", lossless=True), READ),
    "lossy WebP 0/40": (lambda: file(Image.fromarray(WHITE3 // 6), "WEBP", quality=80), "unclear mask: "),
    "JPEG 0/1": (lambda: two(1, kind="JPEG"), "mask: "),
    "JPEG 0/60": (lambda: two(60, kind="JPEG"), "unclear mask: "),
    "0/127 with soft edges": (lambda: grey(SOFT // 2), "unclear mask: greys from 0 to 127"),
    "inverted": (lambda: two(0, 255), "inverted mask? 100%"),
    "inverted, bilevel": (lambda: file(Image.fromarray(~TRUE)), "inverted mask? 100%"),
    "inverted, JPEG": (lambda: two(0, 255, kind="JPEG"), "inverted mask? 100%"),
    "inverted 2/1": (lambda: two(1, 2), "values 1 and 2: which is the object?"),
    "inverted 0/1": (lambda: two(0, 1), "inverted mask? 100%"),
    # more values
    "trimap 0/128/255": (lambda: grey(ALPHA + RIM * 128), "values 0, 128 and 255: labels, or undecided pixels?"),
    "trimap in JPEG": (lambda: grey(np.where(LEFT, 128, ALPHA), "JPEG"), "a third level near 128"),
    "trimap 1/2/3": (lambda: grey(np.where(TRUE, 1, np.where(RIM, 3, 2))), "values 1, 2 and 3"),
    "instances 1 and 2": (lambda: grey(labels(1, 2)), "values 1 and 2 beside the background"),
    "instances 100 and 200": (lambda: grey(labels(100, 200)), "values 0, 100 and 200"),
    "instances in JPEG": (lambda: grey(labels(110, 230), "JPEG"), "unclear mask: a third level"),
    "class 15 and void": (lambda: grey(labels(15, 15, 255)), READ),
    "0, 1 and a thick 255": (lambda: grey(labels(1, 255)), "values 0, 1 and 255: which is the object?"),
    "many labels and void": (many_labels, "labels of many objects?"),
    "soft edges, enlarged": (lambda: grey(np.kron(BLURRED[::2, ::2], np.ones((2, 2)))), READ),
    "soft map": (gradient, "neither black nor white: a photograph or a soft map?"),
    "grey photo": (lambda: grey(PHOTO[..., 0]), "neither black nor white: a photograph or a soft map?"),
    "photo": (lambda: file(Image.fromarray(PHOTO)), "a photograph, or labels of many or blurred colours?"),
    "all white": (lambda: grey(np.full((S, S), 255)), "full mask"),
    "all black": (lambda: grey(np.zeros((S, S))), "empty mask"),
    "all 1": (lambda: grey(np.ones((S, S))), "unclear mask: 1 everywhere"),
    # other depths
    "16-bit 0/65535": (lambda: two(65535, dtype=np.uint16), READ),
    "16-bit 0/255": (lambda: two(255, dtype=np.uint16), READ),
    "16-bit 0/1": (lambda: two(1, dtype=np.uint16), READ),
    "16-bit 0/4095": (lambda: two(4095, dtype=np.uint16), READ),
    "16-bit TIFF 0/255": (lambda: two(255, dtype=np.uint16, kind="TIFF"), READ),
    "int32 0/255": (lambda: two(255, dtype=np.int32, kind="TIFF"), READ),
    "int32 0/65535": (lambda: two(65535, dtype=np.int32, kind="TIFF"), READ),
    "int32 id 26001": (lambda: two(26001, dtype=np.int32, kind="TIFF"), READ),
    "int32 -1/1": (lambda: two(1, -1, dtype=np.int32, kind="TIFF"), "negative ones among them"),
    "float 0/1": (lambda: two(1, dtype=np.float32, kind="TIFF"), READ),
    "float 0/255": (lambda: two(255, dtype=np.float32, kind="TIFF"), READ),
    "float NaN": (lambda: two(1, np.nan, dtype=np.float32, kind="TIFF"), "values that are not finite numbers"),
    "16-bit instances": (lambda: grey(labels(1, 2), dtype=np.uint16), "values 1 and 2 beside the background"),
    "16-bit ids": (lambda: grey(labels(26001, 26002), dtype=np.uint16), "values 0, 26001 and 26002"),
    "16-bit 0 to 5000": (lambda: grey(SOFT * 20.0, dtype=np.uint16), "the white is not certain"),
    "16-bit RGB 0/65535": (lambda: png16(WHITE3.astype(np.uint16) * 257), READ),
    "16-bit RGB 0/255": (lambda: png16(WHITE3.astype(np.uint16)), "16 bits a channel, but no value above 511"),
    # palettes
    "palette, black and white": (lambda: palette(TRUE, {1: (255, 255, 255)}), READ),
    "palette, white and black": (swapped, "index 0 is lighter than 1"),
    "palette, dark grey": (lambda: palette(TRUE, {1: (1, 1, 1)}), READ),
    "palette, red": (lambda: palette(TRUE, {1: (255, 0, 0)}), READ),
    "VOC, classes 1 and 2": (lambda: palette(labels(1, 2), VOC), "palette indices 1 and 2 beside the background"),
    "VOC, classes 1 and 15": (lambda: palette(labels(1, 15), VOC), "several classes or instances?"),
    "VOC, class 1, void": (lambda: palette(labels(1, 1, 255), VOC), READ),
    "VOC, class 15, void": (lambda: palette(labels(15, 15, 255), VOC), READ),
    "VOC, void renumbered": (lambda: palette(labels(1, 1, 2), VOC | {2: VOC[255]}), READ),
    "VOC, void only": (lambda: palette(TRUE * 255, VOC), "palette indices 0 and 255: the object, or undecided"),
    "palette, 255 of another colour": (lambda: palette(labels(1, 1, 255), {1: (255, 0, 0), 255: (0, 0, 255)}), "which"),
    "palette by frequency": (lambda: palette(~TRUE, {0: (255, 0, 0), 1: (0, 0, 0)}), "index 1 is black"),
    "palette, white background": (lambda: palette(TRUE, {0: (255,) * 3, 1: (255, 0, 0)}), "index 0 is not black"),
    "palette, 1 and 2": (lambda: palette(TRUE + 1, VOC), "index 0 is missing"),
    "palette of a photo": (lambda: file(Image.fromarray(PHOTO).quantize(200)), "a palette of 200 colours"),
    "palette, see-through": (transparent_palette, READ),
    # colours
    "red": (lambda: rgb((255, 0, 0), (255, 0, 0)), READ),
    "red and green": (lambda: rgb((255, 0, 0), (0, 255, 0)), "colours #00ff00 and #ff0000 on black"),
    "blue and white": (lambda: rgb((0, 0, 255), (255, 255, 255)), "several classes or instances?"),
    "VOC's colours and void": (lambda: rgb(VOC[1], VOC[1], rim=VOC[255]), READ),
    "red on white": (lambda: rgb((255, 0, 0), (255, 0, 0), (255, 255, 255)), "none of which is black"),
    "red in JPEG": (lambda: rgb((255, 0, 0), (255, 0, 0), kind="JPEG"), "a photograph, or labels"),
    # transparency
    "RGBA, opaque": (lambda: rgba(WHITE3, 255), READ),
    "RGBA, half transparent": (lambda: rgba(WHITE3, 128), READ),
    "RGBA, all transparent": (lambda: rgba(WHITE3, 0), READ),
    "RGBA, white": (lambda: rgba(255, ALPHA), READ),
    "RGBA, black": (lambda: rgba(0, ALPHA), READ),
    "RGBA, alpha 0/1": (lambda: rgba(0, ALPHA // 255), READ),
    "RGBA, photo": (lambda: rgba(PHOTO, ALPHA), READ),
    "RGBA, photo cut out": (lambda: rgba(PHOTO * TRUE[..., None], ALPHA), READ),
    "RGBA, white cut out": (lambda: rgba(WHITE3, ALPHA), READ),
    "RGBA, red cut out": (lambda: rgba(WHITE3 * [1, 0, 0], ALPHA), READ),
    "RGBA, black on white": (lambda: rgba(255 - WHITE3, ALPHA), "transparency and colours mark different pixels"),
    "RGBA, object transparent": (lambda: rgba(PHOTO, 255 - ALPHA), "inverted mask? 100%"),
    "LA, white": (lambda: file(Image.merge("LA", (Image.new("L", (S, S), 255), Image.fromarray(ALPHA)))), READ),
    "LA, opaque": (lambda: file(Image.merge("LA", (Image.fromarray(ALPHA), Image.new("L", (S, S), 255)))), READ),
    "two pages": (
        lambda: file(Image.fromarray(ALPHA), "TIFF", save_all=True, append_images=[Image.fromarray(255 - ALPHA)]),
        "2 pictures in one file",
    ),
}


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
    assert problem.startswith("vanishing object: 4 of 512x512 px") and "64x64" in problem


@pytest.mark.parametrize("size", [(32, 32), (64, 32), (65, 64)])
def test_a_ground_truth_of_another_size_is_named(tmp_path, size):
    mask = file(Image.fromarray(ALPHA).resize(size, 0))
    _, problem, _ = outcome(make(tmp_path, mask))
    assert problem == f"sizes differ: image 64x64, ground truth {size[0]}x{size[1]}"


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
@pytest.mark.parametrize("source", ["folder", "coca"])
@pytest.mark.parametrize("where", ["stored", "shown", "tagged"])
@pytest.mark.parametrize("size", [(60, 40), (50, 50)])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
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
