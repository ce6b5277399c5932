"""What a command writes never replaces what it did not make, and a run that fails keeps what was finished."""

import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from cosalpure import bench
from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.io import whole_file, whole_folder
from cosalpure.leaderboard import remeasure
from cosalpure.leaderboard.check import faults

SMALL = "{groups: 1, images: 2, size: 32}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small dataset."""
    folder = tmp_path_factory.mktemp("made") / "data"
    assert main(["data", "mini", "--output", str(folder), "--settings", SMALL]) == 0
    return folder


@pytest.fixture
def data(made, tmp_path):
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "data")


def state(folder):
    """{path: hash} of all files in a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(capsys, words, said):
    """Run a command that must fail in one line."""
    assert main([str(word) for word in words]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cosalpure: ")]
    assert said in line


def photos(folder):
    """Two photos of one group, and a text."""
    (folder / "bear").mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (40, 40), (90 * number, 60, 20)).save(folder / "bear" / f"{number}.png")
    (folder / "notes.txt").write_text("mine")
    return folder


def test_a_file_never_takes_the_place_of_a_folder_and_a_folder_of_nothing_else(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for path in ("folder", "link", "/dev/null", ""):
        with pytest.raises(UserError, match="is not a file"), whole_file(tmp_path / path if path else ""):
            pytest.fail("the block must not begin")
    for path in ("file", "link", "/dev/null"):
        with pytest.raises(UserError, match="is not a folder"), whole_folder(tmp_path / path):
            pytest.fail("the block must not begin")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]


def test_a_dataset_replaces_a_dataset_alone(data, tmp_path, capsys):
    mine = photos(tmp_path / "mine")
    before = state(mine)
    refused(capsys, ["data", "mini", "--output", mine, "--settings", SMALL], "mine: holds other files")
    assert state(mine) == before
    (data / "manifest.parquet").unlink()  # as Snakemake does before it runs a job again
    assert main(["data", "mini", "--output", str(data), "--settings", SMALL, "--seed", "7"]) == 0, "made anew"
    (data / "manifest.parquet").unlink()
    Image.new("RGB", (9, 9)).save(next((data / "images").iterdir()) / "holiday.png")
    refused(capsys, ["data", "mini", "--output", data, "--settings", SMALL], "data: holds other files")


@pytest.mark.parametrize("output", ["pets", "."])
def test_a_dataset_never_replaces_its_own_photos(tmp_path, capsys, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    mine = photos(tmp_path / "home/pets")
    monkeypatch.chdir(tmp_path / "home")
    for folder in (mine, tmp_path / "home"):  # even where a manifest makes them look like a dataset
        pd.DataFrame().to_parquet(folder / "manifest.parquet")
    before = state(tmp_path)
    refused(capsys, ["data", "pets", "--output", output, "--settings", "{path: pets}"], "holds the photos")
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "words",
    [
        ["degrade", "motion_blur", "--data", "data", "--output", "data"],
        ["purify", "jpeg", "--data", "data", "--images", "data", "--output", "data"],
        ["purify", "jpeg", "--data", "data", "--images", "other", "--output", "./other"],
        ["concept", "--data", "data", "--images", "data", "--output", "data/../data"],
        ["detect", "gicd", "--data", "data", "--images", "other", "--output", "other"],
    ],
    ids=" ".join,
)
def test_a_stage_never_writes_to_what_it_reads(data, tmp_path, capsys, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data, "other")
    before = state(tmp_path)
    refused(capsys, words, "is read by the same command; choose another folder")
    assert state(tmp_path) == before


def test_a_run_that_fails_keeps_the_draws_of_an_earlier_one(data, tmp_path, capsys):
    words = ["purify", "jpeg", "--data", data, "--output", tmp_path / "purified"]
    assert main([str(word) for word in [*words, "--images", data, "--draws", "3"]]) == 0
    before = state(tmp_path / "purified")
    refused(capsys, [*words, "--images", tmp_path / "nowhere"], "no such image")
    assert state(tmp_path / "purified") == before
    assert main([str(word) for word in [*words, "--images", data]]) == 0
    assert not list((tmp_path / "purified/draws").iterdir())


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("slug", "../../victim", "slug: '../../victim' is not a name of a file"),
        ("file", "../../pic.png", "file: '../../pic.png' is not a name of a file"),
        ("file", None, "file: None is not a name of a file"),
        ("attacked", "False", "attacked: expected true or false"),
    ],
)
def test_a_manifest_names_nothing_outside_of_its_folder(data, tmp_path, capsys, column, value, said):
    rows = pd.read_parquet(data / "manifest.parquet")
    rows.assign(**{column: value}).to_parquet(data / "manifest.parquet")
    refused(capsys, ["degrade", "motion_blur", "--data", data, "--output", tmp_path / "out"], said)
    rows.drop(columns="attacked").to_parquet(data / "manifest.parquet")
    refused(capsys, ["degrade", "motion_blur", "--data", data, "--output", tmp_path / "out"], "it lacks attacked")
    assert not (tmp_path / "out").exists()


def test_a_benchmark_s_file_replaces_no_other(tmp_path):
    (tmp_path / "README.md").write_bytes(b"\xff mine")
    with pytest.raises(UserError, match="not a file of `cosalpure bench`"):
        bench.replace(tmp_path / "README.md", "score", "text")
    assert (tmp_path / "README.md").read_bytes() == b"\xff mine"
    bench.replace(tmp_path / "new.md", "score", "one")
    bench.replace(tmp_path / "new.md", "growth", "two")
    assert "one" in (tmp_path / "new.md").read_text()


def test_an_entry_is_not_measured_again_in_a_folder_with_other_files(tmp_path):
    entry = Path(__file__).parents[1] / "leaderboard/purifier/jpeg.json"
    assert faults(str(entry)) == []
    (tmp_path / "leaderboard").mkdir()
    (tmp_path / "Snakefile").write_text("mine")
    with pytest.raises(UserError, match="holds other files, such as Snakefile"):
        remeasure.run(str(entry), str(tmp_path), 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Snakefile", "leaderboard"]


def test_threads_have_bounds(made, tmp_path, capsys):
    for count in ("0", "-1", "100000"):
        assert main(["data", "mini", "--output", str(tmp_path / "x"), "--settings", SMALL, "--threads", count]) == 2
        assert "--threads" in capsys.readouterr().err
