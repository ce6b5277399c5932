"""Concept learning optimises one vector of a frozen model."""

import pytest
import torch

from cosalpure.concept import Concept, learn, learn_together
from cosalpure.concept.attention import attention_maps, collected_attention
from cosalpure.concept.preview import preview
from cosalpure.concept.settings import ConceptFigures, ConceptLearning
from cosalpure.diffusion.batches import Batches
from cosalpure.errors import UserError
from cosalpure.seeds import generator

SETTINGS = ConceptLearning(steps=5, batch=4)


@pytest.mark.slow
def test_learning_repeats_and_depends_on_the_seed(images, tiny_model):
    runs = [learn(images, tiny_model, SETTINGS, generator(seed), "<my-goat>") for seed in (1, 1, 2)]
    assert torch.equal(runs[0][0].vector, runs[1][0].vector)
    assert runs[0][1] == runs[1][1] and len(runs[0][1]) == SETTINGS.steps
    assert not torch.equal(runs[0][0].vector, runs[2][0].vector)


def test_the_model_stays_as_it_was(images, tiny_model):
    before = {key: value.clone() for key, value in tiny_model.text_encoder.state_dict().items()}
    tokens = len(tiny_model.tokenizer)
    learn(images, tiny_model, SETTINGS, generator(1), "<my-goat>")
    after = tiny_model.text_encoder.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert len(tiny_model.tokenizer) == tokens
    embedding = tiny_model.text_encoder.get_input_embeddings()
    assert not embedding._forward_hooks and not embedding._forward_pre_hooks


@pytest.mark.slow
def test_learning_lowers_the_denoising_loss(images, tiny_model):
    def mean_loss(vector):
        losses = []
        for seed in range(20):
            draws = generator(seed, "held out")
            mean, _ = tiny_model.encode(images)
            noise = torch.randn(mean.shape, generator=draws)
            t = torch.randint(1000, (len(images),), generator=draws)
            context = tiny_model.embed(["a photo of <my-goat>"], "<my-goat>", vector).expand(len(images), -1, -1)
            with torch.no_grad():
                output = tiny_model.predict(tiny_model.add_noise(mean, noise, t), t, context)
            losses.append((output - tiny_model.target(mean, noise, t)).square().mean().item())
        return sum(losses) / len(losses)

    learned, _ = learn(images, tiny_model, ConceptLearning(steps=60, batch=5), generator(1), "<my-goat>")
    assert mean_loss(learned.vector) < mean_loss(tiny_model.word_vector("object"))


def test_plain_captions_are_embedded_as_stock_diffusers_does(tiny_model):
    captions = ["a photo of goat", "None", ""]
    tokenizer = tiny_model.tokenizer
    ids = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
    torch.testing.assert_close(tiny_model.embed(captions), tiny_model.text_encoder(ids).last_hidden_state)


def test_timestep_range_is_kept(images, tiny_model, monkeypatch):
    seen = []
    monkeypatch.setattr(tiny_model, "predict", lambda z, t, context: seen.append(t) or z * context.mean())
    learn(images, tiny_model, ConceptLearning(steps=30, batch=4, timesteps=(600, 700)), generator(1), "<my-goat>")
    drawn = torch.cat(seen)
    assert drawn.min() >= 600 and drawn.max() < 700


def test_non_finite_loss_is_one_line(images, tiny_model, monkeypatch):
    monkeypatch.setattr(tiny_model, "predict", lambda z, t, context: z * context.mean() * float("nan"))
    with pytest.raises(UserError, match="the loss is nan after 0 steps; lower learning_rate"):
        learn(images, tiny_model, SETTINGS, generator(1), "<my-goat>")


def test_initial_word_must_be_one_token(images, tiny_model):
    with pytest.raises(UserError, match="'photo of goat' is 3 tokens"):
        learn(images, tiny_model, ConceptLearning(initial_word="photo of goat"), generator(1), "<my-goat>")


def test_pipeline_folder_is_checked(tmp_path):
    from cosalpure.diffusion.text_to_image import TextToImage

    with pytest.raises(UserError, match="not a diffusers pipeline folder with Stable Diffusion's components; no vae/"):
        TextToImage(tmp_path, 64)


def interrupted(predict, calls, after):
    """`predict` that notes its calls, and is interrupted after so many."""

    def run(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(1)
        return predict(*arguments)

    return run


@pytest.mark.slow
def test_an_interrupted_learning_goes_on_to_the_same_concept(images, tiny_model, tmp_path, monkeypatch):
    settings = ConceptLearning(steps=7, batch=4, checkpoint_every=2)
    whole = learn(images, tiny_model, settings, generator(1), "<my-goat>")
    calls, predict = [], tiny_model.predict
    checkpoint = tmp_path / "progress" / "goat.pt"
    monkeypatch.setattr(tiny_model, "predict", interrupted(predict, calls, 5))
    with pytest.raises(KeyboardInterrupt):
        learn(images, tiny_model, settings, generator(1), "<my-goat>", checkpoint)
    calls.clear()
    monkeypatch.setattr(tiny_model, "predict", lambda *arguments: calls.append(1) or predict(*arguments))
    resumed = learn(images, tiny_model, settings, generator(1), "<my-goat>", checkpoint)
    assert len(calls) == 3, "steps 4, 5 and 6: the state after four was saved"
    for number, (concept, _) in enumerate((whole, resumed)):
        concept.save(tmp_path / f"{number}.safetensors")
    assert (tmp_path / "0.safetensors").read_bytes() == (tmp_path / "1.safetensors").read_bytes()
    assert whole[1] == resumed[1]


def groups_of(images):
    """Two groups of unlike sizes and seeds, as `learn_together` takes them."""
    return [(images, generator(1), "<my-goat>", None), (images[:3].flip(0), generator(2), "<my-bear>", None)]


@pytest.mark.slow
def test_groups_learned_together_learn_what_each_learns_alone(images, tiny_model, monkeypatch):
    alone = [learn(pixels, tiny_model, SETTINGS, draws, token) for pixels, draws, token, _ in groups_of(images)]
    batches, predict = [], tiny_model.predict
    monkeypatch.setattr(tiny_model, "predict", lambda z, *rest: batches.append(len(z)) or predict(z, *rest))
    together = learn_together(groups_of(images), tiny_model, SETTINGS)
    assert batches == [2 * SETTINGS.batch] * SETTINGS.steps
    for (concept, losses), (expected, expected_losses) in zip(together, alone, strict=True):
        assert concept.token == expected.token
        torch.testing.assert_close(concept.vector, expected.vector, atol=1e-4, rtol=0)
        assert losses == pytest.approx(expected_losses, rel=1e-4)


def test_groups_learned_together_go_on_from_where_each_was(images, tiny_model, tmp_path):
    """One had finished, the other starts anew: the first is left as it was, the second learns the same."""
    settings = ConceptLearning(steps=6, batch=4, checkpoint_every=2)
    goat, bear = ((*group[:3], tmp_path / f"{number}.pt") for number, group in enumerate(groups_of(images)))
    whole = learn_together([goat, bear], tiny_model, settings)
    assert len(torch.load(bear[3], weights_only=True)["losses"]) == settings.steps
    goat[3].unlink()
    fresh, kept = groups_of(images)
    resumed = learn_together([fresh, (*kept[:3], bear[3])], tiny_model, settings)
    assert torch.equal(resumed[1][0].vector, whole[1][0].vector) and resumed[1][1] == whole[1][1]
    torch.testing.assert_close(resumed[0][0].vector, whole[0][0].vector, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_groups_learned_together_go_on_in_smaller_batches(images, tiny_model, monkeypatch):
    """Batches that cut through a group: its gradient is still that of all its rows."""
    expected, predict = learn_together(groups_of(images), tiny_model, SETTINGS), tiny_model.predict

    def small(latents, *rest):
        if len(latents) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(latents, *rest)

    monkeypatch.setattr(tiny_model, "predict", small)
    monkeypatch.setattr(tiny_model, "batches", Batches())
    for (concept, _), (whole, _) in zip(learn_together(groups_of(images), tiny_model, SETTINGS), expected, strict=True):
        torch.testing.assert_close(concept.vector, whole.vector, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["images", "settings", "seed", "model", "broken"])
def test_a_checkpoint_of_anything_else_is_not_taken_up(images, tiny_model, tmp_path, change, monkeypatch):
    checkpoint = tmp_path / "goat.pt"
    learn(images, tiny_model, SETTINGS, generator(1), "<my-goat>", checkpoint)
    if change == "broken":
        checkpoint.write_bytes(checkpoint.read_bytes()[:300])
    other = images.flip(0) if change == "images" else images
    settings = SETTINGS.model_copy(update={"batch": 3}) if change == "settings" else SETTINGS
    seed = 2 if change == "seed" else 1
    if change == "model":  # other weights under the same path: the same words, another network
        monkeypatch.setattr(tiny_model, "files", [])
        predict = tiny_model.predict
        monkeypatch.setattr(tiny_model, "predict", lambda z, t, context: 2 * predict(z, t, context))
    fresh = learn(other, tiny_model, settings, generator(seed), "<my-goat>")
    again = learn(other, tiny_model, settings, generator(seed), "<my-goat>", checkpoint)
    assert torch.equal(fresh[0].vector, again[0].vector) and fresh[1] == again[1]


def test_a_token_that_the_model_has_is_one_line(images, tiny_model):
    with pytest.raises(UserError, match="concept goat</w>: .* already has a token of this name; rename the group"):
        learn(images, tiny_model, SETTINGS, generator(1), "goat</w>")


def test_jpeg_before_learning_changes_what_is_learned(images, tiny_model, monkeypatch):
    from cosalpure.io import through_jpeg

    encode, seen = tiny_model.encode, []
    monkeypatch.setattr(tiny_model, "encode", lambda view: seen.append(view) or encode(view))
    learn(images, tiny_model, ConceptLearning(steps=1, jpeg=30), generator(1), "<my-goat>")
    assert torch.equal(seen[0], through_jpeg(images, 30)) and torch.equal(seen[1], seen[0].flip(-1))
    assert not torch.allclose(seen[0], images, atol=0.02)


def test_a_preview_needs_no_image_and_repeats(tiny_model):
    three = ConceptFigures(steps=3)
    goat, pole = (Concept("<my-goat>", tiny_model.word_vector(word)) for word in ("goat", "object"))
    first, second, other = (
        preview(tiny_model, c, [generator(3), generator(4)], settings=three) for c in (goat, goat, pole)
    )
    assert first.shape == (2, 3, 32, 32) and 0 <= first.min() and first.max() <= 1
    assert torch.equal(first, second) and not torch.allclose(first, other, atol=1e-3)
    alone = preview(tiny_model, goat, [generator(4)], settings=three)
    torch.testing.assert_close(alone, first[1:], atol=1e-4, rtol=0)
    for its in (ConceptFigures(steps=4), ConceptFigures(steps=3, guidance_scale=2.0)):
        assert not torch.allclose(preview(tiny_model, goat, [generator(4)], settings=its), alone, atol=1e-3)


def test_attention_maps_are_those_of_the_token(tiny_model, images):
    # By hand, for one layer: softmax of query and key, the token's column, mean over heads.
    concept = Concept("<my-goat>", tiny_model.word_vector("goat"))
    before = tiny_model.unet.attn_processors
    maps = attention_maps(tiny_model, images[..., :24], concept, [generator(i) for i in range(5)])
    assert maps.shape == (5, 1, 32, 24) and maps.amin((1, 2, 3)).max() == 0 and maps.amax((1, 2, 3)).min() == 1
    assert tiny_model.unet.attn_processors == before, "hooks are gone"
    draws, late = [generator(i) for i in range(5)], ConceptFigures(attention_timesteps=(900,))
    assert not torch.allclose(
        attention_maps(tiny_model, images[..., :24], concept, draws, settings=late), maps, atol=1e-3
    )

    context = tiny_model.embed(["a photo of <my-goat>"], concept.token, concept.vector)
    position = tiny_model.position("a photo of <my-goat>", concept.token)
    assert position == 4, "start, a, photo, of, token"
    name, layer = next((n, m) for n, m in tiny_model.unet.named_modules() if n.endswith("attn2"))
    inputs = []
    hook = layer.register_forward_pre_hook(lambda _, args, kwargs: inputs.append(args[0]), with_kwargs=True)
    z = torch.randn(1, 4, 8, 8, generator=generator(9))
    with collected_attention(tiny_model.unet, position) as collected, torch.no_grad():
        ours = tiny_model.predict(z, torch.tensor([100]), context)
    hook.remove()
    q, k = layer.to_q(inputs[0]), layer.to_k(context)
    heads = [part.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for part in (q, k)]
    shares = (heads[0] @ heads[1].transpose(-1, -2) * layer.scale).softmax(-1).mean(1)[..., position]
    torch.testing.assert_close(collected[0], shares, atol=1e-6, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(ours, tiny_model.predict(z, torch.tensor([100]), context), atol=1e-5, rtol=0)


def test_a_token_beyond_the_models_length_is_one_line(tiny_model):
    with pytest.raises(UserError, match="does not stand in it, or beyond"):
        tiny_model.position("a " * 200 + "<my-goat>", "<my-goat>")


@pytest.mark.slow
def test_learning_stops_on_a_plateau_and_not_before(images, tiny_model):
    def steps(**changes):
        settings = ConceptLearning(steps=80, batch=4, learning_rate=0.05, **changes)
        return learn(images, tiny_model, settings, generator(1), "<my-goat>")

    whole, stopped, later = steps(), steps(plateau=0.5), steps(plateau=0.01)
    assert len(whole[1]) == 80 and 30 <= len(stopped[1]) <= len(later[1]) <= 80 and len(stopped[1]) < 80
    assert len(stopped[1]) % 10 == 0
    assert whole[1][: len(stopped[1])] == stopped[1], "asking draws nothing from the lesson's generator"


@pytest.mark.slow
def test_an_interrupted_learning_stops_on_the_same_plateau(images, tiny_model, tmp_path, monkeypatch):
    settings = ConceptLearning(steps=200, batch=4, learning_rate=0.05, plateau=0.5, checkpoint_every=7)
    whole = learn(images, tiny_model, settings, generator(1), "<my-goat>")
    calls, predict = [], tiny_model.predict
    monkeypatch.setattr(tiny_model, "predict", interrupted(predict, calls, 20))
    with pytest.raises(KeyboardInterrupt):
        learn(images, tiny_model, settings, generator(1), "<my-goat>", tmp_path / "goat.pt")
    monkeypatch.setattr(tiny_model, "predict", predict)
    resumed = learn(images, tiny_model, settings, generator(1), "<my-goat>", tmp_path / "goat.pt")
    assert resumed[1] == whole[1] and torch.equal(resumed[0].vector, whole[0].vector)
    again = learn(images, tiny_model, settings, generator(1), "<my-goat>", tmp_path / "goat.pt")
    assert again[1] == whole[1], "what has stopped does not go on"


@pytest.mark.slow
def test_groups_that_stop_at_different_steps_are_learned_together_as_alone(images, tiny_model):
    settings = ConceptLearning(steps=120, batch=4, learning_rate=0.05, plateau=0.3)
    groups = [(images, generator(1), "<a>", None), (images.flip(0) * 0.5, generator(2), "<b>", None)]
    together = learn_together(groups, tiny_model, settings)
    alone = [learn(group[0], tiny_model, settings, generator(i + 1), group[2]) for i, group in enumerate(groups)]
    for (ours, losses), (theirs, others) in zip(together, alone, strict=True):
        assert len(losses) == len(others)
        torch.testing.assert_close(ours.vector, theirs.vector, atol=1e-4, rtol=1e-3)
