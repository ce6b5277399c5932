"""Several values after one option, as the rules type them, become the repetitions that Typer reads."""

import pytest

from cosalpure.cli.command import spread

SEVERAL = {"--only", "--points"}
CASES = {
    "values after one option": ("--only a b c --output x", "--only a --only b --only c --output x"),
    "one value": ("--only a", "--only a"),
    "two such options": ("--only a b --points c d", "--only a --only b --points c --points d"),
    "repetitions": ("--only a --only b c", "--only a --only b --only c"),
    "arguments before it": ("file --only a b", "file --only a --only b"),
    "other options": ("--output x file", "--output x file"),
    "a value with an equals sign": (
        "--points mini/jadena=0.5 mini/none=0",
        "--points mini/jadena=0.5 --points mini/none=0",
    ),
    "no value": ("--only --output x", "--only --output x"),
    "arguments after two dashes": ("--only a b -- c d", "--only a --only b -- c d"),
    "options after two dashes": ("a -- --only b c", "a -- --only b c"),
    "an option with its value": ("--only=a b", "--only=a b"),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_repetitions(case):
    typed, expected = CASES[case]
    assert spread(typed.split(), SEVERAL) == expected.split()
