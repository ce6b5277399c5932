"""The Stable Diffusion 2 path: its component classes and its published configuration, few and random weights.

Widths and depths are small; what the code must cope with is Stable Diffusion 2's: v-prediction, a 1024-dimensional
text encoder with gelu and a padding token of its own, heads and linear projections per level, an autoencoder of
factor 8, a scheduler saved under another class than the one used, a safety checker in the index.
"""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.networks.text_to_image import TextToImage
from cosalpure.seeds import generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from cosalpure.train.text_encoder import make_tokenizer

    folder = tmp_path_factory.mktemp("stable-diffusion-2")
    torch.manual_seed(0)
    tokenizer = make_tokenizer(["goat"])
    tokenizer.pad_token = "!"
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=1024, intermediate_size=256, num_hidden_layers=1, projection_dim=512,
        num_attention_heads=16, max_position_embeddings=tokenizer.model_max_length, hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=96, block_out_channels=(32, 32, 64, 64), layers_per_block=1, cross_attention_dim=1024,
        attention_head_dim=(1, 2, 4, 4), use_linear_projection=True,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )  # fmt: skip
    vae = AutoencoderKL(
        sample_size=768, block_out_channels=(32, 32, 32, 32), latent_channels=4, scaling_factor=0.18215,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    components = dict(tokenizer=tokenizer, text_encoder=CLIPTextModel(text), unet=unet, vae=vae, scheduler=scheduler)
    for name, component in components.items():
        component.save_pretrained(folder / name)
    index = {"_class_name": "StableDiffusionPipeline", "safety_checker": ["stable_diffusion", "SafetyChecker"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return TextToImage(folder, 64)


def test_the_whole_path_by_its_commands(folder, tmp_path):
    results = tmp_path / "results"
    model = f"{{path: {folder}, resolution: 64}}"

    def run(*command, groups=True):
        span = ["--groups", "0:1"] if groups else []
        assert main([*map(str, command), *span]) == 0, command

    run("data", "mini", "--output", results / "data", "--settings", "{groups: 1, images: 2}", groups=False)
    stage = ["--data", results / "data"]
    run("degrade", "jadena", *stage, "--output", results / "jadena", "--settings", "{steps: 1}")
    for images, name in ((results / "data", "clean"), (results / "jadena", "attacked")):
        learning = ["--settings", "{steps: 2, batch: 2}", "--text-to-image", model]
        run("concept", *stage, "--images", images, "--output", results / name, *learning)
    concepts = ["--concepts", results / "attacked", "--text-to-image", model]
    attacked = [*stage, "--images", results / "jadena", *concepts]
    run("purify", "cosalpure", *attacked, "--output", results / "pure")
    run("report", "concepts", *attacked, "--clean-concepts", results / "clean", "--output", results / "previews.png")
    pure = [*stage, "--images", results / "pure", *concepts]
    run("report", "attention", *pure, "--output", results / "attention.png")

    (concept,) = (results / "attacked/groups").glob("*/learned_embeds.safetensors")
    assert concept.stat().st_size < 20_000
    assert not list((results / "attacked").rglob("*.pt")), "what a finished job went on from is gone"
    assert len(list((results / "pure/images").rglob("*.png"))) == 2
    for name, rows in (("previews", 1), ("attention", 2)):
        with Image.open(results / f"{name}.png") as figure:
            assert figure.height == 58 + 100 * rows


def test_stock_diffusers_reads_this_models_concept_too(folder, model, tmp_path):
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel, CLIPTokenizer

    from cosalpure.concept import learn
    from cosalpure.settings import ConceptLearning

    images = torch.rand(2, 3, 64, 64, generator=generator(1))
    concept, _ = learn(images, model, ConceptLearning(steps=2, batch=2), generator(1), "<my-goat>")
    concept.save(tmp_path / "learned_embeds.safetensors")
    stock = StableDiffusionPipeline(
        vae=model.vae, unet=model.unet, text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"), safety_checker=None, feature_extractor=None,
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"), requires_safety_checker=False,
    )  # fmt: skip
    stock.load_textual_inversion(tmp_path / "learned_embeds.safetensors")
    caption = "a photo of <my-goat>"
    ids = stock.tokenizer(caption, padding="max_length", return_tensors="pt").input_ids
    ours = model.embed([caption], concept.token, concept.vector)
    torch.testing.assert_close(ours, stock.text_encoder(ids).last_hidden_state, atol=1e-5, rtol=0)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(folder, tmp_path, part):
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        if name != part:
            (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(UserError, match=f"no {part}/"):
        TextToImage(tmp_path, 64)
    (tmp_path / part).mkdir()
    with pytest.raises(UserError, match="not readable as a diffusers pipeline") as error:
        TextToImage(tmp_path, 64)
    assert "\n" not in str(error.value)


def test_broken_weights_are_one_line(folder, tmp_path):
    for name in ("vae", "text_encoder", "tokenizer", "scheduler"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/config.json").write_bytes((folder / "unet/config.json").read_bytes())
    weights = next(Path(folder / "unet").glob("*.safetensors"))
    (tmp_path / "unet" / weights.name).write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match="not readable as a diffusers pipeline") as error:
        TextToImage(tmp_path, 64)
    assert "\n" not in str(error.value)


def test_a_resolution_that_does_not_fit_is_one_line(folder):
    with pytest.raises(UserError, match="resolution: 100 is not a multiple of 64"):
        TextToImage(folder, 100)


def test_half_precision_is_close(folder, model):
    half = TextToImage(folder, 64, dtype="bfloat16")
    images = torch.rand(1, 3, 64, 64, generator=generator(2))
    (mean, _), (near, _) = model.encode(images), half.encode(images)
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, mean, atol=0.05 * mean.abs().max().item(), rtol=0)
    context = model.embed(["goat"])
    full, low = (m.predict(mean, torch.tensor([200]), context).detach() for m in (model, half))
    torch.testing.assert_close(low, full, atol=0.05 * full.abs().max().item(), rtol=0)


def test_slices_give_the_same_and_tiles_nearly(folder, model):
    images = torch.rand(3, 3, 64, 64, generator=generator(2))
    mean, _ = model.encode(images)
    sliced = TextToImage(folder, 64, vae_slicing=True)
    torch.testing.assert_close(sliced.encode(images)[0], mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(sliced.decode(mean, (64, 64)), model.decode(mean, (64, 64)), atol=1e-5, rtol=0)
    assert TextToImage(folder, 64, vae_tiling=True).decode(mean, (64, 64)).shape == images.shape


def test_an_address_of_the_hub_is_asked_for_with_its_revision(folder, monkeypatch):
    import huggingface_hub

    asked = []

    def download(repository, revision, local_dir, allow_patterns):
        asked.append((repository, revision, local_dir))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert TextToImage("hf:them/model@v2", 64).prediction == "v_prediction"
    TextToImage("hf:them/model", 64)
    assert asked == [("them/model", "v2", None), ("them/model", None, None)]


def test_an_address_that_cannot_be_reached_is_one_line(monkeypatch):
    import huggingface_hub

    def download(*_, **__):
        raise OSError("Repository Not Found\nfor url: ...")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(UserError, match="text_to_image.path: hf:them/absent: .*Repository Not Found") as error:
        TextToImage("hf:them/absent", 64)
    assert "\n" not in str(error.value)
