"""A surrogate is resneta50b as published, or a detector's backbone, from the same settings."""

import pytest
import torch

from cosalpure import networks
from cosalpure.degrade import create
from cosalpure.degrade.jadena import Jadena
from cosalpure.degrade.settings import JadenaSettings
from cosalpure.degrade.surrogate import MAPS, Surrogate
from cosalpure.detect import DETECTORS
from cosalpure.errors import UserError

SLIM = {
    "resneta50b": {"width": 0.125, "layers": (1, 1, 1, 1), "classes": 5},
    "gicd": {"width": 0.125, "classes": 5, "classifier_width": 8, "pool": 1, "channels": 4, "input_size": 32},
    "gcagc": {"width": 0.125, "modules": (1, 1, 1), "blocks": 1, "input_size": 32},
    "poolnet": {"width": 0.125, "layers": (1, 1, 1, 1)},
    "gconet_plus": {"width": 0.125, "input_size": 32},
    "mccl": {"width": 0.125, "depths": (1, 1, 1, 1), "input_size": 32},
}


@pytest.fixture(params=list(MAPS))
def network(request):
    torch.manual_seed(0)
    return request.param, networks.build(request.param, **SLIM[request.param]).eval().requires_grad_(False)


def test_maps_are_of_strides_4_8_and_16(network, images):
    maps = Surrogate(*network)(torch.cat([images, images], -1))
    one_more = network[0] == "poolnet"  # its max pooling rounds up
    expected = [(8 + one_more, 16 + one_more), (4 + one_more, 8 + one_more), (2 + one_more, 4 + one_more)]
    assert [tuple(features.shape[-2:]) for features in maps] == expected
    assert all(len(features) == 5 and features.dtype == torch.float32 for features in maps)


def test_attack_runs_on_every_surrogate(network, images):
    result = Jadena(JadenaSettings(steps=2), Surrogate(*network)).attack(images)
    assert result.losses.isfinite().all() and result.noise.abs().max() == pytest.approx(2 / 255)


@pytest.mark.slow
def test_weights_come_from_a_file(network, images, tmp_path):
    name, module = network
    networks.save_weights(tmp_path / "slim.safetensors", module, SLIM[name], name)
    settings = {"surrogate": str(tmp_path / "slim.safetensors"), "surrogate_network": name, "steps": 1}
    assert create("jadena", **settings)(images).shape == images.shape
    other = "gicd" if name != "gicd" else "poolnet"
    with pytest.raises(UserError, match=f"holds weights of '{name}', not of '{other}'"):
        create("jadena", **settings | {"surrogate_network": other})


def test_every_built_in_detector_may_be_the_surrogate():
    choices = set(JadenaSettings.model_json_schema()["properties"]["surrogate_network"]["enum"])
    assert choices == set(MAPS) == {"resneta50b", *DETECTORS.builtin}


def test_unknown_surrogate_is_named():
    with pytest.raises(UserError, match="unknown surrogate network 'vgg'; choose from: resneta50b, gicd"):
        Surrogate("vgg", "x.safetensors")


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it would work")
def test_mixed_precision_is_refused_without_a_gpu(network):
    with pytest.raises(UserError, match="mixed_precision needs a GPU"):
        Surrogate(*network, mixed_precision=True)
