"""Batches shrink when memory runs out, and the result is that of one batch."""

import pytest
import torch

from cosalpure.diffusion.batches import Batches
from cosalpure.errors import UserError


def fits(limit, seen):
    """Doubles its rows and counts its calls; runs out of memory above `limit` rows, as a GPU would."""

    def function(rows, more):
        seen.append(len(rows))
        if len(rows) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * rows, rows + more

    return function


@pytest.mark.parametrize("size", [None, 1, 3, 7, 100])
def test_every_size_gives_the_same(size):
    rows, more = torch.arange(7.0), torch.arange(7.0) * 10
    doubled, added = Batches(size)(fits(100, []), rows, more)
    assert torch.equal(doubled, 2 * rows) and torch.equal(added, rows + more)


def test_out_of_memory_halves_the_batch_and_goes_on():
    seen, rows = [], torch.arange(8.0)
    batches = Batches()
    doubled, _ = batches(fits(3, seen), rows, rows)
    assert torch.equal(doubled, 2 * rows)
    assert seen == [8, 4, 2, 2, 2, 2] and batches.size == 2
    seen.clear()
    batches(fits(3, seen), rows, rows)
    assert seen == [2, 2, 2, 2], "the smaller size is kept"


def test_a_single_row_that_does_not_fit_is_one_line():
    with pytest.raises(UserError, match="out of memory with a single image: lower text_to_image.resolution"):
        Batches()(fits(0, []), torch.arange(3.0), torch.arange(3.0))


@pytest.mark.slow
def test_learning_goes_on_in_smaller_batches(tiny_model, images, monkeypatch):
    from cosalpure.concept import learn
    from cosalpure.concept.settings import ConceptLearning
    from cosalpure.seeds import generator

    settings, predict = ConceptLearning(steps=3, batch=5), tiny_model.predict

    def small(latents, t, context):
        if len(latents) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(latents, t, context)

    whole, losses = learn(images, tiny_model, settings, generator(1), "<my-goat>")
    monkeypatch.setattr(tiny_model, "predict", small)
    monkeypatch.setattr(tiny_model, "batches", Batches())
    parts, again = learn(images, tiny_model, settings, generator(1), "<my-goat>")
    torch.testing.assert_close(parts.vector, whole.vector, atol=1e-4, rtol=0)
    assert again == pytest.approx(losses, rel=1e-4) and tiny_model.batches.size == 2
