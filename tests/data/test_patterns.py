"""A dataset of one's own says by patterns where images and ground truths lie; what is a mask by its name is no photo."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageFilter

import cosalpure as cp
from cosalpure.cli import main
from cosalpure.data import read_manifest
from cosalpure.data.layouts import count_groups, groups_of, has_truth, not_matched
from cosalpure.data.patterns import FilePattern
from cosalpure.data.settings import FolderDataset, dataset_settings
from cosalpure.data.stage import run
from cosalpure.errors import UserError

LAYOUTS = {  # name: (files apart by blanks, patterns, what is found)
    "folders side by side": (
        "Image/cat/0.jpg Image/dog/0.jpg GT/cat/0.png GT/dog/0.png",
        {},
        "cat: 0.jpg+GT/cat/0.png; dog: 0.jpg+GT/dog/0.png",
    ),
    "masks beside photos": (
        "cat/0.jpg cat/0_mask.png dog/0.jpg dog/0_gt.png",
        {},
        "cat: 0.jpg+cat/0_mask.png; dog: 0.jpg+dog/0_gt.png",
    ),
    "rgb and annotations": (
        "rgb/cat/0.jpg rgb/cat/1.JPG rgb/dog/0.jpg annotations/cat/0.png annotations/cat/1.png annotations/dog/0.png",
        {"images": "rgb/{group}/*.jpg", "truth": "annotations/{group}/{stem}.png"},
        "cat: 0.jpg+annotations/cat/0.png, 1.JPG+annotations/cat/1.png; dog: 0.jpg+annotations/dog/0.png",
    ),
    "group in the file's name": (
        "all/alarm_clock_1.jpg all/alarm_clock_2.png all/dog_1.jpg "
        "all/alarm_clock_1_mask.png all/alarm_clock_2_mask.png all/dog_1_mask.png",
        {"images": "all/{group}_{stem}.{jpg,png}", "truth": "all/{group}_{stem}_mask.png"},
        "alarm_clock: alarm_clock_1.jpg+all/alarm_clock_1_mask.png, alarm_clock_2.png+all/alarm_clock_2_mask.png; "
        "dog: dog_1.jpg+all/dog_1_mask.png",
    ),
    "a folder for each image": (
        "train/cat/0001/photo.jpg train/cat/0001/object.png test/cat/0002/photo.jpg test/cat/0002/object.png",
        {"images": "*/{group}/{stem}/photo.jpg", "truth": "*/{group}/{stem}/object.png"},
        "cat: photo.jpg+train/cat/0001/object.png, photo.jpg+test/cat/0002/object.png",
    ),
    "any file, masks among them": (
        "cat/0.jpg cat/0.png cat/1.jpg cat/1.png",
        {"images": "{group}/*", "truth": "{group}/{stem}.png"},
        "cat: 0.jpg+cat/0.png, 1.jpg+cat/1.png",
    ),
    "no groups, no ground truth": ("x/a.jpg x/b.jpg x/b.txt", {"images": "x/?.*"}, "in: a.jpg, b.jpg"),
    "names of any kind": (
        "a[1]/{x}/0(1).jpg gt/{x}/0(1).png",
        {"images": "a[1]/{group}/*.jpg", "truth": "gt/{group}/{stem}.png"},
        "{x}: 0(1).jpg+gt/{x}/0(1).png",
    ),
}


def laid(folder, files):
    """Empty files: only names are looked at."""
    for name in files.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found_in(root, **patterns):
    """(the groups as text, the problems as text)."""
    found, problems, _ = groups_of(FolderDataset(path=str(root), **patterns))
    groups = {
        group.label: ", ".join(
            photo.image.name + (f"+{photo.truth.relative_to(root)}" if photo.truth else "") for photo in group.photos
        )
        for group in found
    }
    return "; ".join(f"{label}: {photos}" for label, photos in groups.items()), "; ".join(map(str, problems))


@pytest.mark.parametrize("name", LAYOUTS)
def test_groups_images_and_ground_truths_are_found(name, tmp_path):
    files, patterns, expected = LAYOUTS[name]
    root = laid(tmp_path / "in", files)
    assert found_in(root, **patterns) == (expected, "")
    settings = FolderDataset(path=str(root), **patterns)
    assert count_groups("mine", settings) == expected.count(":") and has_truth(settings) == ("+" in expected)


def test_what_does_not_fit_is_said(tmp_path):
    root = laid(tmp_path / "in", "rgb/cat/0.jpg rgb/cat/1.jpg rgb/cat/2.jpeg rgb/cat/3.jpg gt/cat/0.png gt/cat/9.png")
    laid(root, "gt/cat/3.png gt/cat/3.bmp rgb/cat/notes.txt")
    patterns = {"images": "rgb/{group}/*.jpg", "truth": "gt/{group}/{stem}.*"}
    found, problems = found_in(root, **patterns)
    assert found == "cat: 0.jpg+gt/cat/0.png"
    assert problems == (
        "cat/1.jpg: no ground truth: expected gt/cat/1.*; "
        "cat/3.jpg: no ground truth: several fit, gt/cat/3.bmp and gt/cat/3.png; cat/9.png: no image"
    )
    (note,) = not_matched(FolderDataset(path=str(root), **patterns), root)
    assert str(note) == "rgb/cat/2.jpeg: not read: its name matches neither images nor truth"


def test_a_mask_that_the_pattern_of_images_matches_is_no_photo(tmp_path):
    root = laid(tmp_path / "in", "cat/0.jpg cat/0_mask.png cat/1.jpg")
    said = "cat/0_mask.png: not read: the mask of 0.jpg by its name; give the pattern of masks: truth"
    assert found_in(root, images="{group}/*") == ("cat: 0.jpg, 1.jpg", said)
    assert found_in(root, images="{group}/*_mask.png") == ("cat: 0_mask.png", ""), "said in so many words"


def test_a_ground_truth_of_two_images_and_a_photo_of_another_kind_are_problems(tmp_path):
    root = laid(tmp_path / "in", "rgb/cat/0.jpg rgb/dog/0.jpg rgb/dog/1.heic gt/0.png")
    assert found_in(root, images="rgb/{group}/*", truth="gt/{stem}.png") == (
        "cat: 0.jpg+gt/0.png; dog: 0.jpg+gt/0.png",
        "dog/0.jpg: shared ground truth: 0.png is that of rgb/cat/0.jpg, too; "
        "dog/1.heic: not read: a file of kind heic; images and masks are JPEG, PNG, BMP, WebP or TIFF files",
    )


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ({"images": "rgb/{group}/*.png"}, "no image matches images: rgb/{group}/*.png; rgb/cat/ holds 0.jpg, 1.jpg; "),
        (
            {"images": "photos/{group}/*.jpg"},
            "images: photos/{group}/*.jpg; the folder holds gt, rgb; images and masks",
        ),
        (
            {"images": "rgb/{group}/*.jpg", "truth": "gt/{group}/{stem}_gt.png"},
            "truth: gt/{group}/{stem}_gt.png; for rgb/cat/0.jpg it expects gt/cat/0_gt.png; gt/cat/ holds 0.png; ",
        ),
    ],
)
def test_a_pattern_that_matches_nothing_says_what_is_there_and_which_layouts_are_accepted(tmp_path, patterns, said):
    root = laid(tmp_path / "in", "rgb/cat/0.jpg rgb/cat/1.jpg gt/cat/0.png")
    with pytest.raises(UserError) as caught:
        found_in(root, **patterns)
    line = str(caught.value)
    assert line.startswith(f"{root}: no ") and said in line and "accepted layouts: " in line and "\n" not in line


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"images": "../{group}/*.jpg"}, "datasets.pets.images: expected names with / between them, without '..'"),
        ({"images": "/data/{group}/*.jpg"}, "images: expected a path relative to the dataset's folder"),
        ({"images": "rgb\\{group}\\*.jpg"}, "images: expected a path relative to the dataset's folder"),
        ({"images": "**/*.jpg"}, "images: ** is not known; write one * for each folder"),
        ({"images": "{class}/*.jpg"}, "images: unknown placeholder {class}; known: {group}, {stem}"),
        ({"images": "{group/*.jpg"}, "images: a brace without its partner"),
        ({"truth": "gt/{stem}.png"}, "datasets.pets: truth is a pattern; give the pattern of the images, too"),
        ({"images": "*.jpg", "truth": "gt/0.png"}, "truth: expected {stem} in it"),
        ({"images": "*.jpg", "truth": "{group}/{stem}.png"}, "truth: {group} is known only if images has it"),
        ({"images": "{stem}.png", "truth": "{stem}.png"}, "truth: expected another pattern than that of images"),
        ({"images": "*.jpg", "ground_truth": "true"}, "ground_truth: leave it out"),
    ],
)
def test_a_pattern_that_cannot_be_is_one_line(settings, said):
    with pytest.raises(UserError) as caught:
        dataset_settings("pets", {"path": "x", **settings}, "datasets.pets")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_placeholder_stands_for_the_same_text_everywhere(tmp_path):
    root = laid(tmp_path / "in", "cat/cat_0.jpg cat/dog_1.jpg")
    assert found_in(root, images="{group}/{group}_*.jpg") == ("cat: cat_0.jpg", "")
    assert FilePattern("{group}/{stem}.*").filled({"group": "a{stem}", "stem": "b"}) == "a{stem}/b.*"


# --- masks that are taken for photos ----------------------------------------------------------------------------------
def soft_mask(path):
    """A mask with soft edges: many greys, so that nothing but its name tells it from a photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((60, 60), np.uint8)
    pixels[15:45, 15 : 40 + len(path.name) % 7] = 255
    Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)).save(path)


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(sum(str(path).encode())).integers(0, 256, (60, 60, 3), np.uint8)).save(path)


def filled(root, photos, masks):
    for name in photos.split():
        photo(root / name)
    for name in masks.split():
        soft_mask(root / name)
    return root


def test_a_mask_beside_its_photo_is_its_ground_truth(tmp_path):
    root = filled(tmp_path / "in", "0.jpg 1.jpg", "0_mask.png 1_gt.png")
    group = cp.load_group(root, size=32)
    assert group.files == ("000_0.png", "001_1.png") and group.ground_truth.shape == (2, 1, 32, 32)
    assert 0.1 < group.ground_truth.mean() < 0.5


def test_a_mask_beside_one_photo_of_two_is_left_out_and_said(tmp_path, capsys):
    root = filled(tmp_path / "in", "0.jpg 1.jpg", "0_mask.png")
    group = cp.load_group(root, size=32)
    assert group.files == ("000_0.png", "001_1.png") and group.ground_truth is None
    assert "0_mask.png: not read: the mask of 0.jpg by its name, while 1.jpg has none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ("masks/0.png masks/1.png", "masks/ is a folder of ground truth by its name"),
        ("dog_gt/0.png", "dog_gt/ is a folder of ground truth of dog/ by its name"),
    ],
)
def test_a_folder_of_masks_is_no_group_of_photos(tmp_path, masks, said):
    root = filled(tmp_path / "in", "dog/0.jpg cat/1.jpg", masks)
    with pytest.raises(UserError, match=said):
        cp.load_group(root)
    assert cp.load_group(root, "dog", size=32, images="{group}/*.jpg").files == ("000_0.png",)


def test_a_folder_of_masks_without_photos_is_no_group_of_photos(tmp_path):
    root = filled(tmp_path / "in", "", "masks/dog/0.png masks/dog/1.png")
    with pytest.raises(UserError, match="masks/ is a folder of ground truth by its name, not a group of photos"):
        cp.load_group(root)


def test_a_soft_mask_of_the_very_name_of_a_photo_is_left_out_and_said(tmp_path, capsys):
    root = filled(tmp_path / "in", "g/0.jpg g/1.jpg", "g/0.png g/1.png")
    run("mine", FolderDataset(path=str(root), size=32), tmp_path / "out", 0)
    assert set(read_manifest(tmp_path / "out").original) == {"0.jpg", "1.jpg"}
    assert "g/0.png: mask among the images?" in capsys.readouterr().out


def test_patterns_are_relative_to_an_archive_s_root(tmp_path):
    root = filled(tmp_path / "in", "pets/rgb/dog/0.jpg pets/rgb/cat/0.jpg", "pets/gt/dog/0.png pets/gt/cat/0.png")
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", root)
    patterns = {"images": "pets/rgb/{group}/*.jpg", "truth": "pets/gt/{group}/{stem}.png"}
    run("mine", FolderDataset(path=archive, size=32, groups=2, **patterns), tmp_path / "out", 0)
    manifest = read_manifest(tmp_path / "out")
    assert manifest.group.tolist() == ["cat", "dog"] and manifest.truth.all()
    with pytest.raises(UserError, match=r"pets.zip: no image matches images: rgb/\S+; the folder holds pets; "):
        run("mine", FolderDataset(path=archive, size=32, groups=2, images="rgb/{group}/*"), tmp_path / "two", 0)


# --- the commands say what was found ----------------------------------------------------------------------------------
def test_the_command_says_what_it_found(tmp_path, capsys):
    root = filled(tmp_path / "in", "rgb/dog/0.jpg rgb/dog/1.jpg", "gt/dog/0.png gt/dog/1.png")
    settings = f"{{path: {root}, size: 32, images: 'rgb/{{group}}/*.jpg', truth: 'gt/{{group}}/{{stem}}.png'}}"
    assert main(["data", "pets", "--output", str(tmp_path / "out"), "--settings", settings]) == 0
    assert "pets: found 1 group, 2 images, 2 ground truths" in capsys.readouterr().out
    assert read_manifest(tmp_path / "out").truth.all()
