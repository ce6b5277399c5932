"""Archives and images made to do harm: each refused with a line, nothing written elsewhere, nothing finished lost."""

import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.data import archives, read_manifest


def png(size=(20, 20), seed=0):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def zipped(*names, content=None, method=zipfile.ZIP_DEFLATED, mode=0o100644, flags=0):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            opened.writestr(info, png() if content is None else content)
    return file.getvalue()


def tarred(name="dogs/a.png", kind=tarfile.REGTYPE, content=None, size=None, mode="w", pax=None, link="/etc/passwd"):
    file, content = io.BytesIO(), png() if content is None else content
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as opened:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.pax_headers = kind, link, pax or {}
        info.size = len(content) if size is None and kind == tarfile.REGTYPE else size or 0
        opened.addfile(info)
        opened.fileobj.write(content + bytes(-len(content) % 512))
    return file.getvalue()


def lying_zip():
    """A zip whose member declares 10 bytes, in both places, and holds more."""
    content, stored = png((50, 50)), zipped("dogs/a.png", content=png((50, 50)), method=zipfile.ZIP_STORED)
    return stored.replace(struct.pack("<II", len(content), len(content)), struct.pack("<II", len(content), 10))


def encrypted_zip():
    content = bytearray(zipped("dogs/a.png"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def colossal_zip():
    """An empty zip that declares sixty thousand members and more."""
    content = bytearray(zipped("dogs/a.png"))
    struct.pack_into("<HH", content, content.index(b"PK\x05\x06") + 8, 60_000, 60_000)
    return bytes(content)


ZEROS = bytes(5_000_000)
ARCHIVES = {
    "absolute path, zip": (lambda: zipped("/tmp/a.png"), "outside its folder"),
    "absolute path, tar": (lambda: tarred("/tmp/a.png"), "outside its folder"),
    "dots, zip": (lambda: zipped("dogs/../../../a.png"), "outside its folder"),
    "dots, tar.gz": (lambda: tarred("../a.png", mode="w:gz"), "outside its folder"),
    "dots behind backslashes": (lambda: zipped("dogs\\..\\..\\a.png"), "outside its folder"),
    "a drive": (lambda: zipped("C:\\dogs\\a.png"), "outside its folder"),
    "a link, zip": (lambda: zipped("dogs/a.png", content=b"/etc/passwd", mode=0o120777), "is a link"),
    "a symbolic link, tar": (lambda: tarred(kind=tarfile.SYMTYPE), "is a link"),
    "a hard link, tar": (lambda: tarred(kind=tarfile.LNKTYPE), "is a link"),
    "a device": (lambda: tarred(kind=tarfile.CHRTYPE), "is a device"),
    "a pipe": (lambda: tarred(kind=tarfile.FIFOTYPE), "is a device"),
    "a declared billion bytes": (lambda: tarred(size=1_000_000_000), "has 1,000,000,000 bytes, more than"),
    "a bomb, zip": (lambda: zipped("dogs/a.png", content=ZEROS), "its members have more than"),
    "a bomb, tar.xz": (lambda: tarred(content=ZEROS, mode="w:xz"), "its members have more than"),
    "a bomb that nobody declared": (
        lambda: tarred(pax={"comment": "x" * 900_000}, mode="w:gz"),
        "unpacks to more than",
    ),
    "a header of megabytes": (lambda: tarred(pax={"comment": "x" * 2_000_000}, mode="w:gz"), "a header of"),
    "more bytes than declared": (lying_zip, "does not have the 10 bytes|not a whole, readable archive"),
    "too many members": (lambda: zipped(*(f"dogs/{n}.png" for n in range(60))), "more than 50 members"),
    "a million members declared": (colossal_zip, "more than 50 members"),
    "too many members, tar": (lambda: many_tarred(60), "more than 50 members"),
    "two of one name": (lambda: zipped("dogs/a.png", "./dogs/a.png"), "two members of the name"),
    "folders in folders": (lambda: zipped("/".join("abcdefghijklmnopqrs") + "/a.png"), "more than 16 folders"),
    "a file where a folder is": (lambda: zipped("dogs.png", "dogs.png/a.png"), "not a whole, readable archive"),
    "a name too long": (lambda: zipped("d" * 300 + "/a.png"), "not a whole, readable archive"),
    "encrypted": (encrypted_zip, "it is encrypted"),
    "cut off, zip": (lambda: zipped("dogs/a.png")[:-30], "not a whole, readable archive"),
    "cut off, tar.gz": (lambda: tarred(mode="w:gz")[:-50], "not a whole, readable archive"),
    "a changed byte": (lambda: changed(zipped("dogs/a.png", method=zipfile.ZIP_STORED), 200), "not a whole, readable"),
}


def changed(content, place):
    content = bytearray(content)
    content[place] ^= 0xFF
    return bytes(content)


def many_tarred(count):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as opened:
        for number in range(count):
            opened.addfile(tarfile.TarInfo(f"dogs/{number}.png"))
    return file.getvalue()


@pytest.fixture
def limits(monkeypatch):
    """Bounds that small test files can exceed."""
    for name, value in {"MAX_MEMBERS": 50, "MAX_MEMBER": 10_000_000, "SMALL": 200_000}.items():
        monkeypatch.setattr(archives, name, value)


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_hostile_archive_is_one_line_and_leaves_nothing(kind, tmp_path, limits, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, complaint = ARCHIVES[kind]
    (tmp_path / "photos/dogs").mkdir(parents=True)
    (tmp_path / "photos/dogs/a.png").write_bytes(png())
    call = ["data", "pets", "--output", "results/pets", "--settings"]
    assert main([*call, "{path: photos, size: 32}"]) == 0
    (tmp_path / "archive").write_bytes(make())
    before = files_of(tmp_path)
    capsys.readouterr()
    assert main([*call, "{path: archive, groups: 1, size: 32}"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: ")]
    assert len(lines) == 1 and lines[0].startswith("cosalpure: archive: ")
    assert any(part in lines[0] for part in complaint.split("|")), lines[0]
    assert files_of(tmp_path) == before and not list((tmp_path / "results").glob(".*"))


def test_many_small_steps_through_a_compressed_tar_are_forward_only(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as opened:
        for number in range(300):
            content = png(seed=number) + bytes(number * 7 % 1024)
            info = tarfile.TarInfo(f"dogs/{number:03d}.{'png' if number % 3 else 'txt'}")
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    (tmp_path / "a.tgz").write_bytes(file.getvalue())
    archives.unpack(tmp_path / "a.tgz", tmp_path / "out")
    assert len(list((tmp_path / "out/dogs").iterdir())) == 200
    assert (tmp_path / "out/dogs/299.png").read_bytes().startswith(png(seed=299))


def bmp(width, height):
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def as_file(kind):
    file = io.BytesIO()
    Image.open(io.BytesIO(png((60, 60)))).save(file, kind)
    return file.getvalue()


HEADER = b"\x89PNG\r\n\x1a\n"
IMAGES = {
    "truncated.png": lambda: png((60, 60))[:3000],
    "truncated.jpg": lambda: as_file("JPEG")[:900],
    "truncated.webp": lambda: as_file("WEBP")[:300],
    "truncated.bmp": lambda: as_file("BMP")[:500],
    "truncated.tif": lambda: as_file("TIFF")[:500],
    "nothing.jpg": lambda: b"",
    "page.jpg": lambda: b"<!DOCTYPE html><html><title>Not found</title></html>",
    "drawing.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "postscript.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) run\n%%EOF\n",
    "moving.png": lambda: as_file("GIF"),
    "huge.bmp": lambda: bmp(60_000, 60_000),
    "large.png": lambda: (
        HEADER + chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 8000, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"")
    ),
    "no-pixels.png": lambda: HEADER + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)),
    "text-bomb.png": lambda: png()[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(90_000_000))) + png()[33:],
    "wrong-checksum.png": lambda: changed(png(), 20),
    "header-only.jpg": lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "numbers.png": lambda: np.random.default_rng(0).bytes(5000),
}


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_every_malformed_image_is_named_and_costs_only_itself(tmp_path, threads, capsys):
    folder = tmp_path / "photos/dogs"
    folder.mkdir(parents=True)
    for name, make in IMAGES.items():
        (folder / name).write_bytes(make())
    for seed in range(3):
        (folder / f"good{seed}.png").write_bytes(png(seed=seed))
    (folder / "link-to-nothing.png").symlink_to(tmp_path / "absent.png")
    settings = f"{{path: {tmp_path / 'photos'}, size: 32}}"
    assert main(["data", "pets", "--output", str(tmp_path / "out"), "--settings", settings, "--threads", threads]) == 0
    listed = pd.read_parquet(tmp_path / "out/problems.parquet")
    assert set(listed.file) == {*IMAGES, "link-to-nothing.png"}
    assert listed.problem.str.fullmatch(r"(not a readable image|more than|no such image).*").all()
    assert read_manifest(tmp_path / "out").original.tolist() == ["good0.png", "good1.png", "good2.png"]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3
    capsys.readouterr()
    strict = settings.replace("size", "problems: strict, size")
    assert main(["data", "pets", "--output", str(tmp_path / "out"), "--settings", strict]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: ")]
    assert len(lines) == 1 and f"{len(IMAGES) + 1} problems" in lines[0]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3
