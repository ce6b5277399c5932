"""Where learned concepts lie among real words: the ranks, and the table that shows them beside success rates."""

import pandas as pd
import pytest
import torch
from tables.test_definitions import scores

from cosalpure.concept import FILE, Concept
from cosalpure.concept.words import Vocabulary, known_words, measure, word_of
from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset
from cosalpure.errors import UserError
from cosalpure.labels import Entries
from cosalpure.tables.definitions import WORDS
from cosalpure.tables.words import VALUES, build, read_words
from cosalpure.tables.write import as_markdown, write_parquet


def test_a_word_is_nearest_to_itself(tiny_model):
    vocabulary = Vocabulary(tiny_model, ["goat", "barber", "pole"])
    found = vocabulary.place(Concept("<my-goat>", tiny_model.word_vector("goat")), "goat")
    assert (found.rank, found.nearest) == (1, "goat")
    other = vocabulary.place(Concept("<my-goat>", tiny_model.word_vector("pole")), "goat")
    assert other.rank > 1 and other.nearest == "pole"


def test_the_words_of_mini_are_those_that_its_model_was_taught(tmp_path):
    make_dataset("mini", MiniDataset(groups=2, images=1, size=32), tmp_path, 0)
    groups = read_groups(tmp_path)
    assert len(known_words(groups)) == 72 and {word_of(its.slug) for its in groups} < set(known_words(groups))


def test_the_words_of_other_datasets_are_those_of_their_groups(tmp_path):
    make_dataset("mini", MiniDataset(groups=1, images=1, size=32), tmp_path, 0)
    (group,) = read_groups(tmp_path)
    renamed = [type("Named", (), {"slug": slug})() for slug in ("zebra-crossing", "zebra-crossing-2", group.slug)]
    assert known_words(renamed) == sorted({"zebra-crossing", word_of(group.slug)})


def test_every_group_has_a_row(tmp_path, tiny_model):
    make_dataset("mini", MiniDataset(groups=2, images=1, size=32), tmp_path / "data", 0)
    for number, group in enumerate(read_groups(tmp_path / "data")):
        folder = tmp_path / "concepts" / "groups" / group.slug
        folder.mkdir(parents=True)
        Concept("<my-x>", torch.randn(16, generator=torch.Generator().manual_seed(number))).save(folder / FILE)
    found = measure(tiny_model, tmp_path / "data", tmp_path / "concepts")
    assert list(found.columns) == ["slug", "word", "nearest", "rank", "known"]
    assert list(found.slug) == [its.slug for its in read_groups(tmp_path / "data")]
    assert found["rank"].between(1, 72).all()


def words(degradation, ranks):
    names = [f"group{number}" for number in range(len(ranks))]
    return pd.DataFrame({"slug": names, "rank": ranks, "dataset": "mini", "degradation": degradation})


def test_the_table_has_ranks_and_success_rates():
    rows = scores(["mini"], ["cosalpure"])
    found = build(
        pd.concat([words("none", [1, 1, 1, 2]), words("jadena", [1, 2, 3, 10])]),
        rows[rows["degradation"].isin(["none", "jadena"])],
        Entries(),
    )
    jadena = found[(found["degradation"] == "jadena") & (found["split"] == "avg")]
    by_metric = jadena.drop_duplicates("metric").set_index("metric")["value"]
    assert by_metric["word_rank"] == 4 and by_metric["own_word"] == 0.25 and 0 <= by_metric["sr"] <= 1
    assert {its.name for its in WORDS.metrics} == {*VALUES, "sr"} == set(found["metric"])
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()
    text = as_markdown(found)
    assert "word rank avg↓" in text and "own word avg↑" in text and "SR adv↑" in text


def test_missing_words_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no such file of words; write it with: cosalpure words measure"):
        read_words([tmp_path / "none.parquet"])
    with pytest.raises(UserError, match="no files of words"):
        read_words([])
    write_parquet(words("none", [1]), tmp_path / "one.parquet")
    assert len(read_words([tmp_path / "one.parquet"] * 2)) == 2
