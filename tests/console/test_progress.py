"""Remaining time: by what jobs took, by how many run at a time, and by their own progress bars."""

import pytest

from cosalpure.console.progress import Job, Progress, duration, part_done

COUNTS = {"learn_concepts": 1, "purify_images": 3}


def started(log="", **counts):
    progress = Progress(counts or COUNTS, slots=2, now=0)
    progress.begin(1, Job("purify_images", "purify", "", 0))
    progress.begin(2, Job("learn_concepts", "concept", str(log), 0))
    return progress


def test_no_time_is_named_before_anything_is_known():
    assert started().left(5) is None


def test_rules_that_were_not_measured_scale_with_those_that_were():
    progress = started()
    progress.end(1, 70)  # twice the usual 35 s: the other rule will take 2 x 130 s
    assert progress.left(70) == pytest.approx(max(260 - 70, (2 * 70 + 260 - 70) / 2))


def test_a_running_job_is_known_by_its_progress_bar(tmp_path):
    log = tmp_path / "concept.log"
    log.write_text("learn concepts:  25%|##  | 3/12 [00:40<02:00, 13.3s/group]")
    progress = started(log, purify_images=1, learn_concepts=1)
    progress.end(1, 35)
    assert progress.left(40) == pytest.approx(120)
    assert str(part_done(str(log))) == "3 of 12 groups"


def test_bars_of_steps_within_a_group_are_no_progress(tmp_path):
    log = tmp_path / "concept.log"
    log.write_text("learn <my-bear>:  50%|#  | 30/60 [00:05<00:05, 5.8step/s]")
    assert part_done(str(log)) is None and part_done(str(tmp_path / "absent")) is None


@pytest.mark.parametrize(
    "seconds, text", [(8.2, "8 s"), (99, "99 s"), (100, "2 min"), (5990, "1 h 40 min"), (90 * 60, "90 min")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
