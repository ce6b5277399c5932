"""What a run found, in three sentences: the harm of a degradation, what our purifier gives back, and the best other one.

Rates are in percent and differences in percentage points, rounded to whole ones, halves away from zero. A difference is
"beyond chance" where its interval excludes 0.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NAMED = 3  # detectors that a sentence names; of more, it gives the range
SPACE = "\N{NO-BREAK SPACE}"


class Rates(NamedTuple):
    """The success rates of a detector without and with the degradation; NaN where there is none."""

    clean: float
    degraded: float


class Gain(NamedTuple):
    """A paired difference of success rates, with its interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


Rated = Mapping[str, Rates]  # by detector, as printed
Gains = Mapping[str, Gain]  # by detector, as printed


def hundredths(value: float) -> int:
    """Round a share to whole percent, halves away from zero: 0.125 is 13, and so is 0.12499999999999."""
    return int(math.copysign(math.floor(abs(round(100 * value, 6)) + 0.5), value))


def percent(value: float) -> str:
    """Write a share in percent: 81 %."""
    return f"{hundredths(value)}{SPACE}%"


def signed(value: float) -> str:
    """Write a difference in whole points, with its sign: +6, −3, 0."""
    whole = hundredths(value)
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{abs(whole)}"


def counted(points: int) -> str:
    """Write a number of points: 1 point, 6 points."""
    return f"{points}{SPACE}point{'' if points == 1 else 's'}"


def harm(degradation: str, images: str, rates: Rated, changes: Gains) -> str:
    """Say what a degradation costs.

    Args:
        degradation: its printed name.
        images: what the degraded images are called.
        rates: the detectors' success rates on these images.
        changes: degraded minus clean, paired by image; empty where one of the two was not run.
    """
    known = {name: its for name, its in rates.items() if not math.isnan(its.degraded)}
    if not known:
        return f"No result without purification is known under {degradation}, so its harm is not known either."
    if any(math.isnan(its.clean) for its in known.values()):
        said = listed([f"{name} succeeds on {percent(its.degraded)}" for name, its in known.items()][:NAMED])
        return f"Under {degradation}, {said} of the {images}; no result without degradation is known."
    parts = [f"{name} from {percent(its.clean)} to {percent(its.degraded)}" for name, its in known.items()]
    if len(parts) > NAMED:
        rest = [hundredths(its.degraded - its.clean) for its in list(known.values())[1:]]
        first, last = (signed(limit / 100) for limit in (min(rest), max(rest)))
        parts = [parts[0], f"{len(rest)} further detectors by {first} to {last} points"]
    return f"{degradation} takes {listed(parts)} on {images}{verdict(changes)}."


def gain(purifier: str, gains: Gains, among: str = "") -> str:
    """Say what a purifier gives back; `among` says which one it is of several."""
    who = f"{among}, {purifier}," if among else purifier
    wholes = [hundredths(its.value) for its in gains.values()]
    if len(gains) == 1:
        what = f"gives {counted(wholes[0])} back" if wholes[0] >= 0 else f"costs {counted(-wholes[0])} more"
    elif min(wholes) >= 0:
        what = f"gives back {spread(wholes, [str(its) for its in wholes], list(gains))}"
    else:
        texts = [signed(its.value) for its in gains.values()]
        what = f"changes the success rate by {spread(wholes, texts, list(gains))}"
    return f"{who} {what}{verdict(gains)}."


def spread(wholes: Sequence[int], texts: Sequence[str], detectors: Sequence[str]) -> str:
    """Write the points of several detectors: each with its name, or the range of many."""
    unit = f"{SPACE}point{'' if abs(wholes[0]) == 1 else 's'}"
    if len(set(wholes)) == 1:
        return f"{texts[0]}{unit} with every detector"
    if len(detectors) > NAMED:
        low, high = texts[wholes.index(min(wholes))], texts[wholes.index(max(wholes))]
        return f"{low} to {high} points with {len(detectors)} detectors"
    named = zip(texts, [unit, *[""] * len(texts)], detectors, strict=False)
    return listed([f"{text}{unit} with {detector}" for text, unit, detector in named])


def verdict(gains: Gains) -> str:
    """Say with which detectors a difference is beyond chance, as the end of a sentence; nothing without any interval."""
    beyond = [name for name, its in gains.items() if its.beyond_chance]
    if all(math.isnan(its.low) for its in gains.values()):
        return ""
    if not beyond or len(beyond) == len(gains):
        return ", beyond chance" if beyond else ", not beyond chance"
    return f", beyond chance with {listed(beyond) if len(beyond) <= NAMED else f'{len(beyond)} of them'} only"


def listed(texts: Sequence[str]) -> str:
    """Join texts: a, b and c."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
