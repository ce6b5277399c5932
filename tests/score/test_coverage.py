"""The intervals hold the truth as often as they say, on simulated groups whose images have much in common."""

import numpy as np
import pytest

from cosalpure.score.statistics import bootstrap_difference, bootstrap_mean

GROUPS, IMAGES, RUNS, SAMPLES = 80, 8, 800, 400
MEMBERSHIP = np.repeat(np.arange(GROUPS), IMAGES)
TRUTH = 0.6


def scores(generator):
    """Scores (images,) of mean TRUTH: half of the variance belongs to the group, half to the image."""
    return TRUTH + generator.normal(0, 0.1, GROUPS)[MEMBERSHIP] + generator.normal(0, 0.1, GROUPS * IMAGES)


def coverage(interval, truth):
    """Share of the runs whose interval holds `truth`; `interval(generator)` -> (estimate, low, high)."""
    generator = np.random.default_rng(2024)
    found = [interval(generator) for _ in range(RUNS)]
    return np.mean([low <= truth <= high for _, low, high in found])


def test_interval_of_a_mean_holds_the_truth_in_93_to_97_percent():
    share = coverage(lambda rng: bootstrap_mean(scores(rng), MEMBERSHIP, rng, SAMPLES), TRUTH)
    assert share == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
def test_interval_of_a_paired_difference_holds_the_truth_in_93_to_97_percent():
    def interval(rng):
        before = scores(rng)
        gain = 0.05 + rng.normal(0, 0.05, GROUPS)[MEMBERSHIP] + rng.normal(0, 0.05, before.size)
        return bootstrap_difference(before + gain, before, MEMBERSHIP, rng, SAMPLES)

    assert coverage(interval, 0.05) == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
def test_drawing_images_rather_than_groups_would_claim_too_much():
    images = np.arange(GROUPS * IMAGES)
    share = coverage(lambda rng: bootstrap_mean(scores(rng), images, rng, SAMPLES // 4), TRUTH)
    assert share < 0.8
