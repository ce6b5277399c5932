"""Checks of adaptive attacks, on numbers that are given: what passes, what does not, and what was not run."""

import math
from dataclasses import replace

import pytest

from cosalpure.degrade.cost import Step
from cosalpure.report.attacks import Met
from cosalpure.report.checks import CHECKS, judge, outcomes, worst

EPSILON = 16 / 255
PGD = {"gradient": "full", "steps": 10, "epsilon": EPSILON, "fixed_noise": False, "eot": 1, "recompute": False}
STEPS = {"bear": [Step(n, 1.0 - 0.1 * n, 0.5, n + 1) for n in range(5)]}
TITLES = {check.title: check for check in CHECKS}


def met(name, role="adaptive", steps=None, purifier="blur", **settings):
    """A degradation `name`; its name says nothing."""
    chosen = {**(PGD if role == "adaptive" else {}), **settings}
    return Met(
        ("mini", name, purifier, "gicd"), role, chosen, STEPS if role == "adaptive" and steps is None else steps or {}
    )


class Given:
    """Success rates by name of the degradation, with intervals as wide as chance is said to be."""

    def __init__(self, chance=0.1, **rates):
        self.chance, self.rates = chance, rates

    def around(self, value):
        return (value, value - self.chance, value + self.chance)

    def rate(self, met):
        return self.around(self.rates[met.condition[1]])

    def difference(self, a, b):
        return self.around(self.rates[a.condition[1]] - self.rates[b.condition[1]])

    def of_groups(self, values, *key):
        return self.around(sum(values.values()) / len(values))


def outcome(title, found, numbers=None):
    """The outcome of one check for the only purifier and detector; "not run" without a result."""
    results = outcomes(TITLES[title], found, numbers or Given())
    return worst(its.outcome for its in results.values())


@pytest.mark.parametrize(
    ("difference", "strictly", "expected"),
    [
        ((-0.2, -0.3, -0.1), False, "passed"),
        ((-0.2, -0.3, -0.1), True, "passed"),
        ((0.0, 0.0, 0.0), False, "passed"),  # no weaker
        ((0.0, 0.0, 0.0), True, "passed within chance"),  # no stronger either
        ((-0.05, -0.2, 0.1), False, "passed"),
        ((-0.05, -0.2, 0.1), True, "passed within chance"),
        ((0.05, -0.1, 0.2), False, "passed within chance"),
        ((0.2, 0.1, 0.3), False, "not passed"),
        ((0.2, 0.1, 0.3), True, "not passed"),
        ((0.1, math.nan, math.nan), False, "not passed"),  # of one group
        ((-0.1, math.nan, math.nan), True, "passed"),
        ((math.nan,) * 3, False, "not run"),
    ],
)
def test_a_difference_within_its_interval_is_chance(difference, strictly, expected):
    assert judge(difference, strictly) == expected


def test_nothing_is_run_where_nothing_is_compared():
    assert {outcome(title, [met("none", "reference"), met("fog", "corruption")]) for title in TITLES} == {"not run"}


def test_a_check_knows_settings_and_roles_and_no_names():
    found = [
        met("a", "attack", epsilon=0.0627451),
        met("b", "control", epsilon=0.0627451),
        met("c"),
        met("d", steps=STEPS, fixed_noise=True),
        met("e", epsilon=1, step_size=0.1),
        met("g", queries=9, gradient="none"),
    ]
    found.append(replace(found[2], condition=("mini", "f", "blur", "gicd"), settings={**PGD, "steps": 40}))
    numbers = Given(a=0.6, b=0.9, c=0.3, d=0.1, e=0.0, f=0.1, g=0.6)
    assert {title: outcome(title, found, numbers) for title in TITLES} == dict.fromkeys(TITLES, "passed")
    text = outcomes(TITLES["Known purifier"], found, numbers)[found[0].where].measured
    assert text.startswith("success 0.10 against 0.60, difference -0.50"), "that with the most steps"


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((0.5, 0.3, 0.1), "passed"),
        ((0.5, 0.3, 0.35), "passed within chance"),
        ((0.1, 0.3, 0.3), "not passed"),
        ((0.5, 0.1, 0.4), "not passed"),  # although the last is below the first
    ],
)
def test_more_steps_are_not_weaker(rates, expected):
    found = [met(f"a{steps}", steps=STEPS) for steps in (10, 5, 20)]
    found = [replace(its, settings={**PGD, "steps": int(its.condition[1][1:])}) for its in found]
    numbers = Given(**{f"a{steps}": rate for steps, rate in zip((5, 10, 20), rates, strict=True)})
    assert outcome("More steps", found, numbers) == expected
    assert outcome("More steps", [found[0], replace(found[1], settings={**PGD, "steps": 5, "eot": 4})]) == "not run"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((1.0, 0.7, 0.5), "passed"),
        ((1.0, 0.5, 0.5), "passed"),
        ((1.0, 1.0, 1.0), "passed within chance"),
        ((1.0, 0.5, 0.55), "passed within chance"),
        ((1.0, 0.4, 0.9), "not passed"),
    ],
)
def test_the_loss_falls_from_mark_to_mark(losses, expected):
    first, tenth, last = losses
    values = [first, *[0.0] * 9, tenth, *[9.0] * 8, last]  # only the start, step 10 and the end are looked at
    steps = {"bear": [Step(n, loss, 1.0, n) for n, loss in enumerate(values)]}
    assert outcome("Loss", [met("a", steps=steps), met("b")]) == expected


def test_of_equally_long_attacks_the_one_that_knows_most_is_looked_at():
    rising = {"bear": [Step(n, 1.0 + n, 1.0, n) for n in range(10)]}
    found = [met("blind", gradient="blind"), met("fewer", attack_steps=5), met("all", steps=rising)]
    assert outcome("Loss", found[:2]) == "passed" and outcome("Loss", found) == "not passed"
    transfer = met("jadena", "attack", epsilon=EPSILON)
    numbers = Given(blind=0.1, fewer=0.1, all=0.9, jadena=0.5)
    assert outcome("Known purifier", [*found[:2], transfer], numbers) == "passed"
    assert outcome("Known purifier", [*found, transfer], numbers) == "not passed"


@pytest.mark.parametrize(
    ("rate", "expected"), [(0.0, "passed"), (0.05, "passed"), (0.12, "passed within chance"), (0.4, "not passed")]
)
def test_without_a_bound_no_success_is_left(rate, expected):
    assert outcome("No bound", [met("a", epsilon=1), met("b")], Given(a=rate, b=0.9)) == expected


@pytest.mark.parametrize(
    ("rates", "expected"), [((0.2, 0.6), "passed"), ((0.55, 0.6), "passed within chance"), ((0.8, 0.6), "not passed")]
)
def test_who_knows_the_purifier_is_stronger_than_who_does_not(rates, expected):
    found = [met("full"), met("jadena", "attack", epsilon=EPSILON), met("noise", "control", epsilon=EPSILON)]
    assert outcome("Known purifier", found, Given(full=rates[0], jadena=rates[1])) == expected
    assert outcome("Transfer attack", found, Given(jadena=rates[0], noise=rates[1])) == expected
    weaker = [met("full", epsilon=8 / 255), *found[1:]]
    assert outcome("Known purifier", weaker, Given()) == "not run", "another bound"
    blind = [met("full", gradient="blind"), *found[1:]]
    assert outcome("Known purifier", blind, Given()) == "not run"


def test_known_noise_is_compared_with_what_differs_in_nothing_else():
    found = [met("known", fixed_noise=True), met("fresh"), met("draws", eot=4), met("longer", epsilon=0.1)]
    assert outcome("Known noise", found, Given(known=0.2, fresh=0.3, draws=0.25, longer=0)) == "passed"
    assert outcome("Known noise", found, Given(known=0.2, fresh=0.3, draws=0.05, longer=0)) == "not passed"
    assert outcome("Known noise", [found[0], found[3]], Given(known=0.2, longer=0)) == "not run"


def test_gradients_are_neither_zero_nor_flat_at_the_start():
    def sizes(*values):
        return [met("a"), met("b", steps={"bear": [Step(n, 1.0, size, n) for n, size in enumerate(values)]})]

    assert outcome("Gradient", sizes(1, 1, 1)) == "passed" and outcome("Gradient", sizes(1, 0, 1)) == "not passed"
    assert outcome("Start", sizes(0.02, 1, 1)) == "passed" and outcome("Start", sizes(0.005, 1, 1)) == "not passed"
    assert outcome("Start", sizes(0, 0, 0)) == "not passed"


def test_every_purifier_is_looked_at_by_itself():
    found = [met("a", epsilon=1), met("b", purifier="jpeg", epsilon=1)]
    results = outcomes(TITLES["No bound"], found, Given(a=0.0, b=0.7))
    assert {where.purifier: its.outcome for where, its in results.items()} == {"blur": "passed", "jpeg": "not passed"}
    assert worst(its.outcome for its in results.values()) == "not passed"


def test_an_attack_by_queries_is_compared_with_the_full_gradient_and_has_no_gradient_of_its_own():
    asked = met("square", queries=9, gradient="x", steps={"bear": [Step(n, 1.0, math.nan, n + 1) for n in range(9)]})
    found = [met("full"), asked]
    assert outcome("Queries", found, Given(full=0.2, square=0.5)) == "passed"
    assert outcome("Queries", found, Given(full=0.5, square=0.2)) == "not passed"
    assert outcome("Queries", found[:1]) == "not run"
    assert outcome("Gradient", found) == outcome("Start", found) == outcome("Loss", found) == "passed"
    assert outcome("Gradient", [asked]) == "not run"


def test_attacks_that_are_alike_in_their_steps_say_nothing_about_steps():
    assert outcome("More steps", [met("poison"), met("poison_jpeg")], Given(poison=0.1, poison_jpeg=0.9)) == "not run"
