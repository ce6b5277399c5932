"""Files that are not what a command expects: one line that names the file, without a traceback."""

import pandas as pd
import pytest

from cosalpure.cli import main

VARIANT = "variant_of: mini\n"
CONDITIONS = "conditions: [{degradations: [none], purifiers: [source_only]}]\n"


def refused(capsys, words, *said):
    """Run a command that must fail in one line, in which all of `said` stands."""
    assert main([str(word) for word in words]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("cosalpure: ") and len(line) < 1000
    assert all(part in line for part in said), line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 3\nseed: 4\n", "not YAML: the key 'seed' is there twice, again in line 3"),
        ("purifiers:\n  jpeg: {quality: 5, quality: 6}\n", "the key 'quality' is there twice"),
        ("seed: 2024-99-99\n", "not YAML: "),
        ("seed: !!int x\n", "not YAML: "),
        ("seed: " + "9" * 5000 + "\n", "not YAML: "),
        ("seed: " + "[" * 3000 + "]" * 3000 + "\n", "not YAML: "),
        ("seed: {1: [\n", "not YAML: "),
    ],
    ids=["twice", "twice below", "no date", "no number", "a long number", "deep", "cut short"],
)
def test_an_experiment_that_is_not_yaml(tmp_path, capsys, text, said):
    (tmp_path / "mine.yaml").write_text(VARIANT + text)
    refused(capsys, ["config", "check", "config.yaml", tmp_path / "mine.yaml"], "mine.yaml: ", said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("variant_of: 3\n", "variant_of: expected the name of an experiment, found 3"),
        (VARIANT + "purifiers: {jpeg: {method: 3}}\n", "purifiers.jpeg.method: expected the name of a method, found 3"),
        (VARIANT + "purifiers: {jpeg: {method: [jpeg]}}\n", "expected the name of a method, found ['jpeg']"),
        (VARIANT + CONDITIONS.replace("[none]", "[]"), "conditions[0].degradations: "),
        (VARIANT + CONDITIONS.replace("[source_only]", "[]"), "conditions[0].purifiers: "),
    ],
)
def test_an_experiment_with_a_value_of_another_kind(tmp_path, capsys, text, said):
    (tmp_path / "mine.yaml").write_text(text)
    refused(capsys, ["config", "check", "config.yaml", tmp_path / "mine.yaml"], said)


def test_settings_on_the_command_line(capsys):
    words = ["data", "mini", "--output", "x", "--settings"]
    refused(capsys, [*words, "{groups: 1, groups: 2}"], "--settings: not YAML: the key 'groups' is there twice")
    refused(capsys, [*words, "{groups: 2024-99-99}"], "--settings: not YAML")


@pytest.mark.parametrize(
    "content", [b"", b"junk", "a table without the columns"], ids=["empty", "junk", "other columns"]
)
@pytest.mark.parametrize(
    "words",
    [
        ["tables", "build", "FILE", "--output", "OUT"],
        ["tables", "check", "FILE", "--output", "OUT"],
        ["curves", "table", "FILE", "--output", "OUT"],
        ["words", "table", "FILE", "--scores", "FILE", "--output", "OUT"],
        ["report", "sweep", "FILE", "--points", "mini/jadena=1", "mini/none=2", "--output", "OUT"],
        ["report", "page", "FOLDER", "--output", "OUT"],
        ["verify", "FOLDER"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_parquet_file_that_is_none(tmp_path, capsys, words, content):
    file = tmp_path / "tables/scores.parquet"
    file.parent.mkdir()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        pd.DataFrame({"other": [1]}).to_parquet(file)
    places = {"FILE": file, "FOLDER": tmp_path, "OUT": tmp_path / "out"}
    refused(capsys, [places.get(word, word) for word in words], "scores.parquet: ")
    assert not (tmp_path / "out").exists()


def test_a_table_of_sources_that_is_none(tmp_path, capsys):
    (tmp_path / "latin.csv").write_bytes("name,größe\n".encode("latin-1"))
    for path in (tmp_path, tmp_path / "latin.csv"):
        refused(capsys, ["weights", "list", "--sources", path], f"{path}: not a table of sources")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{steps: -1}", "--settings: steps: expected 1 or more, found -1"),
        ("{batch: 0}", "--settings: batch: expected 1 or more, found 0"),
        ("{learning_rate: .nan}", "--settings: learning_rate: expected 0 or more, found nan"),
        ("{seed: -1}", "--settings: seed: expected 0 or more, found -1"),
    ],
)
def test_a_training_with_numbers_out_of_range(tmp_path, capsys, settings, said):
    refused(capsys, ["train", "surrogate", "--output", tmp_path / "out.safetensors", "--settings", settings], said)
    assert not list(tmp_path.iterdir())


def test_facts_in_another_encoding_are_refused_and_not_changed(tmp_path, capsys):
    (tmp_path / "about.yaml").write_bytes("authors: Jos\u00e9\n".encode("latin-1"))
    words = ["submit", tmp_path, "--track", "purifier", "--entry", "jpeg", "--about", tmp_path / "about.yaml"]
    refused(capsys, [*words, "--output", tmp_path / "out"], "about.yaml: not text in UTF-8")


def test_text_that_is_none(tmp_path, capsys):
    pd.DataFrame({"other": [1]}).to_parquet(tmp_path / "scores.parquet")
    refused(capsys, ["tables", "show", tmp_path / "scores.parquet"], "scores.parquet: not text")
