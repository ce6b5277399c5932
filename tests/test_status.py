"""What `cosalpure status` says of results: how many, of which code, and why some would be made again."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from snakemake.persistence.file import FilePersistence

from cosalpure import status
from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.parse import load_files
from cosalpure.status import Planned, planned, recorded_code, row, why

ROOT = Path(__file__).resolve().parents[1]
OLD, NEW = "code 0123456789ab", "code ba9876543210"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def shard(name, **record):
    """A shard's file, with a record of how it was made if there is anything to say."""
    table = pyarrow.Table.from_pandas(pd.DataFrame({"file": ["a.png"]}))
    if record:
        table = table.replace_schema_metadata({b"cosalpure": json.dumps({"stage": "detect"} | record)})
    pyarrow.parquet.write_table(table, name)
    return name


def remember(file, *params):
    """Record the parameters of a file as Snakemake does, at the place that it says itself."""
    limit = SimpleNamespace(_fetch_max_len=lambda subject: os.pathconf(subject, "PC_NAME_MAX"))
    Path(".snakemake/metadata").mkdir(parents=True, exist_ok=True)
    path = Path(FilePersistence._record_path(limit, ".snakemake/metadata", file))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"params": [repr(its) for its in params]}))


def test_every_file_of_an_experiment_is_in_one_line():
    jobs = Jobs(load_files([ROOT / "config.yaml"]))
    found = planned(jobs)
    assert list(dict.fromkeys(its.stage for its in found)) == [
        *("data", "degrade", "concept", "purify", "detect", "score", "tables")
    ]
    files = [file for its in found for file in its.files]
    assert len(set(files)) == len(files)
    assert set(files) >= {*jobs.manifests(), *jobs.all_shards("detect"), *jobs.concept_shards(), *jobs.scores()}
    assert {its.code for its in found if its.names[-1] == "gicd" and its.stage == "detect"} == {
        jobs.code("detect", detector="gicd")
    }


def test_a_line_counts_what_is_there_and_how_it_was_made():
    files = (
        shard("a.parquet", code=OLD, commit="1234567890", clean=True, device="cuda: NVIDIA H100"),
        shard("b.parquet", code=OLD, commit="1234567890", clean=False, device="cpu"),
        shard("c.parquet"),
        "d.parquet",
    )
    remember("c.parquet", "x", NEW)
    line = row(Planned("detect", ("mini", "none"), files, NEW), {"d.parquet": "missing"})
    assert line[:4] == ["detect", "mini/none", "3/4", "0123456789ab (2), ba9876543210 (1)"]
    assert line[4:6] == [
        "1234567 (1), 1234567 with changes (1), unknown (1)",
        "cuda: NVIDIA H100 (1), cpu (1), unknown (1)",
    ]
    assert line[6:] == ["1", "missing"]


def test_a_damaged_file_has_no_record():
    Path("a.parquet").write_bytes(b"PAR")
    assert row(Planned("detect", ("mini",), ("a.parquet",), NEW), {})[2:5] == ["1/1", "unknown", "unknown"]


def test_reasons_say_whether_code_or_settings_changed():
    remember("a.parquet", "settings", f"{OLD} of plugin 1.0")
    remember("b.parquet", "settings", NEW)
    remember("c.parquet", "settings")
    reason = "params changed"
    assert why("a.parquet", reason, f"{OLD} of plugin 1.1") == (
        "code was 0123456789ab of plugin 1.0, is 0123456789ab of plugin 1.1"
    )
    assert why("b.parquet", reason, NEW) == "settings changed"
    assert why("c.parquet", reason, NEW) == "made before code was recorded"
    assert why("c.parquet", "ok", NEW) == "earlier results run"
    assert why("c.parquet", "missing", NEW) == "missing"


@pytest.mark.parametrize("length", [10, 300, 700])
def test_snakemakes_record_is_found_for_names_of_any_length(length):
    name = f"results/{'x' * 150}/{'y' * length}"
    remember(name, "x", OLD)
    assert recorded_code(name) == OLD and recorded_code(name + "z") is None


def test_a_workflow_that_snakemake_refuses_is_an_error_in_one_line(capsys, monkeypatch):
    failed = SimpleNamespace(returncode=1, stdout="", stderr="some text\ncosalpure: config: seed: wrong\n\n")
    monkeypatch.setattr(status.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UserError, match="seed: wrong"):
        status.summary(["config.yaml"])
    assert main(["status", str(ROOT / "config.yaml")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
