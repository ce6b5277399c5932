"""What large images need: fused attention, small batches on a CPU, gradients without stored activations."""

from types import SimpleNamespace

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0

from cosalpure.concept import Concept, learn
from cosalpure.concept.attention import attention_maps
from cosalpure.concept.settings import ConceptLearning
from cosalpure.diffusion import attention
from cosalpure.diffusion.attention import AttentionBySize
from cosalpure.diffusion.batches import Batches
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.seeds import generator

SETTINGS = ConceptLearning(steps=3, batch=4)


def attended(processor):
    """The output of one cross-attention layer from 9 positions to 6 tokens, the same weights and inputs every time."""
    torch.manual_seed(0)
    layer = Attention(8, cross_attention_dim=6, heads=2, dim_head=4, processor=processor).requires_grad_(False)
    return layer(torch.randn(2, 9, 8), torch.randn(2, 6, 6))


def test_small_attention_is_the_plain_one_to_the_bit():
    assert torch.equal(attended(AttentionBySize()), attended(AttnProcessor()))


def test_large_attention_is_the_fused_one(monkeypatch):
    monkeypatch.setattr(attention, "PLAIN_SCORES", 2 * 9 * 6 - 1)  # heads x positions x tokens, less one
    found = attended(AttentionBySize())
    assert torch.equal(found, attended(AttnProcessor2_0()))
    torch.testing.assert_close(found, attended(AttnProcessor()), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("heads", "side", "chosen"),
    [(3, 32, "plain"), (20, 12, "plain"), (10, 48, "fused"), (5, 96, "fused")],
    ids=["bundled model at 128 px", "Stable Diffusion 2 at 768 px, level 4", "level 2", "level 1"],
)
def test_the_choice_depends_on_the_scores_of_one_image(heads, side, chosen):
    processor, called = AttentionBySize(), []
    processor.plain = lambda *_: called.append("plain")
    processor.fused = lambda *_: called.append("fused")
    for images in (1, 16):
        processor(SimpleNamespace(heads=heads), torch.empty(images, side * side, 1, device="meta"))
    assert called == [chosen, chosen]


@pytest.mark.slow
def test_a_model_on_a_cpu_predicts_as_with_the_plain_processor(tiny_pipeline):
    model = TextToImage(tiny_pipeline, 32, device="cpu")
    assert {type(processor) for processor in model.unet.attn_processors.values()} == {AttentionBySize}
    latents, t = torch.randn(2, *model.latent_shape, generator=generator(1)), torch.tensor([10, 900])
    context = model.embed(["a photo of goat"]).expand(2, -1, -1)
    found = model.predict(latents, t, context)
    model.unet.set_attn_processor(AttnProcessor())
    assert torch.equal(found, model.predict(latents, t, context))


@pytest.mark.slow
@pytest.mark.parametrize(("side", "learning", "passes"), [(8, None, 4), (64, None, 4), (96, 1, 1), (128, 1, 1)])
def test_batches_on_a_cpu_depend_on_the_size_of_the_latents(tiny_pipeline, side, learning, passes):
    model = TextToImage(tiny_pipeline, 32, device="cpu")
    pixels = 32 // model.latent_shape[-1]
    for resized in (model.at(pixels * side), TextToImage(tiny_pipeline, pixels * side, device="cpu")):
        assert resized.latent_shape[-1] == side
        assert (resized.batches.size, resized.passes.size) == (learning, passes)
    given = TextToImage(tiny_pipeline, pixels * side, device="cpu", batch=3)
    assert (given.batches.size, given.passes.size) == (3, 3), "what the user asks for holds"


@pytest.mark.slow
def test_gradient_checkpointing_computes_twice_and_learns_the_same(images, tiny_pipeline):
    results, calls = [], []
    for checkpointing in (False, True):
        model, seen = TextToImage(tiny_pipeline, 32, device="cpu", gradient_checkpointing=checkpointing), []
        model.unet.mid_block.resnets[1].register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        results.append(learn(images, model, SETTINGS, generator(1), "<my-goat>"))
        calls.append(len(seen))
    (plain, losses), (checkpointed, others) = results
    assert calls == [SETTINGS.steps, 2 * SETTINGS.steps]
    assert torch.equal(plain.vector, checkpointed.vector) and losses == others


@pytest.mark.slow
def test_attention_maps_in_smaller_batches_are_the_same(images, tiny_model, monkeypatch):
    concept = Concept("<my-goat>", tiny_model.word_vector("object"))

    def maps():
        return attention_maps(tiny_model, images, concept, [generator(1, number) for number in range(len(images))])

    whole, batches, predict = maps(), [], tiny_model.predict
    monkeypatch.setattr(tiny_model, "predict", lambda z, *rest: batches.append(len(z)) or predict(z, *rest))
    monkeypatch.setattr(tiny_model, "batches", Batches(2))
    torch.testing.assert_close(maps(), whole, atol=1e-4, rtol=0)
    assert max(batches) == 2


def test_a_concept_of_1024_dimensions_takes_four_kilobytes(tmp_path):
    concept = Concept("<my-alaskan-bear>", torch.randn(1024, generator=generator(1)))
    concept.save(tmp_path / "learned_embeds.safetensors")
    assert 4096 < (tmp_path / "learned_embeds.safetensors").stat().st_size < 4300
    assert torch.equal(Concept.load(tmp_path / "learned_embeds.safetensors").vector, concept.vector)
