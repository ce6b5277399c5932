"""The stage over mixed groups: who is degraded, from which draws, and what lies on the disk afterwards."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from degrade.test_contract import NAMES
from PIL import Image

from cosalpure import networks
from cosalpure.data import MANIFEST, Group, file_hash, read_groups
from cosalpure.degrade import DEGRADATIONS, stage
from cosalpure.errors import UserError
from cosalpure.schema import parse

SLIM = {"width": 0.125, "layers": (1, 1, 1, 1), "classes": 5}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset of two groups of four images, the first two attacked."""
    folder, rows = tmp_path_factory.mktemp("data"), []
    draws = np.random.default_rng(0)
    for slug in ("goat", "owl"):
        (folder / "images" / slug).mkdir(parents=True)
        for index in range(4):
            file = f"{index:03d}_{slug}.png"
            small = Image.fromarray(draws.integers(0, 256, (6, 6, 3), dtype=np.uint8))
            small.resize((32, 32), Image.Resampling.BICUBIC).save(folder / "images" / slug / file)
            rows.append(("mini", slug, slug, index, file, file_hash(folder / "images" / slug / file), index < 2))
    columns = ["dataset", "group", "slug", "index", "file", "sha256", "attacked"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / MANIFEST)
    return folder


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory):
    """A surrogate's weights file."""
    path = tmp_path_factory.mktemp("weights") / "slim.safetensors"
    networks.save_weights(path, networks.build("resneta50b", **SLIM), SLIM, "resneta50b")
    return str(path)


def degrade(data, output, method, text="{}", span="0:2", seed=1):
    stage.run(method, parse(DEGRADATIONS.get(method).settings, text, "test"), data, output, span, seed)
    return {path.name: path for path in sorted((output / "images").glob("*/*.png"))}


def text_for(method, surrogate):
    return f"{{surrogate: {surrogate}, steps: 2}}" if method == "jadena" else "{}"


@pytest.mark.parametrize("method", NAMES)
def test_attacked_images_change_and_clean_ones_keep_their_bytes(data, surrogate, tmp_path, method):
    written = degrade(data, tmp_path, method, text_for(method, surrogate))
    for group in read_groups(data):
        for source, attacked in zip(group.paths(data / "images"), group.attacked, strict=True):
            result = written[source.name]
            changed = result.read_bytes() != source.read_bytes()
            assert changed == (attacked and method != "none")
            with Image.open(result) as image:
                assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
    assert (tmp_path / "shards" / "0000-0002.parquet").is_file()


@pytest.mark.parametrize("method", ["gaussian_noise", "motion_blur", "random_exposure"])
def test_draws_depend_on_seed_and_image_alone(data, tmp_path, method):
    whole = degrade(data, tmp_path / "whole", method)
    part = degrade(data, tmp_path / "part", method, span="1:2")
    other = degrade(data, tmp_path / "other", method, seed=2)
    assert all(path.read_bytes() == whole[name].read_bytes() for name, path in part.items()) and len(part) == 4
    assert other["000_owl.png"].read_bytes() != whole["000_owl.png"].read_bytes()


def test_group_variant_sees_clean_images_too(data, surrogate, tmp_path):
    """With two of four images attacked there are companions enough only if the whole group is handed over."""
    seen = []

    class Spy:
        def __call__(self, images, given):
            seen.append((len(images), len(given.generators), len(given.group)))
            return images

    (group, _) = read_groups(data)
    stage.degrade_group(Spy(), group, data, seed=0, needs={"group"})
    assert seen == [(2, 2, 4)]
    degrade(data, tmp_path, "jadena", f"{{surrogate: {surrogate}, steps: 1, variant: group}}")


def test_a_group_without_attacked_images_is_copied(data):
    (group, _) = read_groups(data)
    clean = group.__class__(group.dataset, group.name, group.slug, group.files, (False,) * 4)
    assert stage.degrade_group(None, clean, data, seed=0) == {}


def test_images_that_do_not_fit_are_named_and_finished_groups_are_kept(data, surrogate, tmp_path):

    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    for path in (copy / "images" / "owl").iterdir():
        with Image.open(path) as image:
            image.crop((0, 0, 32, 24)).save(path)
    with pytest.raises(UserError, match=r"images/owl: Jadena 'augment' turns images .* must be square, not 32x24"):
        degrade(copy, tmp_path / "out", "jadena", text_for("jadena", surrogate))
    assert len(list((tmp_path / "out" / "images" / "goat").iterdir())) == 4
    assert not (tmp_path / "out" / "images" / "owl").exists() and not (tmp_path / "out" / "shards").exists()


@pytest.mark.parametrize(("size", "expected"), [(8, [2, 2, 0, 0]), (1, [1, 1, 0, 0])])
def test_the_batch_of_every_attacked_image_is_recorded(data, surrogate, tmp_path, size, expected):
    degrade(data, tmp_path, "jadena", f"{{surrogate: {surrogate}, steps: 1, images_per_batch: {size}}}")
    record = pd.read_parquet(tmp_path / "shards/0000-0002.parquet")
    assert list(record["batch"]) == expected * 2


def test_attacked_one_by_one_an_image_is_as_it_is_alone(data, surrogate):
    """The setting takes away what a batch adds: the rounding of its sums."""
    from cosalpure.degrade import create
    from cosalpure.io import read_images

    (group, _) = read_groups(data)
    images = read_images(group.paths(data / "images"))
    attack = create("jadena", surrogate=str(surrogate), steps=3, images_per_batch=1)
    together = attack(images)
    for index in range(len(images)):
        assert torch.equal(together[index], attack(images[index : index + 1])[0])


def test_batches_are_counted_over_attacked_images_alone():
    group = Group("mini", "owl", "owl", tuple("abcdef"), (True, False, True, True, False, True))
    assert list(stage.batch_sizes(group, "jadena", 3).values()) == [3, 0, 3, 3, 0, 1]
    assert list(stage.batch_sizes(group, "jadena").values()) == [4, 0, 4, 4, 0, 4]
    assert set(stage.batch_sizes(group, "none", 3).values()) == {0}
