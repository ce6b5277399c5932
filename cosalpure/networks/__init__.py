"""The networks as pure `nn.Module`s: architectures, and their weights from files. No image handling here.

Without arguments a network is the official one: `state_dict()` keys and shapes equal the published checkpoint's.
Arguments such as `width` make small models of the same architecture; their weights are a safetensors file whose
header carries those arguments, so that one path is enough to load it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure import file_kinds
from cosalpure.bundled import located
from cosalpure.errors import UserError, choose, one_line
from cosalpure.io import whole_file
from cosalpure.networks import checkpoints
from cosalpure.staging import staged

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cosalpure.networks.packing import Bits

NETWORKS = {
    "adm": "cosalpure.networks.adm:ADM",
    "gcagc": "cosalpure.networks.gcagc:GCAGC",
    "gconet_plus": "cosalpure.networks.gconet_plus:GCoNetPlus",
    "gicd": "cosalpure.networks.gicd:GICD",
    "liif": "cosalpure.networks.liif:LIIF",
    "mccl": "cosalpure.networks.mccl:MCCL",
    "poolnet": "cosalpure.networks.poolnet:PoolNet",
    "resneta50b": "cosalpure.networks.resneta50b:ResNetA50b",
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, of images in [0, 1]; every torchvision and pytorchcv network's
IMAGENET_STD = (0.229, 0.224, 0.225)


def build(name: str, **arch: Any) -> Any:
    """Build a network with random weights; without `arch` the official architecture.

    The class of the network is that of `NETWORKS[name]`, an `nn.Module`.
    """
    module, _, attribute = NETWORKS[choose("network", name, NETWORKS)].partition(":")
    network = getattr(import_module(module), attribute)
    for key in arch:
        choose(f"argument of network {name}", key, list(inspect.signature(network).parameters))
    return network(**arch)


def load_official(name: str, *paths: str | Path) -> Any:
    """Load the official network with the published checkpoint file(s), strictly, on the CPU, in eval mode.

    A network that publishes its weights in another form than its own keys maps them in `official_state`.
    gicd takes two files: gicd_ginet.pth and torchvision's ImageNet vgg16.

    Raises:
        UserError: if the files are not the network's.
    """
    import torch

    with torch.device("meta"):  # no memory and no time for random values that are replaced at once
        network = build(name)
    mapping, where = getattr(network, "official_state", _as_it_is), ", ".join(map(str, paths))
    wanted = list(inspect.signature(mapping).parameters)
    if len(paths) != len(wanted):
        raise UserError(
            f"{where}: network '{name}' has {len(wanted)} official file(s), in this order: {', '.join(wanted)}"
        )
    parts = [checkpoints.state_dict(checkpoints.read(path), path) for path in paths]
    trouble = f"not the official weights of '{name}'{_hint(name, network, mapping, parts, paths)}"
    return _filled(network, mapping(*parts), where, trouble, assign=True)


def _as_it_is(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return dict(checkpoint)


def _filled(
    network: nn.Module, state: Mapping[str, Any], where: str | Path, trouble: str, assign: bool = False
) -> nn.Module:
    """Fill `network` with exactly the tensors of `state`, in eval mode.

    Else a UserError says `where`, `trouble` and what differs.
    """
    network.load_state_dict(checkpoints.fitting(network, state, where, trouble), assign=assign)
    return network.requires_grad_(False).eval()


def _hint(
    name: str,
    network: nn.Module,
    mapping: Callable[..., dict[str, Any]],
    parts: Sequence[Mapping[str, Any]],
    paths: Sequence[str | Path],
) -> str:
    """Say what files that do not fit seem to be; empty if nothing is known.

    They may be of another variant or network, or in the wrong order.
    """
    own = set(network.state_dict())
    if own <= set(mapping(*parts)):
        return ""  # the right keys: shapes, types or values differ
    if len(parts) > 1 and own <= set(mapping(*reversed(parts))):
        return "; the files are in the wrong order"
    variant = getattr(network, "variant", lambda state: "")(parts[0])
    if variant:
        return f"; {variant}"
    for path, keys in zip(paths, map(set, parts), strict=True):
        for other in NETWORKS:
            if other != name and keys <= _keys_of(other):
                return f"; {path} holds weights of '{other}'"
    return ""


def _keys_of(name: str) -> set[str]:
    """List all keys of the official network's files."""
    import torch

    with torch.device("meta"):
        network = build(name)
    return {key.removeprefix("ginet.").removeprefix("co_classifier.") for key in network.state_dict()}


def save_weights(
    path: str | Path,
    network: nn.Module,
    arch: Mapping[str, Any],
    name: str,
    training: Mapping[str, Any] | None = None,
    bits: Bits = 16,
    compress: bool = False,
) -> None:
    """Write `network` as a safetensors file, with `arch` and `training` in the header.

    `packing` says how kernels are stored in `bits` bits, and how they are compressed.
    """
    from safetensors.torch import save

    from cosalpure.networks.packing import packed

    state = packed(network.state_dict(), bits, compress)
    header = {"network": name, "arch": json.dumps(arch), "training": json.dumps(training or {})}
    with whole_file(path) as temporary:
        temporary.write_bytes(_canonical(save(state, metadata=header)))


def load_weights(name: str, path: str | Path) -> Any:
    """Load a network from a file of `save_weights`: float32, on the CPU, in eval mode.

    Raises:
        UserError: if the file is not readable or holds another network.
    """
    from safetensors.torch import load_file

    from cosalpure.networks.packing import unpacked

    header = read_header(path)
    if header.get("network", name) != name:
        raise UserError(f"{path}: holds weights of '{header['network']}', not of '{name}'")
    arch = header.get("arch", "{}")
    try:
        arch = json.loads(arch)
        network = build(name, **arch)
    except UserError as error:
        raise UserError(f"{path}: its header: {error}") from None
    except (TypeError, ValueError, RuntimeError) as error:  # no JSON, no object, or values that build nothing
        found = one_line(error, 100)
        raise UserError(f"{path}: its header: arch: not the arguments of network '{name}' ({found})") from None
    try:
        state = unpacked(load_file(staged(path)))
    except ValueError as error:
        raise UserError(f"{path}: {one_line(error, 100)}") from None
    return _filled(network, state, path, f"does not fit network '{name}'")


def load(name: str, paths: str | Path | Sequence[str | Path] | nn.Module) -> Any:
    """Load a network by `load_weights` from one .safetensors file, else by `load_official`.

    A network instead of paths, such as one in training, is taken as it is.
    """
    if not isinstance(paths, (str, Path, list, tuple)):
        return paths
    paths = [located(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if len(paths) == 1 and Path(paths[0]).suffix.lower() == ".safetensors":
        return load_weights(name, paths[0])
    return load_official(name, *paths)


def read_header(path: str | Path) -> dict[str, str]:
    """Read the metadata of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    path = located(path)
    checkpoints.check_kind(path, (file_kinds.SAFETENSORS,), "safetensors file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise UserError(f"{path}: not a readable safetensors file, perhaps cut short ({error})") from None


def default_device() -> str:
    """Name the GPU if there is one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def normalise(images: Tensor) -> Tensor:
    """Subtract ImageNet's mean from images (N, 3, H, W), RGB, [0, 1], and divide by its standard deviation."""
    mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std


def _canonical(data: bytes) -> bytes:
    """Sort the metadata of safetensors bytes, which comes in random order: same weights, same sha256."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]
