"""The Stable Diffusion 2 path: its component classes and its published configuration, few and random weights.

`stubs.stable_diffusion_2` says what it has of the real one.
"""

from pathlib import Path

import pytest
import torch
from PIL import Image
from stubs import stable_diffusion_2

from cosalpure.cli import main
from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError
from cosalpure.seeds import generator

ATTACK = "{surrogate: bundled:mini/weights/resneta50b.safetensors, steps: 1}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return stable_diffusion_2(tmp_path_factory.mktemp("stable-diffusion-2"))


@pytest.fixture(scope="module")
def model(folder):
    return TextToImage(folder, 64)


@pytest.mark.slow
def test_the_whole_path_by_its_commands(folder, tmp_path):
    results = tmp_path / "results"
    model = f"{{path: {folder}, resolution: 64}}"

    def run(*command, groups=True):
        span = ["--groups", "0:1"] if groups else []
        assert main([*map(str, command), *span]) == 0, command

    run("data", "mini", "--output", results / "data", "--settings", "{groups: 1, images: 2}", groups=False)
    stage = ["--data", results / "data"]
    run("degrade", "jadena", *stage, "--output", results / "jadena", "--settings", ATTACK)
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


@pytest.mark.slow
def test_stock_diffusers_reads_this_models_concept_too(folder, model, tmp_path):
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel, CLIPTokenizer

    from cosalpure.concept import learn
    from cosalpure.concept.settings import ConceptLearning

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


@pytest.mark.slow
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


@pytest.mark.slow
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
