"""A network's passes as CUDA graphs; on a CPU the network is called as it is."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from cosalpure import train
from cosalpure.experiment.files import read_files
from cosalpure.train.compute import Compute
from cosalpure.train.graphs import graphed
from cosalpure.train.text_to_image import TextToImageSettings

ROOT = Path(__file__).resolve().parents[2]


def gradients(predict, network, images):
    network.zero_grad(set_to_none=True)
    result = predict(images)
    torch.autograd.backward(result.square().mean())
    return result.detach().clone(), [parameter.grad.clone() for parameter in network.parameters()]


@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"))],
)
def test_result_and_gradients_are_those_of_the_plain_call_for_every_shape(device):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.SiLU(), nn.Conv2d(4, 1, 3, padding=1)).to(device)
    plain = copy.deepcopy(network)
    predict = graphed(lambda net, images: net(images), network, Compute(device=device, precision="float32"))
    for side in (8, 16, 8):
        images = torch.randn(2, 3, side, side, device=device)
        (result, ours), (expected, theirs) = gradients(predict, network, images), gradients(plain, plain, images)
        torch.testing.assert_close(result, expected)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other)


def test_result_is_float32_under_bfloat16():
    network = nn.Conv2d(3, 4, 3)
    predict = graphed(lambda net, images: net(images), network, Compute(device="cpu", precision="bfloat16"))
    images = torch.randn(1, 3, 8, 8)
    result = predict(images)
    assert result.dtype == torch.float32 and not torch.equal(result, network(images))


def test_the_settings_for_a_gpu_are_settings_of_the_training():
    values = read_files([ROOT / "config/train/text-to-image-gpu.yaml"])
    its = train.updated(TextToImageSettings(), values)
    assert its.batch > TextToImageSettings().batch and its.large > 0
