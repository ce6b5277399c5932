"""What the records of a run say together: jobs made alike in one line, and what is mixed."""

import pandas as pd
import pytest
from made_jobs import NEW, OLD, leave

from cosalpure import provenance
from cosalpure.cli import main
from cosalpure.experiment.layout import Layout
from cosalpure.score import METRICS

OTHER = {"commit": NEW, "processor": "Ryzen without AVX-512", "date": "2026-02-03T04:05:06+00:00"}
GPU = {"device": "cuda: NVIDIA H100"}


@pytest.fixture
def layout(tmp_path):
    """Results of one condition: a job of every stage, made alike."""
    its = Layout(str(tmp_path / "results"))
    leave(tmp_path / "results/data/mini/manifest.parquet", "data")
    _shard(its, "degrade", "mini", "jadena", method="jadena")
    _shard(its, "purify", "mini", "jadena", "cosalpure", method="cosalpure")
    _shard(its, "detect", "mini", "jadena", "cosalpure", "gicd", method="gicd")
    leave(tmp_path / "results/score/mini/jadena/cosalpure/gicd.parquet", "score")
    return its


def _shard(layout, stage, *names, span="0000-0002", **facts):
    path = layout.shard(stage, *names, span=span)
    leave(type(layout.images(stage, *names))(path), stage, **facts)


def second_purify(layout, **facts):
    """Leave a second shard of the purifier, and read all."""
    _shard(layout, "purify", "mini", "jadena", "cosalpure", span="0002-0004", **{"method": "cosalpure", **facts})
    return provenance.read(layout)


def test_jobs_made_alike_are_one_line_and_nothing_is_mixed(layout):
    found = second_purify(layout, date="2026-01-03T00:00:00+00:00", command="snakemake --cores 1", seconds=9, seed=3)
    assert provenance.mixtures(found) == []
    assert provenance.lines(found) == [
        "6 jobs (data 1, degrade 1, purify 2, detect 1, score 1): aaaaaaaaaaaa, Xeon with AVX-512, "
        "2026-01-02 03:04 to 2026-01-03 00:00 UTC"
    ]


def test_two_commits_and_machines_are_both_told(layout):
    found = second_purify(layout, **OTHER)
    lines = provenance.lines(found)
    assert len(lines) == 2 and lines[1].startswith("1 job (purify 1): bbbbbbbbbbbb, Ryzen without AVX-512, 2026-02-03")
    assert provenance.mixtures(found) == [
        "2 states of the code: aaaaaaaaaaaa (5 jobs), bbbbbbbbbbbb (1 job)",
        "2 kinds of processor: Xeon with AVX-512 (3 jobs), Ryzen without AVX-512 (1 job)",
    ]


def test_every_kind_of_mixture_is_named(layout):
    def said(**facts):
        return provenance.mixtures(second_purify(layout, **facts))

    assert said(clean=False) == [
        "2 states of the code: aaaaaaaaaaaa (5 jobs), aaaaaaaaaaaa with uncommitted changes (1 job)"
    ]
    assert said(versions={"Python": "3.11.9", "torch": "2.9.1"}) == [
        "2 versions of torch: 2.8.0 (5 jobs), 2.9.1 (1 job)"
    ]
    assert said(**GPU) == ["purify cosalpure ran on both: the CPU (1 job), a GPU (1 job)"]
    _shard(layout, "detect", "mini", "jadena", "cosalpure", "gicd", method="gicd", code="code 1111", plugin="mine 1")
    assert said(method="gicd", code="code 2222") == []
    _shard(layout, "detect", "mini", "x", "cosalpure", "gicd", method="gicd", code="code 3333", plugin="mine 2")
    assert said() == [
        "2 fingerprints of the code of detect gicd: 1111 (1 job), 3333 (1 job)",
        "2 versions of mine: 1 (1 job), 2 (1 job)",
    ]
    _shard(layout, "detect", "mini", "y", "cosalpure", "gicd", method="gicd", code="code 4444", settings={"size": 9})
    assert not any("4444" in text for text in said()), "other settings may need other code"
    assert any("mine 2, detect gicd 3333" in line for line in provenance.lines(provenance.read(layout)))


def test_a_method_without_a_gpu_beside_others_with_one_is_not_mixed(layout):
    _shard(layout, "degrade", "mini", "jadena", method="jadena", **GPU)
    assert provenance.mixtures(provenance.read(layout)) == []
    _shard(layout, "degrade", "mini", "jadena", span="0002-0004", method="jadena", device="cuda: NVIDIA A100")
    assert provenance.mixtures(provenance.read(layout)) == ["2 kinds of GPU: NVIDIA H100 (1 job), NVIDIA A100 (1 job)"]


def test_an_empty_commit_changes_no_code(tmp_path):
    for number, commit in enumerate((OLD, NEW)):
        path = tmp_path / f"detect/mini/none/none/gicd/shards/000{number}-000{number + 1}.parquet"
        leave(path, "detect", method="gicd", code="code 1111", commit=commit)
    (said,) = provenance.mixtures(provenance.read(Layout(str(tmp_path))))
    assert said.endswith("; the code of every method is the same in all of them")


def test_files_of_older_versions_are_counted(layout, tmp_path):
    path = tmp_path / "results/score/mini/none/cosalpure/gicd.parquet"
    path.parent.mkdir(parents=True)
    pd.DataFrame({"slug": []}).to_parquet(path)
    found = provenance.read(layout)
    assert provenance.lines(found)[1] == "1 job (score 1): without a record"
    (said,) = provenance.mixtures(found)
    assert said.startswith("1 job without a record")
    assert provenance.mixtures([its for its in found if not its.record]) == [], "all of an older version"


def test_only_what_the_conditions_are_made_from_is_read(layout):
    _shard(layout, "purify", "mini", "jadena", "other", **OTHER)
    _shard(layout, "degrade", "photos", "jadena", **OTHER)
    found = provenance.read(layout, [("mini", "jadena", "cosalpure", "gicd")])
    assert len(found) == 5 and provenance.mixtures(found) == []
    assert len(provenance.read(layout)) == 7


def test_check_prints_a_line_for_each_set(layout, tmp_path, capsys):
    second_purify(layout, **OTHER)
    main(["check", "--results", layout.results])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5 jobs (data 1, degrade 1,") and lines[1].startswith("1 job (purify 1): bbbbbbbbbbbb")


def test_compare_says_whether_both_were_made_alike(tmp_path, capsys):
    rows = {"dataset": "mini", "degradation": "jadena", "purifier": "cosalpure", "detector": "gicd", "slug": ["a", "b"]}
    rows = pd.DataFrame(rows | {"file": "0.png", "attacked": True, "status": "done", "reason": "", "left_out": 0})
    rows = rows.assign(**dict.fromkeys(METRICS, 0.5))
    sides = {"a": {}, "b": {}, "c": {**OTHER, **GPU}, "d": None}
    sides |= {"e": {"code": "code 1"}, "f": {"code": "code 2"}}
    for name, facts in sides.items():
        path = tmp_path / name / "score/mini/jadena/cosalpure/gicd.parquet"
        if facts is not None:
            leave(path, "score", rows, **facts)
            _shard(
                Layout(str(tmp_path / name)), "detect", "mini", "jadena", "cosalpure", "gicd", method="gicd", **facts
            )
            _shard(Layout(str(tmp_path / name)), "purify", "mini", "jadena", "other", **OTHER)  # in no common condition
        (tmp_path / name / "tables").mkdir(parents=True)
        rows.to_parquet(tmp_path / name / "tables/scores.parquet")

    def said(one, two):
        output = tmp_path / "out.md"
        arguments = [str(tmp_path / one), str(tmp_path / two), "--settings", "{samples: 100}", "--output", str(output)]
        assert main(["tables", "compare", *arguments]) == 0
        assert capsys.readouterr().out == output.read_text()
        return output.read_text().splitlines()[2]

    assert said("a", "b") == "Both were made by the same code, versions and devices."
    assert said("a", "c") == (
        "Made differently: commit aaaaaaaaaaaa against bbbbbbbbbbbb; device Xeon with AVX-512 against NVIDIA H100."
    )
    assert said("e", "f") == "Made differently: the code of detect gicd; the code of score."
    assert said("a", "d") == f"How {tmp_path / 'd'} was made is unknown: it has no records."
