"""The mini benchmark's data: deterministic to the byte, masks exact, splits disjoint."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosalpure.data import read_groups, read_manifest, slugify
from cosalpure.data.mini import RESOURCES, SPLITS, MiniWorld
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run
from cosalpure.errors import UserError
from cosalpure.seeds import numpy_generator


@pytest.fixture(scope="module")
def world():
    return MiniWorld(size=64)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "mini"
    run("mini", MiniDataset(groups=3, images=5), folder, seed=1)
    return folder


def test_splits_are_disjoint_and_large_enough(world):
    sizes = {split: len(world.concepts(split)) for split in SPLITS}
    assert sizes == {"train": 249, "dev": 24, "test": 48}
    assert len(set().union(*(world.concepts(split) for split in SPLITS))) == sum(sizes.values())


def test_benchmark_concepts_have_at_least_seven_designs(world):
    for split in ("dev", "test"):
        assert min(len(world.sprites(concept)) for concept in world.concepts(split)) >= 7


@pytest.mark.slow
def test_every_sprite_has_a_permissive_licence(world):
    with (RESOURCES / "sprites.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["licence"] for row in rows} == {"Apache-2.0", "MIT", "CC-BY-4.0"}
    counts = pd.Series([row["concept"] for row in rows]).value_counts()
    for concept in world.splits:
        assert counts[concept] == len(world.sprites(concept))


def test_composing_twice_gives_equal_bytes(dataset, tmp_path):
    run("mini", MiniDataset(groups=3, images=5), tmp_path / "mini", seed=1)
    files = sorted(path.relative_to(dataset) for path in dataset.rglob("*") if path.is_file())
    assert len(files) == 3 * 5 * 2 + 1
    files.remove(Path("manifest.parquet"))  # has the time in its record
    for file in files:
        assert (tmp_path / "mini" / file).read_bytes() == (dataset / file).read_bytes()
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "mini"), read_manifest(dataset))


def test_another_seed_gives_other_images(dataset, tmp_path):
    run("mini", MiniDataset(groups=3, images=5), tmp_path / "mini", seed=2)
    assert set(read_manifest(tmp_path / "mini").sha256).isdisjoint(read_manifest(dataset).sha256)


def test_a_group_does_not_depend_on_how_many_there_are(dataset, tmp_path):
    run("mini", MiniDataset(groups=1, images=5), tmp_path / "mini", seed=1)
    (group,) = read_groups(tmp_path / "mini")
    assert group in read_groups(dataset)
    for path in group.paths(tmp_path / "mini" / "images"):
        assert path.read_bytes() == (dataset / "images" / group.slug / path.name).read_bytes()


def test_first_half_in_name_order_is_attacked(dataset):
    for group in read_groups(dataset):
        assert list(group.files) == sorted(group.files)
        assert group.attacked == (True, True, False, False, False)


def test_masks_are_binary_and_of_a_sensible_size(dataset):
    for path in dataset.glob("masks/*/*.png"):
        mask = np.asarray(Image.open(path))
        assert set(np.unique(mask)) == {0, 255}
        assert 0.02 < (mask > 0).mean() < 0.5


def test_mask_is_where_the_object_is(world):
    # The same scene with and without its object differs under the mask and, but for a soft shadow, nowhere else.
    image, mask = world.portrait(numpy_generator(3), "banana")
    background = np.median(image[mask == 0], axis=0)
    distance = np.abs(image.astype(float) - background).sum(-1)
    assert distance[mask > 0].mean() > 2 * distance[mask == 0].mean()


@pytest.mark.slow
def test_more_groups_than_concepts_compose_a_concept_again(tmp_path):
    run("mini", MiniDataset(split="dev", groups=25, images=2), tmp_path / "mini", seed=1)
    names = [group.name for group in read_groups(tmp_path / "mini")]
    assert len(set(names)) == 25 and sum(name.endswith(" 2") for name in names) == 1


def test_designs_are_spread_over_both_halves(world):
    # Each design appears once before any appears twice, in shuffled order.
    firsts = set()
    for seed in range(20):
        rng = numpy_generator(seed)
        count = len(world.sprites("goat"))
        firsts.add(int(np.concatenate([rng.permutation(count)])[0]))
    assert len(firsts) > count // 2


def test_groups_are_selected_by_span(dataset):
    groups = read_groups(dataset)
    assert read_groups(dataset, "1:3") == groups[1:3]
    for span in ("3:9", "2:1", "x", "1"):
        with pytest.raises(UserError, match=f"--groups {span}"):
            read_groups(dataset, span)


def test_missing_or_damaged_manifest_is_named(tmp_path):
    with pytest.raises(UserError, match="manifest.parquet: no such file"):
        read_groups(tmp_path)
    (tmp_path / "manifest.parquet").write_bytes(b"half a file")
    with pytest.raises(UserError, match="not a readable manifest"):
        read_groups(tmp_path)


@pytest.mark.parametrize("label", ["alarm clock", "../../etc", "-rf", "$(id)", "<b>", "crème brûlée", "日本", "a'b\"c"])
def test_slugs_are_safe(label):
    assert slugify(label).strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
    assert slugify(label)[0] != "-"
