"""The record of a job: in the file's schema, beside columns that it does not change, and free of machines' and users' names."""

import json
import platform
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet
import pytest

from cosalpure import environment, record
from cosalpure.cli import main
from cosalpure.data import Group, write_index
from cosalpure.degrade import DEGRADATIONS
from cosalpure.detect import DETECTORS
from cosalpure.fingerprint import code_of, data_code, method_code
from cosalpure.schema import parse
from cosalpure.score import write_scores
from cosalpure.tables.scores import read_scores
from cosalpure.tables.write import write_parquet

TABLE = pd.DataFrame({"slug": ["a", "b"], "iou": [0.5, 0.25]})
TEXTS = {  # text: what a record keeps of it
    "/home/otto/models/final.pth": "…/final.pth",
    "~/final.pth": "…/final.pth",
    "/home/otto": "…",
    "~otto": "…",
    "bundled:mini/weights/gicd.safetensors": "bundled:mini/weights/gicd.safetensors",
    "a photo of cats and/or dogs, 1/2": "a photo of cats and/or dogs, 1/2",
    "--configfile=/home/otto/own/x.yaml": "--configfile=…/x.yaml",
    "{weights: '/home/otto l/own/x.pth', steps: 2}": "{weights: '…/x.pth', steps: 2}",
    "/home/otto/own/method.py:Detector": "…/method.py:Detector",
    "hf:stabilityai/stable-diffusion-2": "hf:stabilityai/stable-diffusion-2",
}


@pytest.fixture
def job(monkeypatch):
    monkeypatch.setenv(record.COMMAND, "snakemake --cores all --directory /home/otto/runs/one")
    settings = parse(DEGRADATIONS.get("jadena").settings, "{surrogate: /home/otto/own/x.safetensors}", "test")
    return record.begin("degrade", "results/degrade/mini/jadena", "jadena", settings, 7, DEGRADATIONS)


def test_a_record_says_what_the_job_was_made_with(job, tmp_path):
    record.write(TABLE, tmp_path / "a.parquet", job, "0:2")
    found = record.read(tmp_path / "a.parquet")
    assert (found.stage, found.names, found.groups) == ("degrade", ("mini", "jadena"), "0:2")
    assert (found.method, found.seed, found.plugin) == ("jadena", 7, "")
    assert found.settings["surrogate"] == "…/x.safetensors" and "steps" in found.settings
    assert found.command == "snakemake --cores all --directory '…/one'"
    assert (found.commit, found.clean) == environment.git()
    assert found.versions["Python"] == platform.python_version() and "torch" in found.versions
    assert found.device == environment.device() and found.processor == environment.processor()
    assert found.date.endswith("+00:00") and 0 <= found.seconds < 60


def test_it_is_beside_the_table_not_in_it(job, tmp_path):
    """What is read, joined and written again is free of it: tables stay equal to the byte."""
    for path, its in (("with", job), ("without", None)):
        rated = {"attacked": True, "status": "done", "success": 1.0}
        rows = TABLE.assign(dataset=path, degradation="", purifier="", detector="", file="", **rated)
        write_scores(rows, tmp_path / path, its)
    write_parquet(TABLE, tmp_path / "plain.parquet")
    record.write(TABLE, tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "plain.parquet").read_bytes()
    joined = read_scores([tmp_path / "with", tmp_path / "without"])
    assert list(joined) == list(rows) and not joined.attrs
    write_parquet(joined, tmp_path / "joined.parquet")
    assert record.read(tmp_path / "joined.parquet") is None
    assert record.KEY not in pyarrow.parquet.read_schema(tmp_path / "joined.parquet").metadata


@pytest.mark.parametrize("text", TEXTS)
def test_absolute_paths_are_cut(text):
    assert record.without_paths(text) == TEXTS[text]


def test_no_path_machine_or_user_is_named(job, tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "otto-laptop")
    monkeypatch.setenv("USER", "otto")
    text = json.dumps(
        [str(job.facts), record.without_paths("/data/of/otto"), record.without_paths("/nfs/on/otto-laptop")]
    )
    assert "otto" not in text and str(Path.cwd()) not in text
    assert record.names_in("/srv/data/otto", "data") == ()
    assert record.names_in("results/score/mini/none/cosalpure/gicd.parquet", "score") == (
        "mini",
        "none",
        "cosalpure",
        "gicd",
    )


def test_a_plug_in_is_told_with_its_version(monkeypatch):
    point = EntryPoint("mine", "my_package:Mine", DETECTORS.group)
    monkeypatch.setattr(EntryPoint, "dist", SimpleNamespace(name="my-package", version="1.2"), raising=False)
    known = {(DETECTORS.group, "mine"): [point]}
    monkeypatch.setattr(record, "entry_points", lambda group, name: known.get((group, name), []))
    assert record.plugin("mine", DETECTORS) == "my-package 1.2"
    assert record.plugin("gicd", DETECTORS) == ""
    assert record.plugin("/home/otto/own/method.py:Mine", DETECTORS) == "…/method.py:Mine"


def test_the_code_is_that_of_the_rule():
    settings = DETECTORS.get("gicd").settings()
    assert record.code("detect", "gicd", settings, DETECTORS) == method_code(DETECTORS, "gicd", settings)
    assert record.code("data", "mini", None, None) == data_code("mini") != data_code("folder")
    assert record.code("score", "", None, None) == code_of("score")


def test_a_command_by_hand_is_that_of_the_job(monkeypatch):
    monkeypatch.delenv(record.COMMAND, raising=False)
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/cosalpure", "score", "--data", "/home/otto/runs/data"])
    assert record.command() == "cosalpure score --data '…/data'"


FOREIGN = [b'{"stage": 3}', b'{"stage": "score", "names": 3}', b'{"stage": "score", "seconds": "long"}', b"\xff"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"{}", b'["stage"]', b"not JSON", b'{"names": []}', *FOREIGN])
def test_files_without_a_record_have_none(tmp_path, content):
    path = tmp_path / "a.parquet"
    if content is None:
        TABLE.to_parquet(path)
    elif content in (b"", b"PAR1"):
        path.write_bytes(content)
    else:
        table = pyarrow.Table.from_pandas(TABLE).replace_schema_metadata({record.KEY: content})
        pyarrow.parquet.write_table(table, path)
    assert record.read(path) is None


def test_a_newer_version_s_record_is_read(tmp_path):
    values = json.dumps({"stage": "purify", "names": ["mini"], "weather": "fair"}).encode()
    table = pyarrow.Table.from_pandas(TABLE).replace_schema_metadata({record.KEY: values})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert record.read(tmp_path / "a.parquet") == record.Record("purify", ("mini",))


def test_every_stage_leaves_one(tmp_path, monkeypatch):
    """Typed as a user does: a dataset, a degradation, and its scores; the index of groups is what the others write."""
    monkeypatch.chdir(tmp_path)
    assert main(["data", "mini", "--output", "results/data/mini", "--settings", "{groups: 1, images: 2}"]) == 0
    made = record.read("results/data/mini/manifest.parquet")
    assert (made.stage, made.names, made.method, made.settings["groups"]) == ("data", ("mini",), "mini", 1)
    arguments = ["--data", "results/data/mini", "--output", "results/degrade/mini/none"]
    assert main(["degrade", "none", *arguments, "--seed", "3"]) == 0
    made = record.read("results/degrade/mini/none/shards/0000-0001.parquet")
    assert (made.stage, made.method, made.seed, made.groups) == ("degrade", "none", 3, "0:1")
    condition = ["mini", "none", "source_only", "gicd"]
    arguments = ["--data", "results/data/mini", "--images", "results/degrade/mini/none", "--maps", "none"]
    output = "results/score/mini/none/source_only/gicd.parquet"
    assert main(["score", *arguments, "--condition", *condition, "--output", output]) == 0
    assert record.read(output).names == tuple(condition)


def test_an_index_without_a_job_is_as_it_was(tmp_path, job):
    group = Group("mini", "ant", "ant", ("0.png",), (False,))
    (tmp_path / "images/ant").mkdir(parents=True)
    (tmp_path / "images/ant/0.png").write_bytes(b"a")
    for output, its in (("one", None), ("two", job)):
        write_index(tmp_path / output, "0:1", [group], tmp_path / "images", job=its)
    one, two = (tmp_path / output / "shards/0000-0001.parquet" for output in ("one", "two"))
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two))
    assert record.read(one) is None and record.read(two).groups == "0:1"
