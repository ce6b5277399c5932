"""A concept is one small file that stock diffusers reads; a file that does not fit is one line that names it."""

import pytest
import torch

from cosalpure.concept import Concept, learn, token_of
from cosalpure.concept.settings import ConceptLearning
from cosalpure.errors import UserError
from cosalpure.seeds import generator

SETTINGS = ConceptLearning(steps=5, batch=4)


def test_concept_is_small_and_survives_a_round_trip(images, tiny_model, tmp_path):
    concept, _ = learn(images, tiny_model, SETTINGS, generator(1), token_of("goat"))
    concept.save(tmp_path / "learned_embeds.safetensors")
    assert (tmp_path / "learned_embeds.safetensors").stat().st_size < 20_000
    loaded = Concept.load(tmp_path / "learned_embeds.safetensors")
    assert loaded.token == concept.token == "<my-goat>"
    assert torch.equal(loaded.vector, concept.vector)


def test_a_concept_is_as_readable_as_any_other_file(tmp_path):
    (tmp_path / "other").write_text("")
    Concept("<my-goat>", torch.zeros(4)).save(tmp_path / "learned_embeds.safetensors")
    assert (tmp_path / "learned_embeds.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.slow
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


def test_bad_concept_files_are_named(tmp_path):
    with pytest.raises(UserError, match="absent.safetensors: no such concept"):
        Concept.load(tmp_path / "absent.safetensors")
    (tmp_path / "half.safetensors").write_bytes(b"\x10\x00")
    with pytest.raises(UserError, match="half.safetensors: not a safetensors file"):
        Concept.load(tmp_path / "half.safetensors")


EMBEDDINGS = {  # id: (tensors of the file, what the line says)
    "another model's width": ({"<a>": torch.ones(1, 1024)}, "an embedding of 1024 numbers"),
    "three vectors": ({"<a>": torch.ones(3, 16)}, "holds several vectors (shape 3 x 16)"),
    "NaN": ({"<a>": torch.full((1, 16), float("nan"))}, "not finite numbers"),
    "integers": ({"<a>": torch.ones(1, 16, dtype=torch.long)}, "of type int64; expected floating point"),
    "no vector": ({"<a>": torch.zeros(1, 0)}, "holds no vector (shape 1 x 0)"),
    "a single number": ({"<a>": torch.tensor(1.0)}, "holds no vector (shape a single number)"),
    "empty token": ({"": torch.ones(1, 16)}, "has an empty name"),
    "two text encoders (SDXL)": (
        {"clip_l": torch.ones(1, 16), "clip_g": torch.ones(1, 32)},
        "found 2 (clip_g, clip_l)",
    ),
    "nothing": ({}, "expected one embedding, found 0"),
}


@pytest.mark.parametrize("case", EMBEDDINGS)
def test_embeddings_that_do_not_fit_are_one_line_that_names_the_file(case, tiny_model, tmp_path):
    from safetensors.torch import save_file

    tensors, words = EMBEDDINGS[case]
    path = tmp_path / "learned_embeds.safetensors"
    save_file(tensors, path)
    with pytest.raises(UserError) as caught:
        Concept.load(path).fitting(tiny_model)
    assert str(caught.value).startswith(f"{path}: ") and words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(16,), (1, 16), (1, 1, 16)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_one_vector_of_any_precision_and_layout_is_read(shape, dtype, tiny_model, tmp_path):
    from safetensors.torch import save_file

    save_file({"<cat-toy>": torch.ones(shape, dtype=dtype)}, tmp_path / "x.safetensors")
    concept = Concept.load(tmp_path / "x.safetensors").fitting(tiny_model)
    assert concept.vector.shape == (16,) and concept.vector.dtype == torch.float32
