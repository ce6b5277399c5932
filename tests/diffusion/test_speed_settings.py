"""Settings that are matters of speed change rounding and nothing else."""

import pytest
import torch

from cosalpure.diffusion.text_to_image import TextToImage


def predicted(model):
    draws = torch.Generator().manual_seed(0)
    latents = torch.randn(2, *model.latent_shape, generator=draws)
    context = model.embed(["a photo of goat"]).expand(2, -1, -1)
    return model.predict(latents, torch.tensor([10, 900]), context)


@pytest.mark.slow
def test_memory_format_changes_rounding_alone(tiny_pipeline, tiny_model):
    model = TextToImage(tiny_pipeline, 32, channels_last=True)
    assert model.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert not tiny_model.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(predicted(model), predicted(tiny_model), atol=1e-5, rtol=1e-4)
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for ours, plain in zip(model.encode(images), tiny_model.encode(images), strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.long  # a C++ compiler is needed, and its time
def test_compiled_network_changes_rounding_alone(tiny_pipeline, tiny_model):
    torch.testing.assert_close(
        predicted(TextToImage(tiny_pipeline, 32, compile=True)), predicted(tiny_model), atol=1e-5, rtol=1e-4
    )


def test_compiling_is_asked_for_once_and_in_place(tiny_pipeline, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: asked.append(type(self).__name__))
    TextToImage(tiny_pipeline, 32)
    TextToImage(tiny_pipeline, 32, compile=True)
    assert asked == ["UNet2DConditionModel"]
