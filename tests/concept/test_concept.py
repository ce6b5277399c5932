"""Concept learning optimises one vector of a frozen model, and leaves one small file that stock diffusers reads."""

import pytest
import torch

from cosalpure.concept import Concept, learn, token_of
from cosalpure.errors import UserError
from cosalpure.seeds import generator
from cosalpure.settings import ConceptLearning

SETTINGS = ConceptLearning(steps=5, batch=4)


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


def test_concept_is_small_and_survives_a_round_trip(images, tiny_model, tmp_path):
    concept, _ = learn(images, tiny_model, SETTINGS, generator(1), token_of("goat"))
    concept.save(tmp_path / "learned_embeds.safetensors")
    assert (tmp_path / "learned_embeds.safetensors").stat().st_size < 20_000
    loaded = Concept.load(tmp_path / "learned_embeds.safetensors")
    assert loaded.token == concept.token == "<my-goat>"
    assert torch.equal(loaded.vector, concept.vector)


def test_stock_diffusers_reads_the_concept_and_means_the_same(images, tiny_model, tiny_pipeline, tmp_path):
    from diffusers import DiffusionPipeline

    concept, _ = learn(images, tiny_model, SETTINGS, generator(1), token_of("barber-pole"))
    concept.save(tmp_path / "learned_embeds.safetensors")
    pipeline = DiffusionPipeline.from_pretrained(tiny_pipeline)
    pipeline.load_textual_inversion(tmp_path / "learned_embeds.safetensors")
    caption = f"a photo of {concept.token}"
    ids = pipeline.tokenizer(caption, padding="max_length", return_tensors="pt").input_ids
    stock = pipeline.text_encoder(ids).last_hidden_state
    ours = tiny_model.embed([caption], concept.token, concept.vector)
    torch.testing.assert_close(ours, stock, atol=1e-5, rtol=0)
    image = pipeline(caption, num_inference_steps=2, output_type="pt", height=32, width=32).images
    assert image.shape == (1, 3, 32, 32)


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


def test_bad_concept_files_are_named(tmp_path):
    with pytest.raises(UserError, match="absent.safetensors: no such concept"):
        Concept.load(tmp_path / "absent.safetensors")
    (tmp_path / "half.safetensors").write_bytes(b"\x10\x00")
    with pytest.raises(UserError, match="half.safetensors: not a safetensors file"):
        Concept.load(tmp_path / "half.safetensors")


def test_pipeline_folder_is_checked(tmp_path):
    from cosalpure.networks.text_to_image import TextToImage

    with pytest.raises(UserError, match="not a diffusers pipeline folder with Stable Diffusion's components; no vae/"):
        TextToImage(tmp_path, 64)
