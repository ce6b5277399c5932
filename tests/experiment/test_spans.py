"""How the groups of a dataset are divided into jobs where some shards are finished."""

import random
from pathlib import Path

import pytest

from cosalpure.experiment.jobs import Jobs
from cosalpure.experiment.layout import Layout
from cosalpure.experiment.parse import load_files
from cosalpure.experiment.spans import kept, partition

ROOT = Path(__file__).resolve().parents[2]


def cases():
    """Draws of as many cases, the same at every call."""
    return (random.Random(case) for case in range(300))


def finished_shards(draws, count, overlaps=False):
    """Random shards on disk: those of a run that was cut short, or any, beyond the end and overlapping, too."""
    if overlaps:
        starts = [draws.randrange(count + 3) for _ in range(draws.randrange(8))]
        return {(start, start + draws.randrange(6)) for start in starts}
    earlier = partition([], count, draws.randint(1, 6))
    return set(draws.sample(earlier, draws.randint(0, len(earlier))))


@pytest.mark.parametrize(
    ("finished", "size", "spans"),
    [
        ([], 3, [(0, 3), (3, 6), (6, 8)]),
        ([(0, 2), (2, 4), (4, 6), (6, 8)], 4, [(0, 2), (2, 4), (4, 6), (6, 8)]),
        ([(2, 4)], 4, [(0, 2), (2, 4), (4, 8)]),
        ([(0, 4)], 1, [(0, 4), (4, 5), (5, 6), (6, 7), (7, 8)]),
        ([(0, 2), (0, 4), (3, 6)], 2, [(0, 4), (4, 6), (6, 8)]),  # overlapping: by start, the longest
        ([(4, 12), (12, 16)], 4, [(0, 4), (4, 8)]),  # of a dataset that had more groups
        ([(5, 5), (6, 2)], 8, [(0, 8)]),  # no groups
    ],
)
def test_finished_shards_stay_and_the_rest_is_divided(finished, size, spans):
    assert partition(finished, 8, size) == spans


def test_every_group_is_in_one_job():
    for draws in cases():
        count, size = draws.randint(1, 40), draws.randint(1, 10)
        finished = finished_shards(draws, count, overlaps=True)
        spans = partition(finished, count, size)
        assert [group for start, end in spans for group in range(start, end)] == list(range(count))
        assert set(kept(finished, count)) <= set(spans)
        assert all(end - start <= size for start, end in set(spans) - finished)
        assert partition(sorted(finished, reverse=True), count, size) == spans, "whatever a folder's order of files"


def test_jobs_that_finish_in_any_order_leave_the_plan_as_it_is():
    for draws in cases():
        count, size = draws.randint(1, 40), draws.randint(1, 10)
        on_disk = finished_shards(draws, count, overlaps=draws.random() < 0.5)
        planned = partition(on_disk, count, size)
        for span in draws.sample(planned, len(planned)):
            on_disk.add(span)
            assert partition(on_disk, count, size) == planned


def test_a_job_finds_its_inputs_while_others_are_being_made_again():
    # Snakemake removes a shard before its job runs again: a gap where one of another size had been.
    for draws in cases():
        count, size = draws.randint(1, 40), draws.randint(1, 10)
        planned = partition(finished_shards(draws, count), count, size)
        first = draws.randrange(count)
        end = draws.randint(first + 1, count)
        inputs = [span for span in planned if span[0] < end and span[1] > first]
        on_disk = [span for span in planned if span in inputs or draws.random() < 0.5]
        assert [span for span in partition(on_disk, count, size) if span[0] < end and span[1] > first] == inputs


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_only_whole_records_count_as_finished(tmp_path):
    layout = Layout(str(tmp_path))
    touch(
        tmp_path / "purify/mini/none/jpeg/shards", "0000-0002.parquet", ".0002-0004.parquet.x.partial", "0004.parquet"
    )
    touch(tmp_path / "purify/mini/none", "dda")
    assert layout.finished("purify", "mini", "none", "jpeg") == [(0, 2)]
    assert layout.finished("purify", "mini", "none", "dda") == []  # not even a folder
    assert layout.finished("purify", "mini", "none", "diffpure") == []


def test_each_entry_has_spans_of_its_own_that_stay_within_one_plan(tmp_path):
    touch(tmp_path / "degrade/mini/jadena/shards", "0000-0010.parquet", "0010-0012.parquet")
    jobs = Jobs(load_files([ROOT / "config.yaml"]), Layout(str(tmp_path)))
    attacked = ["0000-0010", "0010-0012", "0012-0024"]
    assert jobs.spans("degrade", "mini", "jadena") == attacked
    assert jobs.spans("degrade", "mini", "none") == ["0000-0012", "0012-0024"]
    assert jobs.covering("degrade", "mini", "jadena", span="0009-0012") == attacked[:2]
    assert jobs.shards("degrade", "mini", "none", span="0009-0012") == [
        f"{tmp_path}/degrade/mini/none/shards/0000-0012.parquet"
    ]
    touch(tmp_path / "degrade/mini/none/shards", "0000-0001.parquet")
    assert jobs.spans("degrade", "mini", "none") == ["0000-0012", "0012-0024"]
