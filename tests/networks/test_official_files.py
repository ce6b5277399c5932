"""Checkpoints as they are published load strictly; what is not one of them is refused in one line and runs nothing.

The files here have the official keys and shapes, at full size, and one number a tensor: kilobytes.
"""

import os
import pickle
import zipfile
import zlib

import pytest
import torch
from golden import loader, recipe

from cosalpure import networks
from cosalpure.errors import UserError

FORMATS = {"zip": True, "legacy": False}  # of torch.save, from PyTorch 1.6 on and before


def state(manifest):
    """Every tensor of a manifest, filled with a number that its key decides."""
    rows = recipe.read_manifest(loader.MANIFESTS / f"{manifest}.tsv")
    return {key: constant(key, dtype).expand(shape) for key, shape, dtype in rows}


def constant(key, dtype="float32"):
    return torch.tensor(zlib.crc32(key.encode()) % 1000, dtype=getattr(torch, dtype))


def saved(path, content, form="zip"):
    torch.save(content, path, _use_new_zipfile_serialization=FORMATS[form])
    return path


def zipped(folder, content, form):
    inner = saved(folder / "resneta50b-0556-7cedbb3b.pth", content, form)
    path = folder / f"{inner.name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, inner.name)
    return path


def published(name, folder, form):
    """The official files of a network, in the form that they have on the net."""
    if name == "gicd":
        return [saved(folder / f"{part}.pth", state(part), form) for part in ("gicd_ginet", "vgg16_classifier")]
    if name == "gcagc":
        return [saved(folder / "hrnet.pth", {f"module.{key}": v for key, v in state("gcagc").items()}, form)]
    if name == "liif":
        content = {"model": {"name": "liif", "args": {}, "sd": state("disco_edsr_liif")}, "epoch": 1000}
        return [saved(folder / "edsr-baseline-liif.pth", content, form)]
    if name == "resneta50b":
        return [zipped(folder, state("resneta50b"), form)]
    return [saved(folder / f"{name}.pth", state({"adm": "adm_256_uncond"}.get(name, name)), form)]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_published_forms_load_strictly(name, form, tmp_path):
    network = networks.load_official(name, *published(name, tmp_path, form))
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    for key, value in network.state_dict().items():
        plain = key.removeprefix("ginet.").removeprefix("co_classifier.") if name == "gicd" else key
        assert value.flatten()[0] == constant(plain), key


@pytest.mark.slow
def test_a_file_from_before_batch_counters_loads(tmp_path):
    old = {key: value for key, value in state("poolnet").items() if not key.endswith("num_batches_tracked")}
    networks.load_official("poolnet", saved(tmp_path / "final.pth", old, "legacy"))


def refused(*paths, name="poolnet"):
    """The one line that loading `paths` ends with."""
    with pytest.raises(UserError) as caught:
        networks.load_official(name, *paths)
    assert "\n" not in str(caught.value) and str(paths[0]) in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
def test_another_networks_file_is_answered_with_the_keys_that_differ(tmp_path):
    line = refused(saved(tmp_path / "other.pth", state("resneta50b")))
    assert "missing: base.resnet" in line and "unexpected: features.init_block" in line


def test_a_wrong_shape_is_named(tmp_path):
    wrong = state("poolnet")
    wrong["fuse.fuse.weight"] = torch.zeros(3)
    assert "1 of another shape: fuse.fuse.weight" in refused(saved(tmp_path / "wrong.pth", wrong))


@pytest.mark.slow
@pytest.mark.parametrize("content", [[1, 2], {"model": None}, torch.zeros(2), {"fuse": "text"}], ids=str)
@pytest.mark.parametrize("name", ["poolnet", "liif", "gcagc"])
def test_other_content_is_refused(name, content, tmp_path):
    refused(saved(tmp_path / "other.pth", content), name=name)


@pytest.mark.slow
def test_the_parts_of_gconet_plus_that_only_its_training_needs_are_ignored_and_may_be_missing(tmp_path):
    whole = state("gconet_plus")
    own = networks.load_official("gconet_plus", saved(tmp_path / "whole.pth", whole)).state_dict()
    assert len(whole) - len(own) == 16 and set(own) < set(whole)
    networks.load_official("gconet_plus", saved(tmp_path / "own.pth", {key: whole[key] for key in own}))
    assert "1 unexpected: classifier2" in refused(
        saved(tmp_path / "more.pth", whole | {"classifier2": torch.ones(2)}), name="gconet_plus"
    )
    assert "1 missing: bb.conv1.0.bias" in refused(
        saved(tmp_path / "less.pth", {key: value for key, value in whole.items() if key != "bb.conv1.0.bias"}),
        name="gconet_plus",
    )


VARIANTS = {  # network, {keys of a file of its authors'}, what the message says
    "mccl for gconet_plus": ("gconet_plus", "mccl", "weights of MCCL, which is detector 'mccl'"),
    "gconet_plus for mccl": ("mccl", "gconet_plus", "weights of GCoNet+, which is detector 'gconet_plus'"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "other", "said"), VARIANTS.values(), ids=list(VARIANTS))
def test_a_file_of_the_other_detector_is_named(name, other, said, tmp_path):
    assert said in refused(saved(tmp_path / "other.pth", state(other)), name=name)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("mccl", ["bb.conv1.0.weight"], "another backbone; expected PVTv2-b2"),
        ("gconet_plus", ["bb.conv1.0.weight", "co_x5.all_attention.conv6.weight"], "a GCoNet+ without its DB head"),
        ("gconet_plus", ["ginet.co_x5.all_attention.conv6.weight"], "GCoNet, the network before GCoNet+"),
        ("gconet_plus", ["backbone.conv1.conv1_1.weight", "co_x5.all_attention.conv6.weight"], "GCoNet, the network"),
    ],
)
def test_another_variant_is_named(name, keys, said, tmp_path):
    content = dict.fromkeys(keys, torch.ones(4, 4, 1, 1))
    assert said in refused(saved(tmp_path / "variant.pth", content), name=name)


@pytest.mark.slow
def test_another_network_on_vgg16_is_not_taken_for_gconet(tmp_path):
    assert "holds weights of 'gicd'" in refused(saved(tmp_path / "gicd.pth", state("gicd_ginet")), name="gconet_plus")


def test_gicd_asks_for_both_of_its_files(tmp_path):
    path = saved(tmp_path / "gicd_ginet.pth", state("gicd_ginet"))
    assert "2 official file(s), in this order: gicd_ginet, vgg16" in refused(path, name="gicd")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, form, share):
    whole = saved(tmp_path / "whole.pth", state("poolnet"), form).read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(whole[: int(share * len(whole))])
    assert "not a readable checkpoint" in refused(path)


def test_a_truncated_zip_is_refused(tmp_path):
    path = zipped(tmp_path, state("resneta50b"), "zip")
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a readable checkpoint" in refused(path, name="resneta50b")


def test_a_zip_of_something_else_is_refused(tmp_path):
    path = tmp_path / "data.pth.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
        archive.writestr("b.txt", "b")
    assert "expected one checkpoint" in refused(path)


def test_a_web_page_is_recognised_and_named(tmp_path):
    path = tmp_path / "final.pth"
    path.write_text("\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>")
    assert "a web page ('Google Drive - Quota exceeded')" in refused(path)


class Touch:
    """Unpickled by the book, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pickle 2", "pickle 4", "legacy", "zip", "zipped"])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path, form):
    content, path = {"fuse.fuse.weight": Touch(tmp_path / "ran")}, tmp_path / "evil.pth"
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=int(form[-1])))
    elif form == "zipped":
        path = zipped(tmp_path, content, "zip")
    else:
        saved(path, content, form)
    assert "could run code" in refused(path)
    assert not (tmp_path / "ran").exists()


def test_a_missing_file_is_named(tmp_path):
    assert "no such weights file" in refused(tmp_path / "final.pth")
