"""Scores against the stored reference: equal, within the known spread, too far, or not comparable."""

import re
from pathlib import Path

import pandas as pd
import pytest

from cosalpure import record, verify
from cosalpure.errors import UserError
from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.experiment.parse import load_files
from cosalpure.purify.settings import JpegPurifierSettings

ROOT = Path(__file__).resolve().parents[1]
IMAGES = 200


def run_in(folder, success=0.5, quality=50, purifiers=("jpeg", "other")):
    """A folder of results: scores of attacked and clean images alike, and the records of what made them."""
    rows = [
        dict(zip(KEYS, ("mini", "none", purifier, "gicd"), strict=True))
        | {"attacked": half == 0, "success": float(place < success * IMAGES)}
        | dict.fromkeys(verify.METRICS[1:], 0.25)
        for purifier in purifiers
        for half in (0, 1)
        for place in range(IMAGES)
    ]
    layout = Layout("results")
    for purifier in purifiers:
        output = Path(layout.shard("purify", "mini", "none", purifier, span="0000-0002"))
        job = record.begin(
            "purify", layout.stage("purify", "mini", "none", purifier), "jpeg", JpegPurifierSettings(quality=quality), 1
        )
        (folder / output).parent.mkdir(parents=True, exist_ok=True)
        record.write(pd.DataFrame({"a": [1]}), folder / output, job)
    (folder / layout.tables).mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / layout.scores)
    return str(folder / layout.results)


@pytest.fixture
def reference(tmp_path):
    """The reference that a run leaves."""
    verify.write_reference(run_in(tmp_path / "first"), tmp_path / "reference")
    return tmp_path / "reference"


def test_equal_scores_agree(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again"), reference)
    assert outcome == verify.Outcome(0, ("verify: all mean scores equal the reference of the default experiment",))


def test_a_difference_within_the_spread_between_processors_agrees(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again", success=0.51), reference)
    assert outcome.status == 0 and len(outcome.lines) == 1
    assert (
        "differ by at most 0.010, and 0.011 is known between CPU models; other metrics differ by at most 0.000"
        in outcome.sentence
    )


def test_a_larger_difference_is_told_row_by_row(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again", success=0.48), reference)
    assert outcome.status == 1
    assert outcome.sentence == "verify: 6 of 6 success rates differ from the reference by more than 0.011:"
    assert outcome.lines[1] == "  mini/none/jpeg/gicd avg: 0.480, reference 0.500"


def test_other_settings_have_no_reference(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again", success=0.9, quality=80), reference)
    assert outcome.status == 3 and "no reference for these settings; 2 differ" in outcome.sentence
    assert outcome.lines[1] == "  purify/mini/none/jpeg: quality is 80, in the reference 50"


def test_other_methods_have_no_reference(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again", purifiers=("mine",)), reference)
    assert outcome.status == 3 and "only for the default experiment" in outcome.sentence


def test_a_part_of_the_experiment_is_compared_as_far_as_it_goes(reference, tmp_path):
    outcome = verify.verify(run_in(tmp_path / "again", purifiers=("jpeg", "mine")), reference)
    assert outcome.status == 0 and outcome.sentence.endswith("(3 of 6 means; the others were not run)")


def test_without_scores_it_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match=r"scores\.parquet: no scores yet; run the workflow first"):
        verify.verify(str(tmp_path / "results"))


def test_the_stored_reference_is_the_default_experiment_as_it_is_configured():
    experiment = load_files([ROOT / "config.yaml"])
    means = verify.read_means(verify.REFERENCE / "means.csv")
    assert {condition for condition, _ in means} == set(experiment.conditions)
    assert means[("mini", "none", "source_only", "gicd"), "avg"]["success"] == pytest.approx(0.875, abs=verify.SPREAD)
    stored = verify.read_settings(verify.REFERENCE / "settings.json")
    entries = {f"data/{name}": its.settings for name, its in experiment.datasets.items()}
    for key in experiment.conditions:
        entries[f"degrade/{'/'.join(key[:2])}"] = experiment.entry("degradations", key[1]).settings
        entries[f"purify/{'/'.join(key[:3])}"] = experiment.entry("purifiers", key[2]).settings
        entries[f"detect/{'/'.join(key)}"] = experiment.entry("detectors", key[3]).settings
    assert entries["data/mini"].groups == 24
    for entry, settings in entries.items():
        for name, value in verify.plain_settings(settings.model_dump(mode="json")).items():
            assert stored[f"{entry}: {name}"] == value, (
                f"{entry}: {name}: run `snakemake`, then `cosalpure verify --write`"
            )


def test_the_docs_name_the_same_spread():
    texts = [path.read_text() for path in (ROOT / "docs").rglob("*.md")]
    named = [found for text in texts for found in re.findall(r"Across CPU models, [^.]*? up to (0\.\d+)", text)]
    assert set(map(float, named)) == {verify.SPREAD}
