"""What the first screen says: rounded percent, chance, and what was not run."""

import math

import pytest

from cosalpure.report import sentences
from cosalpure.report.sentences import Gain, Rates

NAN = math.nan


def plain(text):
    return text.replace(sentences.SPACE, " ")


@pytest.mark.parametrize(
    ("share", "percent"),
    [
        (0.8125, "81 %"),
        (0.645833, "65 %"),
        (0.125, "13 %"),
        (0.285, "29 %"),
        (0.57499999999999996, "58 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_rounded_to_whole_percent_halves_up(share, percent):
    assert plain(sentences.percent(share)) == percent


def test_signs_of_differences():
    assert list(map(sentences.signed, (0.0625, -0.025, -0.004, 0.0))) == ["+6", "−3", "0", "0"]


def test_harm_names_every_detector_and_chance():
    rates = {"GICD": Rates(0.8125, 0.6458), "GCAGC": Rates(0.8333, 0.5729)}
    changes = {"GICD": Gain(-0.17, -0.27, -0.06), "GCAGC": Gain(-0.26, -0.38, 0.01)}
    said = plain(sentences.harm("Jadena", "attacked images", rates, changes))
    assert said == (
        "Jadena takes GICD from 81 % to 65 % and GCAGC from 83 % to 57 % on attacked images, beyond chance with GICD only."
    )


def test_harm_of_many_detectors_is_a_range():
    rates = {f"d{number}": Rates(0.9, 0.9 - number / 10) for number in range(5)}
    said = plain(sentences.harm("Fog", "degraded images", rates, {}))
    assert said == "Fog takes d0 from 90 % to 90 % and 4 further detectors by −40 to −10 points on degraded images."


def test_harm_without_a_clean_run_or_without_a_reference():
    said = plain(sentences.harm("Fog", "degraded images", {"GICD": Rates(NAN, 0.5)}, {}))
    assert said == "Under Fog, GICD succeeds on 50 % of the degraded images; no result without degradation is known."
    assert "is not known" in sentences.harm("Fog", "degraded images", {}, {})


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ({"A": Gain(0.0625, -0.02, 0.15)}, "P gives 6 points back, not beyond chance."),
        ({"A": Gain(-0.01, NAN, NAN)}, "P costs 1 point more."),
        (
            {"A": Gain(0.06, -0.02, 0.1), "B": Gain(0.09, 0.04, 0.1), "C": Gain(0.01, -0.1, 0.1)},
            "P gives back 6 points with A, 9 with B and 1 with C, beyond chance with B only.",
        ),
        (
            {"A": Gain(0.06, 0.02, 0.1), "B": Gain(-0.09, -0.1, -0.04)},
            "P changes the success rate by +6 points with A and −9 with B, beyond chance.",
        ),
        (
            {"A": Gain(0.0, -0.1, 0.1), "B": Gain(0.004, -0.1, 0.1)},
            "P gives back 0 points with every detector, not beyond chance.",
        ),
        (
            {str(number): Gain(number / 100, 0.001, 0.2) for number in range(5)} | {"0": Gain(0.0, -0.1, 0.1)},
            "P gives back 0 to 4 points with 5 detectors, beyond chance with 4 of them only.",
        ),
    ],
)
def test_gain(gains, said):
    assert plain(sentences.gain("P", gains)) == said


def test_the_best_of_several_says_so():
    said = sentences.gain("P", {"A": Gain(0.06, 0.01, 0.1)}, "The best of 3 purifiers")
    assert plain(said) == "The best of 3 purifiers, P, gives 6 points back, beyond chance."
