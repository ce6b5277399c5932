"""`cosalpure check`: files on the disk against what their jobs recorded. tests/workflow/test_faults.py runs again after."""

import pandas as pd
import pytest

from cosalpure import check
from cosalpure.cli import main
from cosalpure.data import Group, write_index
from cosalpure.errors import UserError


@pytest.fixture
def results(tmp_path):
    """A stage's folder with a finished shard of two groups, and a score file."""
    folder = tmp_path / "results/purify/mini/none/source_only"
    groups = [Group("mini", slug, slug, ("0.png", "1.png"), (False, False)) for slug in ("ant", "bee")]
    for group in groups:
        (folder / "images" / group.slug).mkdir(parents=True)
        for path in group.paths(folder / "images"):
            path.write_bytes(group.slug.encode() + path.name.encode())
    write_index(folder, "0:2", groups, folder / "images")
    score = tmp_path / "results/score/mini/none/source_only/gicd.parquet"
    score.parent.mkdir(parents=True)
    pd.DataFrame({"iou": [0.5]}).to_parquet(score)
    return tmp_path / "results"


def test_results_as_written_pass(results, capsys):
    assert check.run(results) == []
    assert main(["check", "--results", str(results)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 jobs (purify 1, score 1): without a record",
        f"{results}: no file was modified since it was written",
    ]


@pytest.mark.parametrize("damage, trouble", [("cut", "modified since it was written"), ("gone", "missing")])
def test_damage_is_named_and_repair_removes_its_record_alone(results, capsys, damage, trouble):
    path = results / "purify/mini/none/source_only/images/bee/1.png"
    path.unlink() if damage == "gone" else path.write_bytes(b"b")
    record = results / "purify/mini/none/source_only/shards/0000-0002.parquet"
    assert main(["check", "--results", str(results)]) == 1 and record.exists()
    assert f"{path}: {trouble}" in capsys.readouterr().out
    assert main(["check", "--results", str(results), "--repair"]) == 0
    assert not record.exists() and (results / "score/mini/none/source_only/gicd.parquet").exists()
    assert path.with_name("0.png").exists()


def test_a_table_that_cannot_be_read_is_its_own_record(results):
    score = results / "score/mini/none/source_only/gicd.parquet"
    score.write_bytes(b"")
    (found,) = check.run(results, repair=True)
    assert found.file == found.record == score and not score.exists()


def test_no_results_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no such folder of results"):
        check.run(tmp_path / "results")
