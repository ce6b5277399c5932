"""Entries are made from results by a command, and refused with the field's path where anything in them is not right."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cosalpure.cli import main
from cosalpure.experiment.parse import load_files
from cosalpure.leaderboard import check
from cosalpure.leaderboard.entry import read_entry
from leaderboard.conftest import Submission

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_a_package_goes_from_pip_install_to_a_row_of_the_page(submit, tmp_path, capsys):
    path = submit("detector", "border_contrast")
    assert main(["leaderboard", "--check", str(path)]) == 0
    assert main(["leaderboard", str(tmp_path / "leaderboard"), "--output", str(tmp_path / "site")]) == 0
    assert main(["leaderboard", str(tmp_path / "site/entries"), "--output", str(tmp_path / "site")]) == 0, "again"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.html").write_text("mine")
    assert main(["leaderboard", str(tmp_path / "leaderboard"), "--output", str(tmp_path / "docs")]) == 1
    assert (tmp_path / "docs/index.html").read_text() == "mine"
    assert "docs/index.html: is another page" in capsys.readouterr().err
    entry, page = read_entry(path), (tmp_path / "site/index.html").read_text()
    assert entry.method.plugin == "border-contrast 1.0"
    assert "Detectors on tiny: degradation noise" in page and ">Border_contrast</a>" in page
    (row,) = [its for its in entry.measured if its.degradation == "noise"]
    assert f"{row.metrics.sr.avg.value:.3f}" in page and "8 of 8" in page
    assert (tmp_path / "site/entries/detector/border_contrast.parquet").read_bytes() == path.with_suffix(
        ".parquet"
    ).read_bytes()


def test_numbers_are_those_of_the_tables(submit, run, tmp_path):
    from cosalpure.tables.build import build_table, read_scores
    from cosalpure.tables.definitions import TABLES

    entry = read_entry(submit("purifier", "smooth"))
    scores = read_scores(sorted((run / "results/score").rglob("*.parquet")))
    tables = {key: build_table(TABLES[key], scores, "noise", seed=1) for key in ("table1", "table2")}
    rows = pd.concat(tables.values())
    assert [its.role for its in entry.measured] == ["ceiling", "floor", "control", "entry"]
    for its in entry.measured:
        here = rows[(rows["degradation"] == its.degradation) & (rows["purifier"] == its.purifier)]
        for metric, split, value, low in here[["metric", "split", "value", "low"]].itertuples(index=False):
            cell = getattr(getattr(its.metrics, metric), split)
            assert (cell.value, cell.low) == pytest.approx((value, low), abs=1e-6, nan_ok=True)
    assert [(its.purifier, its.minus_purifier) for its in entry.differences] == [("smooth", "source_only")]


def test_incomplete_results_are_no_entry(run, tmp_path, capsys, monkeypatch):
    about = tmp_path / "about.yaml"
    about.write_text("name: Mine\nauthors: [A]\nlicence: MIT\n")
    words = ["submit", str(run / "results"), "--track", "purifier", "--about", str(about)]
    words += ["--experiment", str(run / "tiny.yaml"), "--output", str(tmp_path / "out")]
    assert main([*words, "--entry", "smoth"]) == 1
    assert "did you mean 'smooth'?" in capsys.readouterr().err
    from cosalpure.leaderboard import scores

    def with_a_gap(*arguments):
        rows = collect(*arguments)
        rows.loc[0, "status"] = "missing"
        return rows

    collect = scores.collect
    monkeypatch.setattr(scores, "collect", with_a_gap)
    assert main([*words, "--entry", "smooth"]) == 1
    assert "scores.status: expected done or failed, found 'missing'" in capsys.readouterr().err
    assert not [its for its in (tmp_path / "out").rglob("*") if its.is_file()]


def edited_mean(its):
    its.values["measured"][0]["metrics"]["sr"]["avg"]["value"] = 0.99


def edited_interval(its):
    its.values["measured"][1]["metrics"]["mae"]["adv"]["low"] = 0.0


def edited_difference(its):
    its.values["differences"][0]["sr"]["adv"]["value"] = 0.5


def other_data_manifest(its):
    its.values["data"]["tiny"]["manifest_sha256"] = "0" * 64


def other_data_of_a_known_dataset(its):
    text = json.dumps(its.values).replace('"tiny"', '"mini"')
    its.values, its.rows["dataset"] = json.loads(text), "mini"


def attack_out_of_bounds(its):
    its.rows.loc[its.rows["linf"] > 0, "linf"] = 0.1


def missing_images(its):
    its.rows = its.rows.drop(index=its.rows.index[-1])


def missing_in_all_conditions(its):
    its.rows = its.rows[its.rows["file"] != its.rows["file"].iloc[0]]


def wrong_counts(its):
    its.values["measured"][0]["metrics"]["ap"]["avg"]["done"] = 7


def edited_scores_file(its):
    its.rows.loc[0, "mae"] = 0.0
    return False  # the hash stays


def future_schema(its):
    its.values["schema_version"] = 2


def unknown_field(its):
    its.values["measured"][0]["sr"] = 1.0


def duplicated_rows(its):
    its.rows = pd.concat([its.rows, its.rows.iloc[[0]]], ignore_index=True)


def inconsistent_success(its):
    its.rows.loc[0, "success"] = 1 - its.rows.loc[0, "success"]


def status_missing(its):
    its.rows.loc[0, "status"] = "missing"


def attacked_image_not_attacked(its):
    its.rows.loc[its.rows["degradation"] == "noise", "degraded_sha256"] = its.rows["sha256"]


def clean_image_changed(its):
    its.rows.loc[(its.rows["degradation"] == "noise") & ~its.rows["attacked"], "degraded_sha256"] = "d" * 64


def row_of_another_method(its):
    its.values["measured"][0]["role"] = "entry"


def no_row_of_the_entry(its):
    its.values["track"] = "detector"


def no_rows(its):
    its.rows = its.rows[:0]


def link_that_is_a_script(its):
    its.values["link"] = "javascript:alert(1)"


def name_that_leaves_the_folder(its):
    its.rows["slug"] = "../../etc"


def key_of_two_lines(its):
    its.values["a\nb"] = 1


def text_that_fills_the_memory(its):
    its.rows["group"] = "x" * 2000


def not_a_number(its):
    its.values["measured"][0]["metrics"]["sr"]["avg"]["value"] = float("nan")


FAULTS = {
    edited_mean: "measured[0].metrics.sr.avg.value: 0.99, but",
    edited_interval: "measured[1].metrics.mae.adv.low: 0.0, but the scores give",
    edited_difference: "differences[0].sr.adv.value: 0.5, but the scores give",
    other_data_manifest: "data.tiny.manifest_sha256: 000000000000…, but the images of the scores give",
    other_data_of_a_known_dataset: "is no version of mini; present ones are 544397ff6f60…",
    attack_out_of_bounds: "bound: 0.06275, but scores.linf is up to 0.10000: 4 rows, such as noise/source_only/",
    missing_images: "lacks 1 of 8 images",
    missing_in_all_conditions: "data.tiny.images: 8, but the scores have 7",
    wrong_counts: "measured[0].metrics.ap.avg.done: 7, but adv and clean have 8",
    edited_scores_file: "scores.sha256: the file noise.parquet was changed",
    future_schema: "schema_version: 2 is newer than 1; update cosalpure to read it",
    unknown_field: "measured[0].sr: unknown key",
    duplicated_rows: "scores.file: an image of a condition is there twice: none/source_only/border_contrast/",
    inconsistent_success: "scores.success: not 1 exactly where IoU > 0.5: none/source_only/border_contrast/",
    status_missing: "scores.status: expected done or failed, found 'missing'",
    attacked_image_not_attacked: "scores.degraded_sha256: an attacked image is the original",
    clean_image_changed: "scores.degraded_sha256: a clean image is not the original",
    row_of_another_method: "measured[0].role: entry, but its degradation is not noise",
    no_row_of_the_entry: "measured: no row with the detector noise",
    no_rows: "scores: no rows",
    link_that_is_a_script: "link: string should match pattern",
    name_that_leaves_the_folder: "columns.slug: not a name, '../../etc'",
    key_of_two_lines: "not JSON: 'a\\nb' is no key",
    text_that_fills_the_memory: "columns.group: a text of more than 1000 bytes",
    not_a_number: "not JSON: NaN is no number",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda its: its.__name__)
def test_a_fault_is_refused_with_its_place(fault, attack, capsys):
    path, its = attack, Submission(attack)
    its.save(rehash=fault(its) is not False)
    assert main(["leaderboard", "--check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert any(FAULTS[fault] in line for line in lines), lines


def test_files_that_are_written_anew_have_no_fault_and_one_with_a_fault_makes_no_page(attack, tmp_path):
    its = Submission(attack)
    its.save()
    assert check.faults(attack) == []
    edited_mean(its)
    its.save()
    assert main(["leaderboard", str(tmp_path / "leaderboard"), "--output", str(tmp_path / "site")]) == 1
    assert not (tmp_path / "site").exists()


def test_the_bound_is_computed_from_images_if_they_are_given(attack, run):
    path = attack
    assert check.faults(path, str(run / "results")) == []
    its = Submission(path)
    its.values["bound"], its.rows["linf"] = 0.05, 0.0  # the scores hide it
    its.save()
    found = check.faults(path, str(run / "results"))
    assert len(found) == 4 and all("bound: 0.05000, but" in line and "0.06275 away" in line for line in found)
    assert "no such image" in check.faults(path, str(run))[0]


def test_files_of_any_size_are_not_read(attack, monkeypatch):
    from cosalpure.leaderboard import entry, scores

    monkeypatch.setattr(scores, "MOST_ROWS", 5)
    assert "more than 5 rows" in check.faults(attack)[0]
    monkeypatch.setattr(entry, "MOST_BYTES", 100)
    assert check.faults(attack) == ["larger than 100 bytes"]


def test_published_numbers_are_claims_and_no_measurement(submit):
    entry = read_entry(submit("attack", "noise", "reported: Jadena"))
    found = {(its.dataset, its.detector, its.split): its.value for its in entry.claimed if its.metric == "sr"}
    assert found["Cosal2015", "GICD", "avg"] == 0.3493 and len(found) == 36
    assert {its.purifier for its in entry.claimed} == {"Source-Only"}


@pytest.mark.parametrize(("data", "count"), [("", 20), pytest.param(".mini-large", 18, marks=pytest.mark.long)])
def test_the_projects_own_entries_are_right(data, count, capsys):
    files = sorted((ROOT / "leaderboard").glob("*/*.json"))
    files = [file for file in files if file.stem.partition(".mini-large")[1] == data]
    assert main(["leaderboard", "--check", *map(str, files)]) == 0
    assert [file.stem for file in files if file.parent.name == "attack"] == [f"jadena{data}"] and len(files) == count


def test_the_schema_describes_every_field(capsys):
    assert main(["leaderboard", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    values = json.loads((ROOT / "leaderboard/purifier/cosalpure.json").read_text())
    assert set(schema["properties"]) == set(values) and schema["additionalProperties"] is False


def test_a_number_that_is_not_measured_again_is_named(submit):
    from cosalpure.leaderboard.remeasure import compare

    path = submit("purifier", "smooth")
    entry = read_entry(path)
    assert list(compare(entry, entry)) == []
    its = Submission(path)
    its.values["measured"][3]["metrics"]["mae"]["adv"]["value"] += 0.02
    its.values["measured"][2]["metrics"]["mae"]["adv"]["value"] += 0.005  # within the spread between processors
    its.path.write_text(json.dumps(its.values))
    (line,) = compare(read_entry(path), entry)
    assert line.startswith("measured[3].metrics.mae.adv.value: submitted ") and "more than 0.011 apart" in line


def test_an_entry_is_measured_again_by_a_variant_of_mini(tmp_path):
    from cosalpure.experiment.parse import load_files
    from cosalpure.leaderboard.remeasure import prepare

    entry = read_entry(ROOT / "leaderboard/detector/gicd.json")
    method = entry.method.model_copy(update={"method": "gcagc", "settings": {"weights": "w.safetensors"}})
    rows = tuple(its.model_copy(update={"detector": "theirs"}) for its in entry.measured)
    theirs = entry.model_copy(update={"entry": "theirs", "method": method, "measured": rows})
    experiment = load_files(prepare(theirs, tmp_path))
    assert experiment.detectors["theirs"].settings.weights == "w.safetensors"
    assert [its.key for its in rows] == list(experiment.conditions)


def test_an_entry_of_another_edition_has_its_name_in_the_files(run, submit, monkeypatch):
    from cosalpure.leaderboard import versions

    small = read_entry(submit("purifier", "smooth"))
    known = versions.Edition("tiny", "tiny-large", (small.data["tiny"].manifest_sha256,))
    monkeypatch.setattr(versions, "EDITIONS", (known,))
    path = submit("purifier", "jpeg").with_name("jpeg.tiny-large.json")
    entry = read_entry(path)
    assert entry.scores.file == "jpeg.tiny-large.parquet" and check.faults(path) == []
    moved = path.with_name("jpeg.json")
    path.rename(moved)
    assert check.faults(moved) == ["entry: 'jpeg.tiny-large' is not the name of the file, 'jpeg'"]


def test_an_entry_is_measured_again_in_its_size(tmp_path):
    from cosalpure.leaderboard import remeasure, versions

    entry = read_entry(ROOT / "leaderboard/purifier/jpeg.json")
    data = {"mini": entry.data["mini"].model_copy(update={"manifest_sha256": versions.EDITIONS[1].manifests[-1]})}
    for its, groups in ((entry, 24), (entry.model_copy(update={"data": data}), 100)):
        experiment = load_files(remeasure.prepare(its, tmp_path))
        assert experiment.datasets["mini"].settings.groups == groups
