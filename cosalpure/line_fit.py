"""A straight line through times by number of groups: a fixed cost of every job and a cost of every group, with intervals.

line = fit([(1, 10.4), (4, 20.3), (16, 58.0)])
line.predict(jobs=1, groups=328)        seconds, and how far the 95 % interval reaches to either side

Times of larger jobs vary more: deviations are counted relative to the time. Intervals are those of the mean, by Student's t,
and suppose that the cost goes on in a straight line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

COVERAGE = 0.975  # of one side, for 95 % intervals


@dataclass(frozen=True)
class Line:
    """A fitted line; `covariance` is that of (fixed, each), None where no more than two times were given."""

    fixed: float  # s a job
    each: float  # s a group
    covariance: tuple[float, float, float] | None  # (fixed, fixed), (fixed, each), (each, each)
    quantile: float

    def predict(self, jobs: int, groups: int) -> tuple[float, float | None]:
        """Predict the seconds of `jobs` jobs with `groups` groups in all, and the half-width of the 95 % interval."""
        seconds = self.fixed * jobs + self.each * groups
        if self.covariance is None:
            return seconds, None
        first, both, second = self.covariance
        variance = first * jobs**2 + 2 * both * jobs * groups + second * groups**2
        return seconds, self.quantile * math.sqrt(max(variance, 0.0))


def fit(times: Sequence[tuple[float, float]]) -> Line | None:
    """Fit the line to (groups, seconds) by least squares of the relative deviations.

    None if all have the same number of groups.
    """
    times = [(groups, seconds) for groups, seconds in times if seconds > 0]
    if len({groups for groups, _ in times}) < 2:
        return None
    weights = [seconds**-2 for _, seconds in times]
    s0, s1, s2 = (sum(w * x**power for w, (x, _) in zip(weights, times, strict=True)) for power in (0, 1, 2))
    y0, y1 = (sum(w * y * x**power for w, (x, y) in zip(weights, times, strict=True)) for power in (0, 1))
    determinant = s0 * s2 - s1**2
    fixed, each = (s2 * y0 - s1 * y1) / determinant, (s0 * y1 - s1 * y0) / determinant
    freedom = len(times) - 2
    if freedom == 0:
        return Line(fixed, each, None, math.nan)
    left = sum(w * (y - fixed - each * x) ** 2 for w, (x, y) in zip(weights, times, strict=True)) / freedom
    covariance = (left * s2 / determinant, -left * s1 / determinant, left * s0 / determinant)
    return Line(fixed, each, covariance, student(freedom))


def student(freedom: int) -> float:
    """Give the quantile of Student's t for 95 % intervals: exact for one and two degrees of freedom, else a series.

    The series is that of Abramowitz and Stegun, 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (COVERAGE - 0.5))
    if freedom == 2:
        share = 2 * COVERAGE - 1
        return share * math.sqrt(2 / (1 - share**2))
    z, n = NormalDist().inv_cdf(COVERAGE), freedom
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / n + second / n**2 + third / n**3 + fourth / n**4
