"""Is an adaptive attack strong enough to be believed? Checks of what was run (Athalye et al., ICML 2018; Carlini et al., 2019).

A check looks at all that one purifier and one detector met, and says what it measured and how that is judged, or None where
nothing of it was run. Success rates are those on attacked images, and are compared image by image with an interval.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Literal, NamedTuple, Protocol

from cosalpure.report.attacks import Met, Where, alike

Outcome = Literal["passed", "passed within chance", "not passed", "not run"]
ORDER: tuple[Outcome, ...] = ("passed", "passed within chance", "not passed")  # from good to bad
Interval = tuple[float, float, float]  # value, low, high; NaN where there is none
MARKS = (10, 20, 40, 100)  # steps at which the loss is told
NEAR_ZERO = 0.05  # success rate of an attack without a bound
FLAT = 0.01  # a gradient at the first step below this share of the attack's median is flat


class Numbers(Protocol):
    """Where the numbers come from."""

    def rate(self, met: Met) -> Interval:
        """Give the success rate on attacked images."""
        ...

    def difference(self, a: Met, b: Met) -> Interval:
        """Give the success rate under `a` minus that under `b`, on the same images."""
        ...

    def of_groups(self, values: Mapping[str, float], *key: str) -> Interval:
        """Give the mean of a value a group; `key` names it."""
        ...


class Result(NamedTuple):
    """What a check found for a purifier and a detector."""

    measured: str
    outcome: Outcome


@dataclass(frozen=True)
class Check:
    """A check: what is expected, and the function that looks."""

    title: str
    expected: str
    look: Callable[[Sequence[Met], Numbers], Result | None]


def judge(difference: Interval, strictly: bool = False) -> Outcome:
    """Judge a difference that should not be above 0, or `strictly` below it; within its interval chance may explain it."""
    value, low, high = difference
    if math.isnan(value):
        return "not run"
    below = value < 0 if strictly else value <= 0
    if math.isnan(low):  # of a single group: nothing is known of chance
        return "passed" if below else "not passed"
    if low > 0:
        return "not passed"
    return "passed" if high < 0 or (below and not strictly) else "passed within chance"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Give the worst of some outcomes; "not run" where nothing was."""
    return max((its for its in outcomes if its in ORDER), key=ORDER.index, default="not run")


def more_steps(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare attacks that differ in their steps alone."""
    texts, outcomes = [], []
    for family in alike(met, "steps"):
        ordered = sorted(family, key=lambda its: int(its.settings["steps"]))
        texts.append(", ".join(f"{numbers.rate(its)[0]:.2f} after {its.settings['steps']}" for its in ordered))
        outcomes += [judge(numbers.difference(more, fewer)) for fewer, more in pairwise(ordered)]
    return Result(f"success {'; '.join(texts)} steps", worst(outcomes)) if texts else None


def falling_loss(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Follow the loss of the attack that knows most, from mark to mark: it falls at first, and does not rise later."""
    known = [its for its in _with_gradients(met) if any(map(len, its.steps.values()))]
    if not known:
        return None
    its = max(known, key=_knowledge)
    last = min(map(len, its.steps.values())) - 1
    marks = [0, *(mark for mark in MARKS if mark < last), last]
    losses = [{slug: steps[mark].loss for slug, steps in its.steps.items()} for mark in marks]
    falls = [
        numbers.of_groups({slug: after[slug] - before[slug] for slug in after}, *its.condition, str(mark))
        for (before, after), mark in zip(pairwise(losses), marks[1:], strict=True)
    ]
    text = ", ".join(f"{fmean(each.values()):.3g} at step {mark}" for mark, each in zip(marks, losses, strict=True))
    return Result(f"loss {text}", worst([judge(falls[0], strictly=True), *map(judge, falls[1:])]))


def unbounded(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Look at attacks whose noise may be anything."""
    rates = [numbers.rate(its) for its in met if its.role == "adaptive" and (its.epsilon or 0) >= 1]
    outcomes = [judge((value - NEAR_ZERO, low - NEAR_ZERO, high - NEAR_ZERO)) for value, low, high in rates]
    return Result(f"success {_rates(rates)}", worst(outcomes)) if rates else None


def white_box(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare the attack that knows all but the noise, with the most steps, with one that knows nothing."""
    return _weaker(_beside_full(met, [its for its in met if its.role == "attack"]), numbers, strictly=True)


def by_queries(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare the same attack with one that only asks: if that is stronger, gradients mislead."""
    return _weaker(_beside_full(met, [its for its in met if "queries" in its.settings]), numbers)


def transfer(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare an attack that knows nothing with random noise of the same bound."""
    attacks, controls = ([its for its in met if its.role == role] for role in ("attack", "control"))
    pairs = [(attack, control) for attack in attacks for control in controls if attack.bound_of(control)]
    return _weaker(pairs, numbers, strictly=True)


def fixed_noise(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare attacks that know the purifier's noise with those that are like them but for that."""
    families = alike(met, "fixed_noise", "eot")
    parted = [
        ([its for its in each if its.settings["fixed_noise"] is known] for known in (True, False)) for each in families
    ]
    return _weaker([(known, fresh) for all_known, others in parted for known in all_known for fresh in others], numbers)


def gradients(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Find the smallest gradient of all attacks, groups and steps."""
    found = [step.gradient for its in _with_gradients(met) for steps in its.steps.values() for step in steps]
    return (
        Result(f"smallest mean size {min(found):.2g}", "passed" if min(found) > 0 else "not passed") if found else None
    )


def start(met: Sequence[Met], numbers: Numbers) -> Result | None:
    """Compare the gradient at the first step with the median of the attack's steps, on the group where it is smallest."""
    found = []
    for its in _with_gradients(met):
        sizes = [[step.gradient for step in steps] for steps in its.steps.values() if steps]
        found += [each[0] / median(each) if median(each) > 0 else 0.0 for each in sizes]
    return (
        Result(f"{min(found):.2g} of the median", "passed" if min(found) >= FLAT else "not passed") if found else None
    )


CHECKS = (
    Check("More steps", "success does not rise with the number of steps", more_steps),
    Check("Loss", "the loss falls at first, and does not rise later", falling_loss),
    Check("No bound", f"success is at most {NEAR_ZERO:g}", unbounded),
    Check("Known purifier", "less success than under the transfer attack of the same bound", white_box),
    Check("Queries", "not more success than under an attack by queries alone of the same bound", by_queries),
    Check("Transfer attack", "less success than under random noise of the same bound", transfer),
    Check("Known noise", "not more success than under the same attack on fresh noise", fixed_noise),
    Check("Gradient", "no gradient is zero", gradients),
    Check("Start", f"the first gradient is at least {FLAT:g} of the attack's median", start),
)


def outcomes(check: Check, met: Sequence[Met], numbers: Numbers) -> dict[Where, Result]:
    """Make a check for every purifier and detector that it can be made for."""
    places: dict[Where, list[Met]] = {}
    for its in met:
        places.setdefault(its.where, []).append(its)
    found = {where: check.look(here, numbers) for where, here in places.items()}
    return {where: result for where, result in found.items() if result}


def _with_gradients(met: Iterable[Met]) -> list[Met]:
    """List the adaptive attacks but those by queries alone."""
    return [its for its in met if its.role == "adaptive" and "queries" not in its.settings]


def _beside_full(met: Iterable[Met], others: Iterable[Met]) -> list[tuple[Met, Met]]:
    """Pair each of the others with the attack of its bound that knows most, but not the noise."""
    full = [its for its in met if its.settings.get("gradient") == "full" and not its.settings.get("fixed_noise")]
    return [
        (max(same, key=_knowledge), other) for other in others if (same := [its for its in full if its.bound_of(other)])
    ]


def _knowledge(met: Met) -> tuple[bool, bool, int]:
    """Order attacks by what they know of the purifier: its gradient, of all its steps; then by their own steps."""
    its = met.settings
    return its.get("gradient") == "full", its.get("attack_steps") is None, int(its.get("steps", 0))


def _weaker(pairs: Sequence[tuple[Met, Met]], numbers: Numbers, strictly: bool = False) -> Result | None:
    """Compare pairs of which the first one should leave less success; None without any."""
    texts = [f"{numbers.rate(a)[0]:.2f} against {numbers.rate(b)[0]:.2f}" for a, b in pairs]
    differences = [numbers.difference(*pair) for pair in pairs]
    texts = [f"{text}, difference {_rates([its], '+')}" for text, its in zip(texts, differences, strict=True)]
    found = [judge(its, strictly) for its in differences]
    return Result(f"success {'; '.join(texts)}", worst(found)) if pairs else None


def _rates(rates: Iterable[Interval], sign: str = "") -> str:
    """Write rates with their intervals."""
    return "; ".join(
        f"{value:{sign}.2f}" + ("" if math.isnan(low) else f" [{low:{sign}.2f}, {high:{sign}.2f}]")
        for value, low, high in rates
    )
