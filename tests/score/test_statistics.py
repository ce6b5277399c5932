"""The bootstrap over groups."""

import numpy as np
import pytest

from cosalpure.score import bootstrap_difference, bootstrap_mean
from cosalpure.seeds import numpy_generator


def generator(*names):
    return numpy_generator(7, "bootstrap", *names)


def grouped(count, size, generator, between=1.0, within=1.0):
    """`count` groups of `size` values with a common part each; the mean of all is 0."""
    common = np.repeat(generator.normal(0, between, count), size)
    return common + generator.normal(0, within, count * size), np.repeat(np.arange(count), size)


def test_estimate_is_the_plain_mean_over_images_not_over_groups():
    values, groups = [1, 1, 1, 0], ["a", "a", "a", "b"]
    assert bootstrap_mean(values, groups, generator())[0] == 0.75


def test_resamples_equal_a_loop_over_groups():
    values, groups = grouped(5, 3, np.random.default_rng(0))
    groups[:2] = 4  # groups of unequal size
    drawn = generator().integers(5, size=(200, 5))
    means = [np.concatenate([values[groups == group] for group in draw]).mean() for draw in drawn]
    _, low, high = bootstrap_mean(values, groups, generator(), samples=200, level=0.9)
    assert [low, high] == pytest.approx(np.quantile(means, [0.05, 0.95]))


def test_same_generator_same_interval_whatever_the_groups_are_called():
    values, groups = grouped(12, 4, np.random.default_rng(1))
    first = bootstrap_mean(values, groups, generator("x"))
    assert first == bootstrap_mean(values, [f"group {g:02d}" for g in groups], generator("x"))
    assert first != bootstrap_mean(values, groups, generator("y"))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    draws = np.random.default_rng(2)
    hits = 0
    for trial in range(300):
        values, groups = grouped(40, 5, draws)
        _, low, high = bootstrap_mean(values, groups, generator(trial), samples=400)
        hits += low <= 0 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_groups_that_share_a_fate_widen_the_interval():
    values, groups = grouped(40, 10, np.random.default_rng(3), between=1, within=0.1)
    _, low, high = bootstrap_mean(values, groups, generator())
    _, low_images, high_images = bootstrap_mean(values, np.arange(400), generator())
    assert high - low > 2 * (high_images - low_images)


def test_nan_is_left_out():
    values, groups = [1, np.nan, 0, 1, np.nan], ["a", "a", "b", "c", "d"]
    assert bootstrap_mean(values, groups, generator()) == bootstrap_mean([1, 0, 1], ["a", "b", "c"], generator())
    assert np.isnan(bootstrap_mean([np.nan], ["a"], generator())).all()


def test_one_group_has_a_mean_and_no_interval():
    mean, low, high = bootstrap_mean([1, 0], ["a", "a"], generator())
    assert mean == 0.5 and np.isnan(low) and np.isnan(high)


def test_paired_difference_is_much_sharper_than_the_two_means():
    values, groups = grouped(30, 5, np.random.default_rng(4))
    better = values + 0.1 + np.random.default_rng(5).normal(0, 0.05, values.shape)
    mean, low, high = bootstrap_difference(better, values, groups, generator())
    assert mean == pytest.approx((better - values).mean())
    assert 0.05 < low < mean < high < 0.15
    _, alone_low, alone_high = bootstrap_mean(values, groups, generator())
    assert high - low < 0.2 * (alone_high - alone_low)


def test_paired_difference_leaves_out_images_without_both():
    mean, _, _ = bootstrap_difference([1, np.nan, 1], [0, 0, np.nan], ["a", "b", "c"], generator())
    assert mean == 1
    with pytest.raises(ValueError, match="same images"):
        bootstrap_difference([1, 2], [1], ["a", "b"], generator())
