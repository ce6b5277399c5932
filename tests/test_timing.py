"""Times of jobs: what is read from Snakemake's benchmark files, and how it is summed and averaged."""

import math

import pytest

from cosalpure import timing


def benchmark(folder, name, seconds, memory="500"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t{memory}\n")


def test_recorded_times_are_seconds_a_group_of_an_entry_on_any_dataset(tmp_path):
    benchmark(tmp_path, "purify/mini/jadena/cosalpure/0000-0002.tsv", 60)
    benchmark(tmp_path, "purify/pets/jadena/cosalpure/0000-0001.tsv", 30)
    benchmark(tmp_path, "score/mini/jadena/cosalpure/gicd.tsv", 4)
    benchmark(tmp_path, "train/gicd.tsv", 1000)
    (tmp_path / "purify/mini/jadena/cosalpure/0002-0004.tsv").write_text("s\n")  # of a job that was killed
    times = timing.seconds_a_group(timing.read_jobs(tmp_path))
    assert times == {("purify", "jadena", "cosalpure"): 30, ("score", "jadena", "cosalpure", "gicd"): 4}


def test_times_of_what_is_no_stage_are_passed_over(tmp_path):
    for path in ("complete.tsv", "tables/table1.tsv", "report/page.tsv", "purify/mini/jadena/cosalpure/0000-0002.tsv"):
        benchmark(tmp_path, path, 6.0)
    assert timing.seconds_a_group(timing.read_jobs(tmp_path)) == {("purify", "jadena", "cosalpure"): 3.0}


def test_a_stage_has_its_jobs_their_summed_time_and_their_largest_memory(tmp_path):
    benchmark(tmp_path, "degrade/mini/jadena/0000-0002.tsv", 2, "-")
    benchmark(tmp_path, "purify/mini/jadena/cosalpure/0000-0002.tsv", 60, 300)
    benchmark(tmp_path, "purify/mini/jadena/cosalpure/0002-0004.tsv", 30, 700)
    degrade, purify = timing.by_stage(timing.read_jobs(tmp_path))
    assert purify == timing.StageTime("purify", 2, 90.0, 700.0)
    assert (degrade.jobs, degrade.seconds) == (1, 2.0) and math.isnan(degrade.memory)


def test_the_jobs_of_an_entry_are_those_of_its_shards(tmp_path):
    benchmark(tmp_path, "purify/mini/jadena/cosalpure/0000-0002.tsv", 60)
    benchmark(tmp_path, "purify/mini/jadena/cosalpure/0002-0004.tsv", 30)
    benchmark(tmp_path, "purify/mini/jadena/dda/0000-0004.tsv", 7)
    found = timing.of_entry(timing.read_jobs(tmp_path), "purify", "mini", "jadena", "cosalpure")
    assert timing.total(found) == 90.0


@pytest.mark.parametrize("text", ["", "s\n", "s\tmax_rss\n1\n"])
def test_a_file_of_something_else_has_no_numbers(tmp_path, text):
    (tmp_path / "x.tsv").write_text(text)
    assert timing.read_benchmark(tmp_path / "x.tsv") == {}


def test_without_a_folder_there_are_no_jobs(tmp_path):
    assert timing.read_jobs(tmp_path / "nothing") == []
