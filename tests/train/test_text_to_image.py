"""The text-to-image model's trainings, with tiny settings: what they write is a stock Stable Diffusion pipeline."""

import json
import math

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file

from cosalpure.concept import FILE, Concept, token_of
from cosalpure.concept.words import words
from cosalpure.data.mini import MiniWorld
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError
from cosalpure.seeds import generator
from cosalpure.train.autoencoder import AutoencoderSettings, build_autoencoder, start_as_patch_pca, train_autoencoder
from cosalpure.train.common import cosine_with_warmup
from cosalpure.train.gate import gate, word_shares
from cosalpure.train.text_encoder import (
    OTHERS,
    PLAIN,
    TextEncoderSettings,
    contrastive_loss,
    known_concepts,
    make_tokenizer,
    train_text_encoder,
)
from cosalpure.train.text_to_image import Pool, TextToImageSettings, draw_images, noised, train_text_to_image


class FewConcepts(MiniWorld):
    """The mini world with six words, so that captions and pools are made in no time."""

    def concepts(self, split):
        return {"dev": ["honey-pot", "pear"], "test": ["bear", "pig", "skull", "turtle"]}.get(
            split
        ) or super().concepts(split)[:6]


TINY = {"checkpoint_every": 1, "log_every": 1, "warmup": 1, "batch": 2}
TEXT = TextEncoderSettings(steps=2, width=16, heads=2, held_out=1, **TINY)
AUTOENCODER = AutoencoderSettings(steps=2, held_out=3, **TINY)
UNET = TextToImageSettings(
    steps=3, early_step=1, images_per_concept=2, large=0.5, channels=(16, 16, 16), heads=(2, 2, 2), **TINY
)


@pytest.fixture(scope="module")
def world():
    return FewConcepts()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, world):
    """(folder, pipeline folder) after a few steps of each training."""
    root = tmp_path_factory.mktemp("text-to-image")
    train_text_encoder(root / "text", TEXT, world)
    train_autoencoder(root / "autoencoder", AUTOENCODER, world)
    return root, train_text_to_image(root / "unet", root / "text", root / "autoencoder", UNET, world)


@pytest.mark.slow
def test_pipeline_loads_and_draws_in_float32(trained):
    pipeline = DiffusionPipeline.from_pretrained(trained[1], local_files_only=True)
    assert {m.dtype for m in (pipeline.vae, pipeline.unet, pipeline.text_encoder)} == {torch.float32}
    image = pipeline("a photo of a bear", num_inference_steps=2, output_type="np").images
    assert image.shape == (1, 64, 64, 3) and np.isfinite(image).all()


@pytest.mark.slow
def test_pipeline_loads_a_learned_concept(trained, tmp_path):
    pipeline = DiffusionPipeline.from_pretrained(trained[1], local_files_only=True)
    embeddings = pipeline.text_encoder.get_input_embeddings().weight
    bear = embeddings[pipeline.tokenizer.convert_tokens_to_ids("bear</w>")].detach().clone()
    save_file({"<S*>": bear[None]}, tmp_path / "learned_embeds.safetensors")
    pipeline.load_textual_inversion(tmp_path / "learned_embeds.safetensors")

    def hidden(prompt):
        return pipeline.text_encoder(pipeline.tokenizer(prompt, return_tensors="pt").input_ids)[0]

    torch.testing.assert_close(hidden("a photo of <S*>"), hidden("a photo of bear"))


@pytest.mark.slow
def test_training_exports_an_early_pipeline_and_logs_every_step(trained):
    folder = trained[0] / "unet"
    assert (folder / "early" / "model_index.json").exists()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]


@pytest.mark.slow
def test_a_pool_at_twice_the_side_has_its_own_images(trained):
    folder = trained[0] / "unet"
    small, large = (np.load(folder / f"pool-{side}.npy") for side in (64, 128))
    assert small.shape == (12, 64, 64, 3) and large.shape == (6, 128, 128, 3) and large.std() > 20


def test_a_share_of_the_steps_is_at_twice_the_side():
    small, large = (Pool(torch.zeros(4, 1, side, side), torch.zeros(4, 1, side, side), 2) for side in (2, 4))
    its = TextToImageSettings(batch=3, large=0.25)
    drawn = [draw_images(np.random.default_rng(step), small, large, its) for step in range(400)]
    sides = [mean.shape[-1] for mean, _, _ in drawn]
    assert 70 < sides.count(4) < 130 and sides.count(2) + sides.count(4) == 400
    assert all(mean.shape[0] == 3 and set(concepts) <= {0, 1} for mean, _, concepts in drawn)


@pytest.mark.slow
def test_resumed_training_equals_uninterrupted_training(tmp_path, world):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_autoencoder(whole, AUTOENCODER, world)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cosalpure.train.autoencoder.save_autoencoder", stop)  # right after the first checkpoint
        with pytest.raises(KeyboardInterrupt):
            train_autoencoder(parts, AUTOENCODER, world)
    train_autoencoder(parts, AUTOENCODER, world)
    states = [torch.load(folder / "checkpoint.pt", weights_only=True)["model"] for folder in (whole, parts)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.slow
def test_gate_measures_gap_and_recognition(trained, tmp_path, world):
    result = gate(trained[1], trained[0] / "text", tmp_path, world, scenes=1, images=2, steps=2)
    assert set(result["caption_gap"]) == {"t > 600", "t 250-600", "t < 250"}
    assert 0 <= result["recognition"]["top1"] <= result["recognition"]["top5"] <= 1
    assert (tmp_path / "samples.png").exists() and (tmp_path / "gate.json").exists()


@pytest.mark.slow
def test_a_folder_of_another_kind_ends_before_any_work(trained, tmp_path):
    text, pipeline = trained[0] / "text", trained[1]
    (tmp_path / "damaged/vae").mkdir(parents=True)
    (tmp_path / "damaged/vae/config.json").write_text("{")
    cases = {
        "nowhere: no recogniser.safetensors in it; expected a folder that `cosalpure train text-encoder` wrote": (
            lambda: gate(pipeline, "nowhere", tmp_path / "out")
        ),
        "nowhere: no such folder": lambda: gate("nowhere", text, tmp_path / "out"),
        "no vae/": lambda: gate(text, text, tmp_path / "out"),
        "no learned concepts": lambda: gate(pipeline, text, tmp_path / "out", concepts=["nowhere"]),
        "nowhere: no tokenizer in it; .* text-encoder": (
            lambda: train_text_to_image(tmp_path / "unet", "nowhere", trained[0] / "autoencoder")
        ),
        "nowhere: no vae in it; .* autoencoder": lambda: train_text_to_image(tmp_path / "unet", text, "nowhere"),
        "damaged: not readable, .* autoencoder` wrote: ": (
            lambda: train_text_to_image(tmp_path / "unet", text, tmp_path / "damaged")
        ),
    }
    for message, work in cases.items():
        with pytest.raises(UserError, match=message) as found:
            work()
        assert "\n" not in str(found.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_gate_ranks_the_words_of_learned_concepts(trained, tmp_path):
    model = TextToImage(trained[1], 64)
    known = ["honey-pot", "pear", "bear", "pig", "skull", "turtle"]

    def learned(slug, word):
        folder = tmp_path / "groups" / slug
        folder.mkdir(parents=True)
        Concept(token_of(slug), model.word_vector(word)).save(folder / FILE)

    learned("pig", "pig")
    learned("skull-2", "skull")
    learned("bear", "turtle")
    result = word_shares(model, known, tmp_path)
    assert result["ranks"]["pig"] == result["ranks"]["skull-2"] == 1 < result["ranks"]["bear"]
    assert result["top1"] == pytest.approx(2 / 3)
    learned("sun", "pig")
    with pytest.raises(UserError, match="'sun' is not a word that this model was taught"):
        word_shares(model, known, tmp_path)
    with pytest.raises(UserError, match="no learned concepts"):
        word_shares(model, known, tmp_path / "elsewhere")


def test_every_caption_word_is_one_token_and_captions_fit():
    names = [words(concept) for concept in known_concepts(MiniWorld())]
    tokenizer = make_tokenizer(names)
    texts = [*names, "object", "None", *(template.format("") for template in (*PLAIN, *OTHERS))]
    for word in " ".join(texts).replace("-", " ").split():
        assert len(tokenizer.tokenize(word)) == 1, word
    longest = max(len(tokenizer(t.format(name)).input_ids) for name in names for t in (*PLAIN, *OTHERS))
    assert longest < tokenizer.model_max_length
    assert tokenizer.unk_token not in tokenizer.tokenize("a photo of zyzzyva")


def test_contrastive_loss_shares_mass_between_equal_concepts():
    features = torch.eye(2)[[0, 0, 1]]
    perfect = contrastive_loss(features, features, torch.tensor([0, 0, 1]), scale=50.0)
    assert abs(perfect.item() - 2 * math.log(2) / 3) < 1e-5  # the entropy of the targets: ln 2 in two rows of three


@pytest.mark.slow
def test_autoencoder_starts_as_patch_pca(world):
    model = build_autoencoder(AUTOENCODER)
    images = torch.rand(8, 3, 8, 8, generator=generator(0, "flat patches")) * 2 - 1
    images = images.repeat_interleave(8, 2).repeat_interleave(8, 3)
    start_as_patch_pca(model, images)
    latents = model.encode(images).latent_dist.mode()
    # flat patches have three principal components: the code is linear in them, whatever the image's contrast
    half = model.encode(images / 2).latent_dist.mode()
    black = model.encode(images * 0).latent_dist.mode()
    torch.testing.assert_close(half - black, (latents - black) / 2, atol=0.05, rtol=0.05)


def test_noised_is_salimans_and_ho():
    latents, noise = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 3.0)
    x_t, v = noised(latents, noise, torch.tensor([0]), torch.tensor([0.64]))  # alpha = .8, sigma = .6
    assert x_t.item() == pytest.approx(0.8 * 2 + 0.6 * 3) and v.item() == pytest.approx(0.8 * 3 - 0.6 * 2)


def test_schedule_warms_up_then_falls_to_zero():
    factors = [cosine_with_warmup(step, 100, 10) for step in (0, 9, 10, 55, 100)]
    assert factors == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0])
