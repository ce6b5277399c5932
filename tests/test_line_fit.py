"""A straight line through times by number of groups, with its intervals."""

import numpy as np
import pytest

from cosalpure.line_fit import fit, student

GROUPS = [1, 2, 4, 8, 16]


def test_exact_times_give_their_line_without_an_interval_to_speak_of():
    line = fit([(groups, 7 + 3 * groups) for groups in GROUPS])
    assert (line.fixed, line.each) == pytest.approx((7, 3))
    assert line.predict(jobs=2, groups=328) == (pytest.approx(2 * 7 + 3 * 328), pytest.approx(0, abs=1e-3))


def test_values_are_those_of_weighted_least_squares():
    seconds = np.array([10.36, 13.84, 20.27, 31.61, 58.02])
    design = np.stack([np.ones(5), GROUPS], 1) / seconds[:, None]
    values, (left,), *_ = np.linalg.lstsq(design, np.ones(5), rcond=None)
    covariance = left / 3 * np.linalg.inv(design.T @ design)
    line = fit(list(zip(GROUPS, seconds, strict=True)))
    assert (line.fixed, line.each) == pytest.approx(tuple(values))
    at = np.array([3, 328])
    found, around = line.predict(3, 328)
    assert found == pytest.approx(at @ values)
    assert around == pytest.approx(3.182 * np.sqrt(at @ covariance @ at), rel=2e-3)


def test_intervals_cover_the_true_line_as_often_as_they_say():
    rng, truth, hits = np.random.default_rng(0), 5 + 2 * np.array(GROUPS), 0
    for _ in range(600):
        line = fit(list(zip(GROUPS, truth * (1 + rng.normal(0, 0.05, 5)), strict=True)))
        found, around = line.predict(1, 64)
        hits += abs(found - (5 + 2 * 64)) <= around
    assert 0.91 < hits / 600 < 0.98


def test_too_few_times_have_no_interval_or_no_line():
    assert fit([(2, 10.0), (2, 11.0)]) is None and fit([]) is None
    assert fit([(1, 5.0), (2, 7.0)]).predict(1, 4) == (pytest.approx(11), None)


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (30, 2.042)])
def test_student_s_quantiles(freedom, quantile):
    assert student(freedom) == pytest.approx(quantile, rel=2e-3)
