"""The concept stage: a folder a group, and nothing depends on how groups are split or learned together."""

import pytest

from cosalpure.concept import FILE, Concept, stage
from cosalpure.concept.settings import ConceptLearning
from cosalpure.data import read_groups
from cosalpure.data.settings import MiniDataset
from cosalpure.data.stage import run as make_dataset


@pytest.fixture
def data(tmp_path):
    make_dataset("mini", MiniDataset(groups=3, images=3, size=32), tmp_path / "data", 0)
    return tmp_path / "data"


@pytest.fixture
def learn(data, tmp_path, tiny_model, monkeypatch):
    """`learn(folder, span, **settings)`: the stage on random small weights -> {group: its folder}."""
    monkeypatch.setattr(stage.TextToImage, "of", lambda _: tiny_model)

    def run(folder, span, **settings):
        stage.run(ConceptLearning(steps=4, batch=2, **settings), None, data, data, tmp_path / folder, span, 0)
        return {group.slug: tmp_path / folder / "groups" / group.slug for group in read_groups(data, span)}

    return run


@pytest.mark.slow
def test_concepts_are_the_same_bytes_in_any_job(learn):
    whole = learn("whole", "0:3")
    parts = learn("parts", "0:1") | learn("parts", "1:3")
    assert len(whole) == 3 and whole.keys() == parts.keys()
    assert all((whole[slug] / FILE).read_bytes() == (parts[slug] / FILE).read_bytes() for slug in whole)


@pytest.mark.slow
def test_concepts_are_the_same_bytes_however_often_they_are_saved(learn):
    once, often = learn("once", "0:1"), learn("often", "0:1", checkpoint_every=1)
    assert all((once[slug] / FILE).read_bytes() == (often[slug] / FILE).read_bytes() for slug in once)


@pytest.mark.slow
def test_groups_side_by_side_give_the_same_concepts_but_for_rounding(learn):
    alone, together = learn("alone", "0:3"), learn("together", "0:3", groups_at_once=2)
    for slug, folder in together.items():
        one, other = Concept.load(alone[slug] / FILE), Concept.load(folder / FILE)
        assert one.token == other.token == f"<my-{slug}>"
        assert (one.vector - other.vector).abs().max() < 1e-4
        assert len((folder / "loss.csv").read_text().splitlines()) == 1 + 4


@pytest.mark.slow
def test_finished_jobs_leave_no_progress_files(learn, tmp_path):
    learn("out", "0:3", groups_at_once=3, checkpoint_every=2)
    assert not list((tmp_path / "out" / "progress").glob("*"))
