"""Files that are no weights of the network: each is one line when it is loaded, or is read as what it means."""

import gzip
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from file_server import tarred, zipped
from safetensors.torch import save

from cosalpure import networks
from cosalpure.errors import UserError
from cosalpure.networks import checkpoints

ARCH = {"width": 1 / 16}


def slim():
    torch.manual_seed(0)
    return networks.build("poolnet", **ARCH)


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """The official PoolNet, small: files stay below a megabyte."""
    real = networks.build
    monkeypatch.setattr(
        networks, "build", lambda name, **arch: real(name, **(arch or ARCH if name == "poolnet" else arch))
    )


def state():
    return dict(slim().state_dict())


def first(change):
    """The state with its first tensor changed."""

    def make():
        values = state()
        key = next(iter(values))
        return values | {key: change(values[key])}

    return make


def every(change):
    """The state with every tensor of floating point changed."""
    return lambda: {key: change(value) if value.is_floating_point() else value for key, value in state().items()}


def torch_file(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def without(*prefixes):
    return {key: value for key, value in state().items() if not key.startswith(prefixes)}


def with_nan(value):
    value = value.clone()
    value.view(-1)[0] = float("nan")
    return value


def with_inf(value):
    return with_nan(value).nan_to_num(nan=float("inf"))


LOADS = {  # id: what is saved; all of it means the same weights
    "as it is": state,
    "half": every(torch.Tensor.half),
    "bfloat16": every(torch.Tensor.bfloat16),
    "double": every(torch.Tensor.double),
    "prefix module.": lambda: {f"module.{key}": value for key, value in state().items()},
    "prefix _orig_mod.module.": lambda: {f"_orig_mod.module.{key}": value for key, value in state().items()},
    "prefix model. in state_dict": lambda: {"state_dict": {f"model.{k}": v for k, v in state().items()}, "epoch": 3},
    "in state_dict": lambda: {"state_dict": state(), "epoch": 3},
    "in model, with an optimiser": lambda: {
        "model": state(), "optimizer": torch.optim.Adam(slim().parameters()).state_dict(), "loss": torch.tensor(0.3),
    },
    "in net": lambda: {"net": state()},
    "in model.sd": lambda: {"model": {"name": "poolnet", "args": {}, "sd": state()}},
    "no batch counters": lambda: {key: value for key, value in state().items() if "num_batches" not in key},
}  # fmt: skip
VALUES = {  # id: (what is saved by torch, what the line says)
    "a NaN": (first(with_nan), "1 tensor with values that are not finite numbers: base.resnet.conv1.weight"),
    "an infinity": (first(with_inf), "not finite numbers"),
    "all NaN": (every(lambda value: value * float("nan")), "tensors with values that are not finite numbers"),
    "double beyond float32": (first(lambda value: value.double() + 1e300), "not finite numbers"),
    "all kernels zero": (every(torch.zeros_like), "every kernel is zero"),
    "integers": (every(torch.Tensor.long), "of a type that is not floating point: base.resnet.conv1.weight (int64)"),
    "booleans": (first(torch.Tensor.bool), "(bool)"),
    "complex": (first(lambda value: value.to(torch.complex64)), "(complex64)"),
    "sparse": (first(lambda value: value.to_sparse()), "sparse"),
    "without values": (first(lambda value: value.to("meta")), "without values"),
    "a number in place of a tensor": (first(lambda value: 0.5), "of another shape: base.resnet.conv1.weight (float,"),
    "a list in place of a tensor": (first(lambda value: value.tolist()), "(list,"),
    "missing key": (lambda: without("score.score.bias"), "1 missing: score.score.bias"),
    "extra key": (lambda: state() | {"extra.weight": torch.ones(2)}, "1 unexpected: extra.weight"),
    "transposed": (first(lambda value: value.transpose(0, 1)), "(3x4x7x7, expected 4x3x7x7)"),
    "flat": (first(torch.Tensor.flatten), "1 of another shape: base.resnet.conv1.weight (588,"),
    "without edges": (lambda: without("edgeinfo.", "fuse.", "block."), "trained without edges"),
    "two sets of weights": (lambda: {"model": state(), "ema": state()}, "several sets of weights (model, ema)"),
    "another network": (lambda: networks.build("resneta50b").state_dict(), "holds weights of 'resneta50b'"),
    "no tensors": (lambda: {"epoch": 3, "best": 0.9}, "no weights in it; expected a dictionary of tensors"),
    "empty dictionary": (dict, "no weights in it"),
    "a list": (lambda: [1, 2], "found list"),
    "a tensor": (lambda: torch.zeros(3), "found Tensor"),
    "optimiser alone": (lambda: {"optimizer": {"state": {0: {"step": torch.ones(1)}}}}, "no weights in it"),
    "keys of numbers": (lambda: {0: torch.ones(2), 1: torch.ones(2)}, "2 unexpected: 0, 1"),
    "whole module": (slim, "could run code"),
    "numpy arrays": (lambda: {key: value.numpy() for key, value in state().items()}, "could run code"),
}


def numpy_archive():
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


def torch_script():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), file)
    return file.getvalue()


FILES = {  # id: (content, what the line says)
    "empty": (lambda: b"", "an empty file"),
    "text": (lambda: b"Not Found", "text ('Not Found')"),
    "JSON": (lambda: b'{"error": "quota"}', "JSON ("),
    "YAML": (lambda: b"a: 1\nb: 2\n", "text ('a: 1 b: 2')"),
    "web page after a comment": (lambda: b"<!-- x --><html><title>Sign in</title></html>", "a web page ('Sign in')"),
    "XML": (lambda: b"<?xml version='1.0'?><Error/>", "XML ("),
    "LFS pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "a Git LFS pointer"),
    "tar": (lambda: tarred("final.pth", torch_file(state())), "a tar archive"),
    "gzip": (lambda: gzip.compress(torch_file(state())), "a gzip file"),
    "RAR": (lambda: b"Rar!\x1a\x07\x00" + bytes(100), "a RAR archive"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(2000), "an HDF5 file"),
    "npz": (numpy_archive, "a NumPy archive"),
    "ONNX": (lambda: b"\x08\x07\x12\x07pytorch" + bytes(200), "unknown kind"),
    "zeros": (lambda: bytes(10000), "unknown kind"),
    "zip of a text": (lambda: zipped(readme__txt=b"x"), "a zip of 'readme.txt', which is no PyTorch checkpoint"),
    "zip of two": (lambda: zipped(a__pth=b"\x80", b__pth=b"\x80"), "a zip of 2 files"),
    "empty zip": (lambda: zipped(), "a zip of 0 files"),
    "zip cut short": (lambda: torch_file(state())[:-500], "a zip archive that was cut short"),
    "pickle cut short": (lambda: pickle.dumps({"a": [1] * 99}, 2)[:-9], "final.pth: "),
    "pickle of random bytes": (lambda: b"\x80\x02" + bytes(range(256)), "final.pth: refused: damaged"),
    "TorchScript": (torch_script, "a TorchScript archive"),
    "safetensors named .pth": (lambda: save(state()), "its name should end in .safetensors"),
    "PNG": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG image"),
}


def headed(**header):
    return save(state(), metadata={"network": "poolnet", "arch": json.dumps(ARCH)} | header)


SAFETENSORS = {  # id: (content, what the line says)
    "empty": (lambda: b"", "an empty file"),
    "truncated": (lambda: headed()[:-100], "perhaps cut short"),
    "header cut short": (lambda: headed()[:200], "perhaps cut short"),
    "LFS pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "web page": (lambda: b"<html><title>Sign in</title></html>", "a web page ('Sign in')"),
    "checkpoint of PyTorch": (lambda: torch_file(state()), "its name should end in .pth"),
    "another network's": (lambda: headed(network="gicd"), "holds weights of 'gicd'"),
    "arch is no JSON": (lambda: headed(arch="x"), "its header: arch: not the arguments of network 'poolnet'"),
    "arch is a list": (lambda: headed(arch="[1]"), "its header: arch: not the arguments"),
    "arch of text": (lambda: headed(arch='{"width": "a"}'), "its header: arch: not the arguments"),
    "arch with an unknown key": (lambda: headed(arch='{"wide": 1}'), "unknown argument of network poolnet 'wide'"),
    "arch of another width": (lambda: headed(arch='{"width": 0.125}'), "does not fit network 'poolnet'"),
    "a NaN": (lambda: save(first(with_nan)(), {"arch": json.dumps(ARCH)}), "not finite numbers"),
    "integers": (lambda: save(every(torch.Tensor.long)(), {"arch": json.dumps(ARCH)}), "not floating point"),
}


def refused(path):
    with pytest.raises(UserError) as caught:
        networks.load("poolnet", path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("case", LOADS)
def test_other_forms_of_the_weights_load_and_run(case, tmp_path):
    torch.save(LOADS[case](), tmp_path / "final.pth")
    network, expected = networks.load("poolnet", tmp_path / "final.pth"), slim().eval()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    images = torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(network(images), expected(images), atol=0.02, rtol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("case", VALUES)
@pytest.mark.filterwarnings("ignore")
def test_checkpoints_with_other_content_are_refused_in_one_line(case, tmp_path):
    make, words = VALUES[case]
    torch.save(make(), tmp_path / "final.pth")
    assert words in refused(tmp_path / "final.pth")


@pytest.mark.slow
@pytest.mark.parametrize("case", FILES)
@pytest.mark.filterwarnings("ignore")
def test_files_that_are_no_checkpoint_are_called_what_they_are(case, tmp_path):
    make, words = FILES[case]
    (tmp_path / "final.pth").write_bytes(make())
    assert words in refused(tmp_path / "final.pth")


@pytest.mark.parametrize("case", SAFETENSORS)
def test_invalid_safetensors_are_refused_in_one_line(case, tmp_path):
    make, words = SAFETENSORS[case]
    (tmp_path / "mini.safetensors").write_bytes(make())
    assert words in refused(tmp_path / "mini.safetensors")


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "final.pth").mkdir()
    assert "a folder" in refused(tmp_path / "final.pth")
    assert "no such weights file" in refused(tmp_path / "absent.SAFETENSORS")


def test_a_zip_from_a_mac_loads(tmp_path):
    content = {"final__pth": torch_file(state()), "__MACOSX/._final__pth": b"x"}
    (tmp_path / "final.zip").write_bytes(zipped(**{"final__pth": content["final__pth"]}))
    with zipfile.ZipFile(tmp_path / "final.zip", "a") as archive:
        archive.writestr("__MACOSX/._final.pth", b"x")
    networks.load("poolnet", tmp_path / "final.zip")


def test_the_two_files_of_gicd_in_the_wrong_order_are_called_that(tmp_path):
    with torch.device("meta"):
        network = networks.build("gicd")
    paths = []
    for part in ("co_classifier", "ginet"):
        tensors = {key: torch.ones(1).expand(value.shape) for key, value in getattr(network, part).state_dict().items()}
        paths.append(tmp_path / f"{part}.pth")
        torch.save(tensors, paths[-1])
    with pytest.raises(UserError, match="the files are in the wrong order"):
        networks.load("gicd", paths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("place", [0, 1999, 2999])
def test_a_single_value_that_is_no_number_is_found_wherever_it_stands(dtype, place):
    values = {name: torch.ones(3000, dtype=dtype) for name in ("nan", "inf", "minus", "fine")}
    for name, value in {"nan": float("nan"), "inf": float("inf"), "minus": -float("inf")}.items():
        values[name][place] = value
    values |= {"empty": torch.zeros(0, dtype=dtype), "whole": torch.ones(2, dtype=torch.int64)}
    assert checkpoints.not_finite(values) == ["nan", "inf", "minus"]
