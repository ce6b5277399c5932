"""Weights are copied to COSALPURE_SCRATCH once, are read from there, and a copy that fails costs nothing but time."""

import os
from pathlib import Path

import pytest
import torch

from cosalpure.networks import checkpoints
from cosalpure.staging import staged

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "shared/final.pth"
    path.parent.mkdir()
    torch.save({"bias": torch.ones(2)}, path)
    return path


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("COSALPURE_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def test_without_a_scratch_folder_the_path_is_its_own(weights, monkeypatch):
    monkeypatch.delenv("COSALPURE_SCRATCH", raising=False)
    assert staged(weights) == weights
    assert staged(str(weights)) == str(weights)


def test_a_file_is_copied_once(weights, scratch):
    copy = staged(weights)
    assert copy.is_relative_to(scratch) and copy.name == "final.pth" and copy.read_bytes() == weights.read_bytes()
    copy.write_bytes(b"the first copy")
    assert staged(str(weights)) == copy and copy.read_bytes() == b"the first copy"


def test_a_changed_file_is_copied_anew(weights, scratch):
    old = staged(weights)
    os.utime(weights, ns=(1, 1))
    assert staged(weights) != old


def test_a_folder_is_copied_with_what_its_links_lead_to(weights, scratch, tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/model.pth").symlink_to(weights)  # as in the hub's cache
    copy = staged(tmp_path / "unet")
    assert not (copy / "model.pth").is_symlink() and (copy / "model.pth").read_bytes() == weights.read_bytes()


def test_checkpoints_are_read_from_the_copy(weights, scratch):
    torch.save({"bias": torch.zeros(2)}, staged(weights))
    assert checkpoints.read(weights)["bias"].tolist() == [0, 0]


def test_a_scratch_folder_that_cannot_be_written_is_passed_over(weights, scratch, capsys):
    scratch.write_text("a file in the folder's place")
    assert staged(weights) == weights
    assert capsys.readouterr().err.startswith(f"cosalpure: {weights}: not copied to COSALPURE_SCRATCH={scratch}")


def test_weights_that_are_not_there_are_left_to_the_reader_s_message(scratch, tmp_path):
    assert staged(tmp_path / "nothing.pth") == tmp_path / "nothing.pth"


def test_a_diffusion_model_s_components_are_read_from_the_copy(scratch):
    from diffusers import AutoencoderKL

    from cosalpure.diffusion.pipeline_checks import loaded

    loaded(AutoencoderKL, ROOT / "cosalpure/assets/mini/models/text-to-image/vae")
    assert {file.name for file in scratch.rglob("vae/*")} == {"config.json", "diffusion_pytorch_model.safetensors"}
