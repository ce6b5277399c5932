"""The networks as pure `nn.Module`s: architectures, and their weights from files. No image handling here.

Without arguments a network is the official one: `state_dict()` keys and shapes equal the published checkpoint's.
Arguments such as `width` make slim twins of the same architecture; a twin's weights are a safetensors file whose
header carries those arguments, so that one path is enough to load it.
"""

import inspect
import io
import json
from importlib import import_module
from pathlib import Path

from cosalpure.errors import UserError, choose, one_line
from cosalpure.io import web_page, whole_file

NETWORKS = {
    "adm": "cosalpure.networks.adm:ADM",
    "gcagc": "cosalpure.networks.gcagc:GCAGC",
    "gicd": "cosalpure.networks.gicd:GICD",
    "liif": "cosalpure.networks.liif:LIIF",
    "poolnet": "cosalpure.networks.poolnet:PoolNet",
    "resneta50b": "cosalpure.networks.resneta50b:ResNetA50b",
}
MAX_UNZIPPED = 4_000_000_000  # bytes of a checkpoint inside a zip; the largest network here has half of that
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, of images in [0, 1]; every torchvision and pytorchcv network's
IMAGENET_STD = (0.229, 0.224, 0.225)


def build(name, **arch):
    """A new network with random weights; without `arch` the official architecture."""
    module, _, attribute = choose("network", name, NETWORKS) and NETWORKS[name].partition(":")
    network = getattr(import_module(module), attribute)
    for key in arch:
        choose(f"argument of network {name}", key, list(inspect.signature(network).parameters))
    return network(**arch)


def load_official(name, *paths):
    """The official network with the published checkpoint file(s), strictly, on the CPU, in eval mode.

    A network that publishes its weights in another form than its own keys maps them in `official_state`.
    gicd takes two files: gicd_ginet.pth and torchvision's ImageNet vgg16.
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
    try:
        state = mapping(*map(_read_checkpoint, paths))
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{where}: not the official weights of '{name}': laid out otherwise ({error})") from None
    return _filled(network, state, where, f"not the official weights of '{name}'", assign=True)


def _as_it_is(checkpoint):
    return dict(checkpoint)


def _filled(network, state, where, trouble, assign=False):
    """`network` with exactly the tensors of `state`, in eval mode; else a UserError: `where`, `trouble`, what differs."""
    import torch

    own = network.state_dict()
    counters = {key: torch.tensor(0) for key in own if key.endswith(".num_batches_tracked")}
    state = counters | state  # files from before PyTorch 0.4.1 lack them, and nothing here reads them
    findings = {
        "missing": [key for key in own if key not in state],
        "unexpected": [str(key) for key in state if key not in own],
        "of another shape": [key for key in own if key in state and _shape(state[key]) != own[key].shape],
    }
    said = [f"{len(keys)} {kind}: {_some(keys)}" for kind, keys in findings.items() if keys]
    if said:
        raise UserError(f"{where}: {trouble}: {'; '.join(said)}")
    network.load_state_dict(state, assign=assign)
    return network.requires_grad_(False).eval()


def _shape(value):
    """A tensor's shape, None for anything else."""
    return getattr(value, "shape", None)


def _some(keys, count=4):
    return ", ".join(keys[:count]) + (", ..." if len(keys) > count else "")


def save_weights(path, network, arch, name, training=None):
    """Writes `network` as a safetensors file, kernels in float16, with `arch` and `training` (dicts) in the header."""
    from safetensors.torch import save

    state = {}
    for key, value in network.state_dict().items():
        halve = value.is_floating_point() and value.ndim > 1  # biases and batch statistics are small and delicate
        state[key] = (value.half() if halve else value).cpu().contiguous()
    header = {"network": name, "arch": json.dumps(arch), "training": json.dumps(training or {})}
    with whole_file(path) as temporary:
        temporary.write_bytes(_canonical(save(state, metadata=header)))


def load_weights(name, path):
    """A network from a file of `save_weights`: float32, on the CPU, in eval mode."""
    from safetensors.torch import load_file

    header = read_header(path)
    if header.get("network", name) != name:
        raise UserError(f"{path}: holds weights of '{header['network']}', not of '{name}'")
    network = build(name, **json.loads(header.get("arch", "{}")))
    state = {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
    return _filled(network, state, path, f"does not fit network '{name}'")


def load(name, paths):
    """`load_weights` for one .safetensors file, else `load_official`; `paths` is a path or a sequence of them.

    A network instead of paths, such as one in training, is taken as it is.
    """
    if not isinstance(paths, (str, Path, list, tuple)):
        return paths
    paths = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if len(paths) == 1 and Path(paths[0]).suffix == ".safetensors":
        return load_weights(name, paths[0])
    return load_official(name, *paths)


def read_header(path):
    """The metadata (dict of str) of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise UserError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise UserError(f"{path}: not a safetensors file ({error})") from None


def default_device():
    """The GPU if there is one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def normalise(images):
    """Images (N, 3, H, W) in [0, 1] -> ImageNet-normalised."""
    mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std


def _canonical(data):
    """Safetensors bytes with the metadata in sorted order (it comes in random order): same weights, same sha256."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _read_checkpoint(path):
    """A checkpoint file's content, also out of a zip that holds one; only tensors and plain containers are unpickled."""
    import pickle
    import re
    import zipfile

    import torch

    if not Path(path).is_file():
        raise UserError(f"{path}: no such weights file")
    title = web_page(path)
    if title is not None:
        raise UserError(f"{path}: a web page ('{title}') saved in place of a checkpoint: delete it and download again")
    try:
        checkpoint = torch.load(_unzipped(path), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL (\S+)", str(error))
        what = f" ({code[1]})" if code else ""
        raise UserError(f"{path}: refused: it holds more than plain tensors{what}, which could run code") from None
    except (RuntimeError, EOFError, KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable checkpoint, perhaps cut short: {one_line(error, 200)}") from None
    if not isinstance(checkpoint, dict):
        raise UserError(f"{path}: expected a dictionary of tensors, found {type(checkpoint).__name__}")
    return checkpoint


def _unzipped(path):
    """The checkpoint inside a published zip, in memory; the path itself if it is no such zip."""
    import zipfile

    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.filename.endswith("/data.pkl") for member in members):
            return path  # torch's own files are zips too
        if len(members) != 1 or members[0].file_size > MAX_UNZIPPED:
            raise ValueError(
                f"a zip of {len(members)} files; expected one checkpoint of at most {MAX_UNZIPPED:,} bytes"
            )
        return io.BytesIO(archive.read(members[0]))
