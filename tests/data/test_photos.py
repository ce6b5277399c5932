"""A folder of one's own photos becomes a dataset: layouts, names, splits, problems."""

import os
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.data import COLUMNS, read_groups, read_manifest
from cosalpure.data.layouts import count_groups, find_groups, fingerprint
from cosalpure.data.settings import FolderDataset, dataset_settings
from cosalpure.data.stage import run
from cosalpure.errors import UserError

LABELS = [
    "alarm clock",
    "-rf",
    "a b",
    "a-b",
    "日本",
    "<b>",
    "q\"'$(id)",
    "crème brûlée",
    "long " * 40 + "x",
    "line\nbreak",
]


def photo(path, seed=0, size=(40, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed + zlib.crc32(path.name.encode()) % 1000).integers(
        0, 256, (*size[::-1], 3), dtype=np.uint8
    )
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """Three groups of three photos, of mixed formats, no ground truth."""
    for seed, label in enumerate(("dogs", "cats", "owls")):
        for name in ("b.jpg", "a.png", "C.BMP"):
            photo(tmp_path / "photos" / label / name, seed * 1000)
    return tmp_path / "photos"


def make(folder, output, threads=1, **settings):
    run("mine", FolderDataset(path=str(folder), size=32, **settings), output, 0, threads)
    return read_manifest(output)


def test_a_folder_of_folders_is_a_dataset_without_ground_truth(photos, tmp_path):
    manifest = make(photos, tmp_path / "out")
    assert tuple(manifest.columns) == COLUMNS and not manifest.truth.any()
    assert [group.name for group in read_groups(tmp_path / "out")] == ["cats", "dogs", "owls"]
    assert [group.files for group in read_groups(tmp_path / "out")] == [("000_C.png", "001_a.png", "002_b.png")] * 3
    for group in read_groups(tmp_path / "out"):
        assert group.attacked == (True, False, False)
        assert {Image.open(path).size for path in group.paths(tmp_path / "out/images")} == {(32, 32)}
        assert not list((tmp_path / "out/masks" / group.slug).iterdir())


def test_one_folder_of_photos_is_one_group(photos, tmp_path):
    assert set(make(photos / "dogs", tmp_path / "out").group) == {"dogs"}


def test_images_become_what_pillow_makes_of_them(photos, tmp_path):
    make(photos, tmp_path / "out")
    with Image.open(photos / "dogs/b.jpg") as image:
        expected = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/images/dogs/002_b.png")), expected)


def test_processes_and_places_do_not_change_a_byte(photos, tmp_path):
    one, two = make(photos, tmp_path / "one"), make(photos, tmp_path / "two", threads=2)
    pd.testing.assert_frame_equal(one, two)


def test_labels_of_every_kind_are_kept_and_their_slugs_are_safe_and_different(tmp_path):
    for seed, label in enumerate(LABELS):
        photo(tmp_path / "photos" / label / "x y'.jpg", seed * 1000)
    manifest = make(tmp_path / "photos", tmp_path / "out", problems="strict")
    assert set(manifest.group) == set(LABELS)
    assert (
        manifest.slug.is_unique
        and manifest.slug.str.len().max() < 80
        and manifest.slug.str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    )
    assert set(manifest.file) == {"000_x-y.png"} and set(manifest.original) == {"x y'.jpg"}


def test_names_that_are_not_text_are_kept_as_far_as_they_can_be(tmp_path):
    folder = os.fsencode(tmp_path / "photos") + b"/caf\xe9"
    os.makedirs(folder)
    photo(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", os.path.join(folder, b"\xff.png"))
    (row,) = make(tmp_path / "photos", tmp_path / "out").itertuples()
    assert (row.group, row.slug, row.file) == ("caf\ufffd", "caf", "000_image.png")


def test_adding_a_group_changes_nothing_of_the_others(photos, tmp_path):
    before = make(photos, tmp_path / "one", attacked_fraction=0.67)
    photo(photos / "bats" / "a.png", 7)
    after = make(photos, tmp_path / "two", attacked_fraction=0.67)
    kept = after[after.group != "bats"].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, kept)
    assert before.groupby("slug").attacked.sum().tolist() == [2, 2, 2]


def test_photographs_stand_as_their_camera_held_them(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    left = np.zeros((30, 40, 3), np.uint8)
    left[:, :20] = 255
    (tmp_path / "photos").mkdir()
    Image.fromarray(left).save(tmp_path / "photos/a.jpg", exif=exif)
    make(tmp_path / "photos", tmp_path / "out")
    upright = np.asarray(Image.open(tmp_path / "out/images/photos/000_a.png"))
    assert upright[:12].mean() > 250 and upright[20:].mean() < 5


def test_what_is_left_out_is_said_and_the_split_is_over_the_rest(photos, tmp_path, capsys):
    (photos / "dogs/Bad.jpg").write_bytes(b"no image")
    (photos / "dogs/phone.heic").write_bytes(b"...")
    manifest = make(photos, tmp_path / "out")
    assert manifest[manifest.group == "dogs"].file.tolist() == ["001_C.png", "002_a.png", "003_b.png"]
    assert manifest[manifest.group == "dogs"].attacked.tolist() == [True, False, False]
    assert set(manifest.left_out) == {1}, "the unreadable one; the other is of a kind that is not looked at"
    assert "dogs/phone.heic: not read" in capsys.readouterr().out
    listed = pd.read_parquet(tmp_path / "out/problems.parquet")
    assert set(listed.file) == {"Bad.jpg", "phone.heic"}


def test_strict_stops_with_a_line_and_the_list_and_keeps_what_was_there(photos, tmp_path):
    make(photos, tmp_path / "out", problems="strict")
    for number in range(5):
        (photos / f"dogs/{number}.jpg").write_bytes(b"no image")
    with pytest.raises(UserError) as caught:
        make(photos, tmp_path / "out", problems="strict")
    line = str(caught.value)
    assert "\n" not in line and "mine: 5 problems: dogs/0.jpg: not a readable image" in line and "and 2 more" in line
    assert len(pd.read_csv(tmp_path / "out.problems.csv")) == 5
    assert len(read_manifest(tmp_path / "out")) == 9, "the finished dataset is still there"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "no images; expected one folder a group"),
        (["a.png", "dogs/b.png"], "both images .* and folders of images"),
        (["a/img/x/1.png", "a/gt/x/1.png", "b/img/x/1.png", "b/gt/x/1.png"], "several datasets in one place"),
        (["img/1.png", "images/1.png", "gt/1.png"], "found images and img; move one away"),
    ],
)
def test_folders_that_are_no_dataset_are_one_line(tmp_path, files, complaint):
    (tmp_path / "photos").mkdir()
    for file in files:
        photo(tmp_path / "photos" / file)
    with pytest.raises(UserError, match=complaint):
        make(tmp_path / "photos", tmp_path / "out")


def test_the_groups_are_known_before_the_dataset_is_made(photos, tmp_path):
    assert count_groups("mine", FolderDataset(path=str(photos))) == 3
    assert count_groups("x", dataset_settings("CoCA", {}, "x")) == 80
    assert count_groups("x", dataset_settings("x", {"source": "icoseg", "groups": 2}, "x")) == 2
    with pytest.raises(UserError, match=r"datasets.mine: .* is not there \(yet\); say how many groups it has"):
        count_groups("mine", FolderDataset(path=str(tmp_path / "absent")))
    with pytest.raises(UserError, match="3 groups with usable images, not 4; set groups: 3"):
        make(photos, tmp_path / "out", groups=4)


def test_a_photo_more_is_a_reason_to_make_it_again(photos):
    before = fingerprint(photos)
    assert fingerprint(photos) == before
    photo(photos / "dogs/new.png")
    assert fingerprint(photos) != before and fingerprint(photos / "absent") == ""


def test_sources_are_understood_from_path_and_name():
    assert dataset_settings("pets", {"path": "x"}, "x").problems == "skip"
    assert dataset_settings("icoseg", {"path": "x"}, "x").problems == "strict"
    with pytest.raises(UserError, match="another meaning"):
        dataset_settings("fetch", {"path": "x"}, "datasets.fetch")
    with pytest.raises(UserError, match="unknown source 'pets'.*cosod3k, coca"):
        dataset_settings("pets", {}, "datasets.pets")


def test_the_command_takes_a_folder(photos, tmp_path):
    settings = f"{{path: {photos}, size: 32}}"
    assert main(["data", "pets", "--output", str(tmp_path / "out"), "--settings", settings, "--threads", "2"]) == 0
    assert len(find_groups(photos)[0]) == 3 and len(read_manifest(tmp_path / "out")) == 9
