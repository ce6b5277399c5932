"""Weights in files: 16 and 8 bits, and what stays as it is."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from cosalpure import networks
from cosalpure.errors import UserError
from cosalpure.networks.packing import SCALE, SHAPE, packed, unpacked

STATE = {
    "conv.weight": torch.linspace(-1, 1, 54).view(2, 3, 3, 3) * torch.tensor([1.0, 1e-3]).view(2, 1, 1, 1),
    "conv.bias": torch.tensor([0.1, 1e-9]),
    "norm.num_batches_tracked": torch.tensor(7),
}


@pytest.mark.parametrize(("bits", "step"), [(16, 2**-11), (8, 1 / 254)])
def test_kernels_come_back_within_a_step_of_their_channels_largest_number(bits, step):
    back = unpacked(packed(STATE, bits))
    assert set(back) == set(STATE)
    for channel, its in zip(back["conv.weight"].float(), STATE["conv.weight"], strict=True):
        assert (channel - its).abs().max() <= step * its.abs().max() * 1.001


def test_biases_and_counts_stay_as_they_are():
    for bits in (8, 16):
        back = packed(STATE, bits)
        assert all(torch.equal(back[key], STATE[key]) for key in ("conv.bias", "norm.num_batches_tracked"))


def test_packing_twice_changes_nothing_more():
    once = unpacked(packed(STATE, 8))
    assert torch.equal(unpacked(packed(once, 8))["conv.weight"], once["conv.weight"])


def test_a_channel_of_zeros_stays_zero():
    assert torch.equal(unpacked(packed({"w": torch.zeros(2, 3)}, 8))["w"], torch.zeros(2, 3))


def test_a_parameter_that_ends_like_the_factors_is_not_lost():
    state = {"layer" + SCALE: torch.ones(3), "layer": torch.ones(2)}
    assert set(unpacked(packed(state, 8))) == set(state)


def test_a_file_in_8_bits_loads_like_any_other_and_is_half_the_size(tmp_path):
    network = networks.build("liif", channels=8, blocks=1)
    for bits in (8, 16):
        networks.save_weights(
            tmp_path / f"{bits}.safetensors", network, {"channels": 8, "blocks": 1}, "liif", bits=bits
        )
    loaded = networks.load("liif", tmp_path / "8.safetensors").state_dict()
    expected = unpacked(packed(network.state_dict(), 8))
    assert all(torch.equal(loaded[key], value) for key, value in expected.items())
    sizes = [(tmp_path / f"{bits}.safetensors").stat().st_size for bits in (8, 16)]
    assert sizes[0] < 0.7 * sizes[1]


def test_compressing_loses_nothing():
    plain, back = packed(STATE, 16), unpacked(packed(STATE, 16, compress=True))
    assert set(back) == set(STATE) and all(torch.equal(back[key], plain[key]) for key in plain)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("conv.weight", torch.tensor([1, 2, 3], dtype=torch.uint8)),  # no zlib
        ("conv.weight" + SHAPE, torch.tensor([2, 3, 3, 4])),  # another shape
        ("conv.weight" + SHAPE, torch.tensor([2**40, 3, 3, 3])),  # more than memory has
        ("conv.weight" + SHAPE, torch.tensor([-2, 3, 3, 3])),
    ],
)
def test_compressed_bytes_that_are_not_those_of_their_shape_are_an_error(key, value):
    with pytest.raises(ValueError, match="conv.weight: "):
        unpacked(packed(STATE, 16, compress=True) | {key: value})


def test_a_file_with_such_bytes_is_one_line(tmp_path):
    network, arch = networks.build("liif", channels=8, blocks=1), {"channels": 8, "blocks": 1}
    path = tmp_path / "liif.safetensors"
    networks.save_weights(path, network, arch, "liif", compress=True)
    header, state = networks.read_header(path), load_file(path)
    key = next(key for key in state if key.endswith(SHAPE))
    save_file(state | {key: state[key] + 1}, path, metadata=header)
    with pytest.raises(UserError, match="liif.safetensors: .*not the bytes of a kernel of shape"):
        networks.load("liif", path)
