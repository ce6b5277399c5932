"""MCCL and GCoNet+ compute the values of the official code, and a network with a mistake does not.

Golden values and their tolerances: tests/golden/mccl.json and gconet_plus.json, made by running the official code.
"""

import json
from functools import cache

import numpy as np
import pytest
import torch
from golden import loader, recipe
from torch.nn import functional as F

from cosalpure import networks
from cosalpure.detect import common, stage
from cosalpure.detect.gconet_plus import GCoNetPlus
from cosalpure.detect.group_affinity import pillow_resized
from cosalpure.detect.mccl import MCCL
from cosalpure.networks import gconet_plus, group_affinity, pvt_v2

DEEPEST = {"mccl": "co_x4", "gconet_plus": "co_x5"}
LAYERS = {  # modules whose outputs are stored
    "mccl": ["dec_layer4", "dec_layer3", "dec_layer2", "dec_layer1"],
    "gconet_plus": ["enlayer5", "enlayer4", "enlayer3", "enlayer2", "enlayer1"],
}


@cache
def state(name):
    return loader.state_dict(name)


@pytest.fixture
def official(request):
    """A network with the weights that the golden values were computed with; a test may spoil it."""
    with torch.device("meta"):
        network = networks.build(request.param)
    mapping = getattr(network, "official_state", dict)
    network.load_state_dict({key: value.clone() for key, value in mapping(state(request.param)).items()}, assign=True)
    return request.param, network.requires_grad_(False).eval()


both = pytest.mark.parametrize("official", DEEPEST, indirect=True)


@cache
def golden(name):
    values = {key: torch.from_numpy(np.asarray(value)) for key, value in loader.golden(name).items()}
    return values, json.loads((loader.HERE / f"{name}.json").read_text())


def stored(values, name, key):
    """The part of a full output that the golden file holds under `key`."""
    layout = golden(name)[1]["layout"].get(key)
    return values[eval(f"np.s_{layout}")] if layout else values


def wrong(found, name):
    """The keys of {key: full output} that differ from the golden values by more than their tolerance."""
    values, its = golden(name)

    def differs(key, ours):
        ours, theirs = stored(ours, name, key).float(), values[key].float()
        return (ours.squeeze() - theirs.squeeze()).abs().max().item() > its["atol"][key]

    return [key for key, ours in found.items() if differs(key, ours)]


def group(name, key):
    return golden(name)[0]["images_u8"][golden(name)[1]["groups"][key]].float() / 255


@torch.no_grad()
def outputs(name, network, key):
    """All that a forward pass on group `key` shows: {golden key: full output}."""
    seen, hooks = {}, []
    module = getattr(network, DEEPEST[name])
    watched = {"maps": network.bb, "weighted": module} | {its: getattr(network, its) for its in LAYERS[name]}
    for its, layer in watched.items():
        hooks.append(layer.register_forward_hook(lambda _, inputs, output, its=its: seen.update({its: output})))
    output = network(networks.normalise(group(name, key)))
    for hook in hooks:
        hook.remove()
    maps = seen.pop("maps")
    seen |= {f"x{number}": x for number, x in enumerate(maps, 1)}
    affinity = module.all_attention
    seen |= {"w": affinity.attention(maps[-1]), "proto": affinity.prototype(maps[-1])}
    seen |= {"logit": output, "map": output.sigmoid()} if name == "mccl" else {"map": output}
    return {f"{its}_{key}": x for its, x in seen.items() if f"{its}_{key}" in golden(name)[1]["atol"]}


@pytest.mark.parametrize("name", DEEPEST)
def test_keys_and_shapes_are_those_of_the_official_checkpoint(name):
    with torch.device("meta"):
        network = networks.build(name)
    rows = {key: shape for key, shape, _ in recipe.read_manifest(loader.MANIFESTS / f"{name}.tsv")}
    kept = getattr(network, "official_state", dict)(rows)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == kept
    ignored = [shape for key, shape in rows.items() if key not in kept]
    assert (len(ignored), sum(map(np.prod, ignored))) == {"mccl": (0, 0), "gconet_plus": (16, 1_527_398)}[name]


@both
@pytest.mark.slow
def test_every_stored_value_is_met(official):
    name, network = official
    for key in ("n1", "n3", "n5"):
        found = outputs(name, network, key)
        assert len(found) > 2 and wrong(found, name) == []


@both
@pytest.mark.slow
def test_files_of_other_sizes_are_treated_as_by_the_official_script(official):
    name, network = official
    found = odd(name, network)
    assert wrong(found, name) == []
    saved = stage.truncated(found["odd2_map"][None])
    values, its = golden(name)
    assert (saved != values["odd2_saved_u8"].numpy()).mean() <= its["fractions"]["odd2_saved_u8"]


@torch.no_grad()
def odd(name, network, resized=pillow_resized, sigmoid_first=False):
    """A group of three images of different sizes, from files to maps at their own sizes."""
    files = [golden(name)[0][f"odd{number}_u8"][None].float() / 255 for number in range(3)]
    images = torch.cat([resized(file, network.input_size) for file in files])
    maps, found = network(networks.normalise(images)), {}
    for number, (file, values) in enumerate(zip(files, maps, strict=True)):
        values = values[None].sigmoid() if name == "mccl" and sigmoid_first else values[None]
        values = common.resize(values, file.shape[-2:])
        values = values.sigmoid() if name == "mccl" and not sigmoid_first else values
        found[f"odd{number}_map"] = values[0, 0]
    return found | {"odd_resized_u8": (images * 255).round()}


@pytest.mark.slow
@pytest.mark.parametrize("official", ["gconet_plus"], indirect=True)
def test_the_whole_detector_equals_the_official_script_at_224_pixels(official):
    name, network = official
    network.input_size = 224
    detector = GCoNetPlus(None, network, "cpu", batch=1)
    assert wrong({"map224_n2": detector(group(name, "n2"))}, name) == []


@pytest.mark.slow
@pytest.mark.parametrize("official", ["mccl"], indirect=True)
def test_the_whole_detector_equals_the_official_script(official):
    name, network = official
    assert wrong({"map_n2": MCCL(None, network, "cpu", batch=1)(group(name, "n2"))}, name) == []


def steps(binarised=gconet_plus.binarised):
    """The head's last step on three groups: just below the switch, just above, and where b - t is large."""
    values, _ = golden("gconet_plus")
    pairs = zip(values["step_b"], values["step_t"], strict=True)
    return {"step_map": torch.stack([binarised(b, t) for b, t in pairs])}


def test_one_pixel_decides_how_steep_the_head_is_for_the_whole_group():
    values, _ = golden("gconet_plus")
    pairs = list(zip(values["step_b"], values["step_t"], strict=True))
    assert [gconet_plus.steepness(b, t) for b, t in pairs] == values["step_k"].tolist()
    assert wrong(steps(), "gconet_plus") == []
    gap = torch.tensor(88.7228317) / 300  # the last argument of which float32 has an exponential
    assert gconet_plus.steepness(torch.zeros(1), gap) == 300
    assert gconet_plus.steepness(torch.zeros(1, dtype=torch.float64), torch.tensor(0.2958).double()) == 50
    assert (
        gconet_plus.steepness(torch.zeros(1).half(), torch.tensor(0.2).half()) == 300
    )  # exp(60) is too large for half


@pytest.mark.slow
@pytest.mark.parametrize("official", ["gconet_plus"], indirect=True)
def test_the_smooth_logit_has_the_maps_sign_and_gradients_where_the_map_is_flat(official):
    _, network = official
    images = networks.normalise(group("gconet_plus", "n1")[..., 96:160, 96:160]).requires_grad_()
    logits, maps = gconet_plus.smooth_logits(*network.values_and_threshold(images)), network(images)
    assert torch.equal(logits > 0, maps > 0.5)
    (smooth,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    (steep,) = torch.autograd.grad(maps.sum(), images)
    assert smooth.isfinite().all() and smooth.abs().mean() > steep.abs().mean()


# --- mistakes: each must be seen ----------------------------------------------------------------------------------------
def softmax_over_the_group(network, monkeypatch):
    def attention(self, x):
        return len(x) * self.affinity(x).flatten().softmax(0).view(len(x), 1, *x.shape[-2:])

    monkeypatch.setattr(group_affinity.GroupAffinity, "attention", attention)


def another_epsilon(network, monkeypatch):
    for module in network.bb.modules():
        if isinstance(module, torch.nn.LayerNorm) and module.eps == pvt_v2.EPS:
            module.eps = 1e-5


def approximate_gelu(network, monkeypatch):
    monkeypatch.setattr(pvt_v2.F, "gelu", lambda x, gelu=F.gelu: gelu(x, approximate="tanh"))


def keys_and_values_exchanged(network, monkeypatch):
    for module in network.bb.modules():
        if isinstance(module, pvt_v2.Attention):
            module.kv.weight.data = module.kv.weight.data.roll(len(module.kv.weight) // 2, 0)


def pixel_centres(network, monkeypatch):
    def upsample(maps, size):
        return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)

    monkeypatch.setattr(gconet_plus, "upsample", upsample)


def relu_at_the_end(network, monkeypatch):
    own = group_affinity.Block.forward
    monkeypatch.setattr(group_affinity.Block, "forward", lambda self, x: own(self, x).relu())


MISTAKES = {
    "mccl": [softmax_over_the_group, another_epsilon, approximate_gelu, keys_and_values_exchanged],
    "gconet_plus": [pixel_centres, relu_at_the_end],  # and those of the switch, below
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("official", "mistake"),
    [pytest.param(name, its, id=f"{name}-{its.__name__}") for name, found in MISTAKES.items() for its in found],
    indirect=["official"],
)
def test_a_network_with_a_mistake_is_rejected(official, mistake, monkeypatch):
    name, network = official
    mistake(network, monkeypatch)
    assert "map_n2" in wrong(outputs(name, network, "n2"), name)


@pytest.mark.slow
@pytest.mark.parametrize("official", ["mccl"], indirect=True)
def test_a_sigmoid_before_the_resize_and_a_resize_without_antialiasing_are_rejected(official):
    name, network = official

    def without_antialiasing(images, side):
        return F.interpolate(images, (side, side), mode="bilinear").mul(255).round() / 255

    assert "odd0_map" in wrong(odd(name, network, sigmoid_first=True), name)
    assert {"odd0_map", "odd_resized_u8"} <= set(wrong(odd(name, network, without_antialiasing), name))


def by_difference(b, t):
    """The switch by |b - t| instead of t - b."""
    return ((50 if (b - t).abs().max() > 0.295743 else 300) * (b - t)).sigmoid()


def by_image(b, t):
    return torch.cat([gconet_plus.binarised(*pair) for pair in zip(b[:, None], t[:, None], strict=True)])


def never(b, t):
    return (300 * (b - t)).sigmoid()


@pytest.mark.parametrize("mistake", [by_difference, by_image, never])
def test_another_switch_is_rejected(mistake):
    assert wrong(steps(mistake), "gconet_plus") == ["step_map"]
