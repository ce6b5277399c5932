"""The first screen by roles: which purifier is spoken of, what was not run, and what was measured when."""

import pandas as pd
import pytest

from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import findings
from cosalpure.report.numbers import Numbers
from cosalpure.report.sentences import SPACE, Gain

ENTRIES = Entries.of(
    {
        "degradations": {
            "a": {"label": "Attack", "role": "attack"},
            "f": {"label": "Fog", "role": "corruption"},
            "k": {"label": "Known", "role": "adaptive"},
        },
        "purifiers": {
            "x": {"label": "Left alone", "role": "reference"},
            "y": {"label": "Theirs", "role": "baseline"},
            "z": {"label": "Control", "role": "control"},
            "o": {"label": "Ours", "role": "ours"},
        },
    }
)


def rows(dataset, degradation, purifier, success):
    """Four groups of four images, half attacked; `success` is that of the attacked ones."""
    found = pd.DataFrame(
        [(f"g{g}", f"{i}.png", i < 2) for g in range(4) for i in range(4)], columns=["slug", "file", "attacked"]
    )
    found["success"] = [success[g] if i < 2 else 1.0 for g in range(4) for i in range(4)]
    found = found.assign(iou=found["success"], ap=0.5, f_beta=0.5, mae=0.5, status="done", reason="", left_out=0)
    return found.assign(
        dataset=dataset, degradation=degradation, purifier=purifier, detector="gicd", group=found["slug"]
    )


def build(scores, tmp_path, entries=ENTRIES):
    numbers = Numbers(Layout(str(tmp_path)), scores, entries, {"seed": 0, "samples": 50, "level": 0.95})
    return findings.build(Layout(str(tmp_path)), numbers, scores, scores, [], entries)


def said(section):
    return [[text.replace(SPACE, " ") for text in its.sentences] for its in section.summaries]


CLEAN = ("none", "x", (1, 1, 1, 1))
FULL = [
    CLEAN,
    ("k", "o", (0, 0, 0, 0)),  # has a section of its own
    ("f", "x", (1, 1, 1, 0)),
    ("a", "x", (0, 0, 0, 1)),
    ("a", "y", (1, 1, 1, 1)),
    ("a", "z", (0, 0, 1, 1)),
    ("a", "o", (0, 0, 0, 0)),
]


def of(*conditions, dataset="mini"):
    return pd.concat([rows(dataset, *its) for its in conditions], ignore_index=True)


@pytest.mark.slow
def test_three_sentences_by_role_the_attack_first(tmp_path):
    section = build(of(*FULL), tmp_path)
    assert [its.name for its in section.summaries] == ["mini, Attack", "mini, Fog"]
    attack, fog = said(section)
    assert attack[0] == "Attack takes GICD from 100 % to 25 % on attacked images, beyond chance."
    assert attack[1].startswith("Ours costs 25 points more")
    assert attack[2].startswith("The best of 2 other purifiers, Theirs, gives 75 points back")
    assert fog[0].startswith("Fog takes GICD from 100 % to 75 % on degraded images")
    assert fog[1:] == ["No purifier was compared with no purification."]
    assert section.made == ["mini: 4 groups, 16 images, 8 attacked"]
    assert len(section.differences.rows) == 5


@pytest.mark.slow
def test_runs_that_lack_a_role_are_described_too(tmp_path):
    without_clean = said(build(of(*FULL[3:]), tmp_path))[0]
    assert (
        without_clean[0]
        == "Under Attack, GICD succeeds on 25 % of the attacked images; no result without degradation is known."
    )
    without_ours = said(build(of(*FULL[:5]), tmp_path))[0]
    assert without_ours[1].startswith("Theirs gives 75 points back") and len(without_ours) == 2
    alone = build(of(("a", "o", (0, 1, 1, 1))), tmp_path)
    assert "is not known either" in said(alone)[0][0] and alone.differences is None
    assert build(of(CLEAN), tmp_path).summaries == []


@pytest.mark.slow
def test_many_datasets_have_three_sentences_each(tmp_path):
    scores = pd.concat([of(*FULL, dataset=name) for name in ("one", "two")], ignore_index=True)
    section = build(scores, tmp_path)
    assert [its.name for its in section.summaries] == ["one, Attack", "two, Attack", "one, Fog", "two, Fog"]
    assert max(map(len, said(section))) == 3
    assert section.made == ["one, two: 8 groups, 32 images, 16 attacked"]


def test_the_best_purifier_is_that_of_the_largest_mean():
    gains = {"y": {"A": Gain(0.1, 0, 0), "B": Gain(0.0, 0, 0)}, "z": {"A": Gain(0.0, 0, 0), "B": Gain(0.2, 0, 0)}}
    assert findings.gain_sentences(gains, ENTRIES)[0].startswith("The best of 2 purifiers, Control,")
