"""The four published datasets, as small synthetic files in every layout, served from 127.0.0.1."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from file_server import FileServer
from PIL import Image

from cosalpure import weights
from cosalpure.cli import main
from cosalpure.data import MANIFEST, read_manifest, stage
from cosalpure.data.layouts import find_groups
from cosalpure.data.published import PUBLISHED, PublishedSet
from cosalpure.data.settings import PublishedDataset
from cosalpure.errors import UserError
from cosalpure.weights import downloads

GROUPS = ("Alarm clock", "bird", "crème")
LAYOUTS = {  # from the official benchmarks' READMEs and other authors' code: images, ground truth, kind of archive
    "Image, GroundTruth": ("CoCA/Image/{}", "CoCA/GroundTruth/{}", "zip"),
    "Image, GT": ("CoCA/Image/{}", "CoCA/GT/{}", "tar.gz"),
    "image, binary": ("CoCA/image/{}", "CoCA/binary/{}", "tar.xz"),
    "img, gt": ("CoCA_224/img/{}", "CoCA_224/gt/{}", "tar"),
    "images, gts, of a set": ("images/CoCA/{}", "gts/CoCA/{}", "zip"),
    "image, groundtruth, not wrapped": ("image/{}", "groundtruth/{}", "tar.bz2"),
    "several sets, images first": ("testsets/images/CoCA/{}", "testsets/gts/CoCA/{}", "zip"),
    "several sets, each its own": ("sets/CoCA/img/{}", "sets/CoCA/gt/{}", "zip"),
}


def picture(seed, kind="PNG", size=(40, 30), mask=False):
    """The bytes of an image file, of a photograph or of a ground truth."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    if mask:
        pixels = np.zeros(size[::-1], np.uint8)
        pixels[5:20, 5 + seed % 10 : 30] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def blank():
    """A ground truth with nothing in it."""
    file = io.BytesIO()
    Image.new("L", (40, 30)).save(file, "PNG")
    return file.getvalue()


def members(images, truths, groups=GROUPS, count=3):
    """{name: bytes} of a dataset in a layout: formats mixed, ground truth under other extensions."""
    files = {"README.txt": b"read me", "__MACOSX/x/._a.jpg": b"resource fork"}
    for number, group in enumerate(groups):
        for index in range(count):
            seed = 100 * number + index
            kind, suffix = (("JPEG", "jpg"), ("PNG", "png"), ("BMP", "bmp"))[index % 3]
            files[f"{images.format(group)}/photo {index}.{suffix}"] = picture(seed, kind)
            files[f"{truths.format(group)}/photo {index}.png"] = picture(seed, mask=True)
    return files


def packed(files, kind="zip"):
    """The bytes of an archive."""
    archive = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as opened:
            for name, content in files.items():
                opened.writestr(name, content)
    else:
        with tarfile.open(fileobj=archive, mode=f"w:{kind.partition('.')[2]}") as opened:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                opened.addfile(info, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """CoCA of three groups of three images; no waiting for dead links."""
    monkeypatch.setitem(PUBLISHED, "coca", PublishedSet("CoCA", 3, 9))
    monkeypatch.setattr(downloads, "RETRIES", 0)
    for name in weights.OFFLINE:
        monkeypatch.delenv(name, raising=False)


def make(tmp_path, settings="{source: coca, size: 32}", sources=None, output="out"):
    """The exit status of `cosalpure data`."""
    more = ["--sources", str(sources), "--folder", str(tmp_path / "datasets")] if sources else []
    return main(["data", "CoCA", "--output", str(tmp_path / output), "--settings", settings, *more])


def table(tmp_path, *addresses, sha256=""):
    path = tmp_path / "sources.csv"
    row = f"coca,data,CoCA.zip,{' '.join(addresses)},1,{sha256},none stated,tests"
    path.write_text("\n".join([",".join(weights.COLUMNS), row]) + "\n")
    return path


def files_of(folder):
    """The content of all files; of a manifest its rows, since its record tells how and when it was made."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {
        path.relative_to(folder): pd.read_parquet(path).to_csv() if path.name == MANIFEST else path.read_bytes()
        for path in files
    }


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_ends_as_the_same_dataset(layout, tmp_path):
    plain = members("CoCA/Image/{}", "CoCA/GroundTruth/{}")
    for name, content in plain.items():
        path = tmp_path / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert make(tmp_path, f"{{source: coca, size: 32, path: {tmp_path / 'plain'}}}", output="expected") == 0

    images, truths, kind = LAYOUTS[layout]
    files = members(images, truths)
    if "several" in layout:
        files |= members(images.replace("CoCA", "CoSOD3k"), truths.replace("CoCA", "CoSOD3k"), ("other",))
    with FileServer({"/data": packed(files, kind)}) as server:
        assert make(tmp_path, sources=table(tmp_path, server.url + "/gone", server.url + "/data")) == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "expected")
    manifest = read_manifest(tmp_path / "out")
    assert len(manifest) == 9 and set(manifest.group) == set(GROUPS) and manifest.truth.all()
    assert (tmp_path / "datasets/CoCA.zip.sha256").exists()


def test_ground_truth_is_resized_by_nearest_neighbour(tmp_path):
    (tmp_path / "CoCA.zip").write_bytes(packed(members("img/{}", "gt/{}")))
    assert make(tmp_path, f"{{size: 32, path: {tmp_path / 'CoCA.zip'}}}") == 0
    mask = Image.open(io.BytesIO(picture(101, mask=True))).resize((32, 32), Image.Resampling.NEAREST)
    made = np.asarray(Image.open(tmp_path / "out/masks/bird/001_photo-1.png"))
    assert np.array_equal(made, np.asarray(mask)) and set(np.unique(made)) == {0, 255}


def test_a_download_goes_on_where_it_stopped(tmp_path):
    content = packed(members("img/{}", "gt/{}"))
    part = tmp_path / "datasets/.partial/coca-0/CoCA.zipabcdefgh.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content[:5000])
    with FileServer({"/data": content}) as server:
        assert make(tmp_path, sources=table(tmp_path, server.url + "/data")) == 0
        assert server.requests[-1][2] == "bytes=5000-"


@pytest.mark.parametrize(
    ("content", "sha256", "complaint"),
    [
        (b"<!DOCTYPE html><title>Quota exceeded</title>", "", "a web page came instead of the file ('Quota exceeded')"),
        (b"PK\x03\x04 other bytes", "0" * 64, f"is not the published {'0' * 64}"),
        (None, "", "404"),
        (b"PK\x03\x04 cut off", "", "not a whole, readable archive"),
        (b"Rar!\x1a\x07\x00...", "", "a RAR archive: unpack it by hand"),
        (b"some text", "", "text came instead of the file ('some text')"),
    ],
)
def test_what_is_not_the_archive_is_one_line(tmp_path, capsys, content, sha256, complaint):
    with FileServer({"/data": content} if content else {}) as server:
        assert make(tmp_path, sources=table(tmp_path, server.url + "/data", sha256=sha256)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: ")]
    assert len(lines) == 1 and complaint in lines[0]
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_an_archive_of_ones_own_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("COSALPURE_OFFLINE", "1")
    (tmp_path / "mine.tgz").write_bytes(packed(members("img/{}", "gt/{}"), "tar.gz"))
    assert make(tmp_path, f"{{source: coca, size: 32, path: {tmp_path / 'mine.tgz'}}}") == 0


def test_fetch_and_list(tmp_path, capsys):
    content = packed(members("img/{}", "gt/{}"))
    with FileServer({"/data": content}) as server:
        options = ["--sources", str(table(tmp_path, server.url + "/data")), "--folder", str(tmp_path / "datasets")]
        assert main(["data", "fetch", "coca", *options]) == 0
    assert (tmp_path / "datasets/CoCA.zip").read_bytes() == content
    capsys.readouterr()
    assert main(["data", "list", *options]) == 0
    assert " have " in capsys.readouterr().out
    assert main(["data", "fetch", "cocoa", *options]) == 1
    assert "did you mean 'coca'?" in capsys.readouterr().err
    assert main(["data", "mini"]) == 1
    assert "--output results/data/mini" in capsys.readouterr().err


def test_the_four_sets_are_listed_with_licences_and_published_counts():
    listed = weights.read_sources(kind="data")
    assert list(listed) == list(PUBLISHED) and all(its.licence for its in listed.values())
    assert not set(listed) & set(weights.read_sources())


@pytest.mark.slow
def test_a_set_one_image_short_of_the_published_count_is_reported_by_name(tmp_path):
    sizes = [17] * 37 + [14]
    root, mask = tmp_path / "iCoseg", picture(0, size=(32, 32), mask=True)
    for number, size in enumerate(sizes):
        for kind in ("Image", "GroundTruth"):
            (root / kind / f"g{number}").mkdir(parents=True)
        for index in range(size):
            (root / f"Image/g{number}/{index}.png").write_bytes(picture(1000 * number + index, size=(32, 32)))
            (root / f"GroundTruth/g{number}/{index}.png").write_bytes(mask)
    its = PublishedDataset(source="icoseg", path=str(root), size=32)
    assert (len(sizes), sum(sizes)) == (38, 643) and stage.count_problems(its, find_groups(root)[0]) == []
    (root / "Image/g7/3.png").unlink()
    with pytest.raises(UserError) as caught:
        stage.run("icoseg", its, tmp_path / "out", 0)
    message = str(caught.value)
    assert message.startswith("icoseg: 2 problems: g7/3.png: no image; 642 images") and "643" in message


SPOILT = {  # what is spoilt in a sound set: (member, its new content or None, the problem that is named)
    "no ground truth": ("gt/bird/photo 1.png", None, "bird/photo 1.png: no ground truth"),
    "no image": ("img/bird/photo 1.png", None, "bird/photo 1.png: no image"),
    "sizes differ": (
        "gt/bird/photo 1.png",
        picture(1, size=(50, 30), mask=True),
        "bird/photo 1.png: sizes differ: image 40x30, ground truth 50x30",
    ),
    "empty": ("gt/bird/photo 1.png", blank(), "bird/photo 1.png: empty mask"),
    "unreadable": ("img/bird/photo 1.png", b"broken", "bird/photo 1.png: not a readable image"),
    "unreadable truth": ("gt/bird/photo 1.png", b"", "bird/photo 1.png: ground truth photo 1.png: not a readable"),
    "duplicate": ("img/bird/photo 1.png", picture(1, "PNG"), "duplicate of Alarm clock/photo 1.png"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_wrong_is_named_and_left_out_only_when_asked(tmp_path, kind):
    member, content, problem = SPOILT[kind]
    files = members("img/{}", "gt/{}")
    files.pop(member) if content is None else files.update({member: content})
    path = tmp_path / "CoCA.zip"
    path.write_bytes(packed(files))
    with pytest.raises(UserError, match=problem):
        stage.run("CoCA", PublishedDataset(source="coca", path=str(path), size=32), tmp_path / "out", 0)
    listed = pd.read_csv(tmp_path / "out.problems.csv")
    assert listed.problem.str.contains(problem.rpartition(": ")[2]).any()
    for choice in ("skip", "keep"):
        its = PublishedDataset(source="coca", path=str(path), size=32, problems=choice)
        stage.run("CoCA", its, tmp_path / choice, 0)
        kept = choice == "keep" and kind in ("sizes differ", "duplicate", "empty")
        assert len(read_manifest(tmp_path / choice)) == 8 + kept
        assert len(list((tmp_path / choice).rglob("*.png"))) == 2 * (8 + kept)
        assert len(pd.read_parquet(tmp_path / choice / "problems.parquet")) == len(listed)
    assert not (tmp_path / "skip.problems.csv").exists()


def test_a_set_without_ground_truth_is_refused(tmp_path, capsys):
    path = tmp_path / "CoCA.zip"
    path.write_bytes(packed({"bird/a.png": picture(1)}))
    assert make(tmp_path, f"{{source: coca, size: 32, path: {path}}}") == 1
    assert "no folder of ground truth" in capsys.readouterr().err
