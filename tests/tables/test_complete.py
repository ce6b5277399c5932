"""`cosalpure tables check`: a run with gaps ends with an error that names them, after its tables are written."""

import pandas as pd
import pytest

from cosalpure.cli import main

GAPS = ["mini/jadena/dda/gicd: 3 of 4 images have a score (1 failed; g1/000_x.png: not a readable image)"]


@pytest.fixture
def scores(tmp_path):
    """Two conditions of four images each."""
    rows = [
        {"dataset": "mini", "degradation": "jadena", "purifier": purifier, "detector": "gicd", "slug": f"g{i // 2}"}
        | {"file": f"00{i % 2}_x.png", "attacked": i % 2 == 0, "status": "done", "reason": "", "left_out": 0}
        | {"success": 1.0, "ap": 1.0, "f_beta": 1.0, "mae": 0.0}
        for purifier in ("cosalpure", "dda")
        for i in range(4)
    ]
    return pd.DataFrame(rows)


def run(scores, tmp_path, *arguments):
    scores.to_parquet(tmp_path / "scores.parquet")
    return main(["tables", *arguments[:1], str(tmp_path / "scores.parquet"), *arguments[1:]])


def test_a_complete_run_is_listed(scores, tmp_path):
    assert run(scores, tmp_path, "check", "--output", str(tmp_path / "complete.txt")) == 0
    lines = (tmp_path / "complete.txt").read_text().splitlines()
    assert lines == [f"mini/jadena/{name}/gicd: 4 of 4 images have a score" for name in ("cosalpure", "dda")]


def test_a_gap_fails_with_one_line_and_the_tables_are_written_all_the_same(scores, tmp_path, capsys):
    scores.loc[6, ["status", "reason"]] = ["failed", "not a readable image"]
    scores.loc[6, ["success", "ap", "f_beta", "mae"]] = float("nan")
    (tmp_path / "complete.txt").write_text("of an earlier run")
    options = ("--output", str(tmp_path / "tables"), "--settings", "{samples: 100}")
    assert run(scores, tmp_path, "build", *options) == 0
    assert "3 of 4" in (tmp_path / "tables/table1.md").read_text()
    assert run(scores, tmp_path, "check", "--output", str(tmp_path / "complete.txt")) == 1
    assert capsys.readouterr().err.splitlines() == [f"cosalpure: {line}" for line in GAPS]
    assert not (tmp_path / "complete.txt").exists() and (tmp_path / "tables/table1.md").exists()


def test_every_incomplete_condition_has_its_line(scores, tmp_path, capsys):
    scores.loc[0, ["status", "reason"]] = ["missing", "no map was written"]
    assert run(scores.drop(index=7), tmp_path, "check", "--output", str(tmp_path / "complete.txt")) == 1
    missing, without = capsys.readouterr().err.splitlines()
    assert missing.startswith("cosalpure: mini/jadena/cosalpure/gicd: 3 of 4 images")
    assert "1 missing" in missing and "g0/000_x.png: no map was written" in missing
    assert without.startswith("cosalpure: mini/jadena/dda/gicd: 3 of 4 images") and "1 without a row" in without
