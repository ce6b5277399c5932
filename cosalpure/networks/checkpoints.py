"""Weights from files that somebody else wrote: read safely, unwrapped, compared with the network, all before its first use.

    state = state_dict(read("final.pth"), "final.pth")
    state = fitting(network, state, "final.pth", "not the official weights of 'poolnet'")

Every mistake is a UserError of one line that names the file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure import file_kinds
from cosalpure.errors import UserError, one_line
from cosalpure.staging import staged
from cosalpure.weights import missing_text

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_UNZIPPED = 4_000_000_000  # bytes of a checkpoint inside a zip; the largest network here has half of that
PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "network.",
    "net.",
)  # of wrappers: DataParallel, torch.compile, Lightning
NO_WEIGHTS = re.compile("optim|sched|scaler|callback|hyper|param_groups", re.IGNORECASE)  # beside a model's weights
ENDINGS = {file_kinds.SAFETENSORS: ".safetensors", file_kinds.TORCH: ".pth", file_kinds.PICKLE: ".pth"}


def read(path: str | Path) -> dict[Any, Any]:
    """Read a checkpoint file, also out of a zip that holds one; only tensors and plain containers are unpickled."""
    import pickle

    import torch

    check_kind(path, (file_kinds.TORCH, file_kinds.PICKLE, file_kinds.ZIP), "checkpoint")
    try:
        checkpoint = torch.load(_unzipped(staged(path)), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL (\S+)", str(error))
        what = (
            f"it holds more than plain tensors ({code[1]})" if code else "damaged, or it holds more than plain tensors"
        )
        raise UserError(
            f"{path}: refused: {what}, which could run code; save the network's state_dict() alone"
        ) from None
    except Exception as error:  # unpickling damaged bytes raises nearly anything
        raise UserError(f"{path}: not a readable checkpoint, perhaps cut short: {one_line(error, 200)}") from None
    if not isinstance(checkpoint, dict):
        raise UserError(f"{path}: expected a dictionary of tensors, found {type(checkpoint).__name__}")
    return checkpoint


def check_kind(path: str | Path, kinds: Sequence[str], what: str) -> None:
    """Refuse a file that by its first bytes is of none of `kinds`, and say what it is; `what` it should have been."""
    if not Path(path).exists():
        raise UserError(missing_text(path))
    kind = file_kinds.describe(path)
    if kind in kinds:
        return
    remedy = ""
    if file_kinds.is_message(kind) or kind == file_kinds.CUT_ZIP:
        remedy = ": delete it and download it again"
    elif kind in ENDINGS:
        remedy = f": its name should end in {ENDINGS[kind]}"
    raise UserError(f"{path}: not a readable {what} but {kind}{remedy}")


def _unzipped(path: str | Path) -> str | Path | io.BytesIO:
    """Read the checkpoint inside a published zip into memory; the path itself if it is no such zip."""
    if file_kinds.describe(path) != file_kinds.ZIP:
        return path  # torch's own files are zips too
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/") and "/." not in f"/{member.filename}"
        ]
        if len(members) != 1 or members[0].file_size > MAX_UNZIPPED:
            raise UserError(
                f"{path}: not a readable checkpoint but a zip of {len(members)} files; "
                f"expected one checkpoint of at most {MAX_UNZIPPED:,} bytes"
            )
        content = archive.read(members[0])
    if not content.startswith((b"PK\x03\x04", b"\x80")):
        raise UserError(
            f"{path}: not a readable checkpoint but a zip of '{members[0].filename}', which is no PyTorch checkpoint; "
            "unzip it"
        )
    return io.BytesIO(content)


def state_dict(checkpoint: Mapping[Any, Any], path: str | Path) -> dict[str, Any]:
    """Find the weights {key: tensor} at a checkpoint's top, or nested as trainings save them, without wrappers' prefixes.

    Of several sets of weights the largest is taken; two of one size are a UserError that names both.
    """
    found = sorted(_states(checkpoint), key=lambda part: -len(part[1]))
    if not found:
        raise UserError(
            f"{path}: no weights in it; expected a dictionary of tensors, found the keys {_keys(checkpoint)}"
        )
    same = [where or "the top" for where, state in found if len(state) == len(found[0][1])]
    if len(same) > 1:
        raise UserError(f"{path}: holds several sets of weights ({', '.join(same)}); save one of them alone")
    state = {str(key): value for key, value in found[0][1].items()}
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _states(value: Mapping[Any, Any], where: str = "") -> list[tuple[str, Mapping[Any, Any]]]:
    """List ("model.sd", {key: tensor}) for every dictionary in `value` that holds tensors.

    The state of an optimiser does not count.
    """
    import torch

    nested = [
        part
        for key, item in value.items()
        if isinstance(item, dict) and not NO_WEIGHTS.search(str(key))
        for part in _states(item, f"{where}.{key}".lstrip("."))
    ]
    if nested:
        return nested
    return [(where, value)] if any(isinstance(item, torch.Tensor) for item in value.values()) else []


def _keys(values: Iterable[Any], count: int = 4) -> str:
    """List the first keys of a dictionary, for a message."""
    return _some([str(key)[:40] for key in values], count) or "(none)"


def fitting(network: nn.Module, state: Mapping[str, Any], where: str | Path, trouble: str) -> dict[str, Tensor]:
    """Convert `state` to what `network` takes: exactly its keys and shapes, its types, finite values.

    If it does not fit, a UserError starts with `where`; `trouble` follows if keys or shapes differ.
    """
    import torch

    own = network.state_dict()
    counters = {key: torch.tensor(0) for key in own if key.endswith(".num_batches_tracked")}
    state = {**counters, **state}  # files from before PyTorch 0.4.1 lack them, and nothing here reads them
    findings = {
        "missing": [key for key in own if key not in state],
        "unexpected": [str(key) for key in state if key not in own],
        "of another shape": [
            f"{key} ({_shape(state[key])}, expected {_shape(own[key])})"
            for key in own
            if key in state and _shape(state[key]) != _shape(own[key])
        ],
    }
    said = [f"{len(keys)} {kind}: {_some(keys)}" for kind, keys in findings.items() if keys]
    if said:
        raise UserError(f"{where}: {trouble}: {'; '.join(said)}")
    other = [f"{key} ({_type(state[key])})" for key in own if not _converts(state[key], own[key])]
    refuse(where, other, "of a type that is not floating point")
    # half, bfloat16 and double precision become the network's own
    state = {key: value.to(own[key].dtype) for key, value in state.items()}
    refuse(where, not_finite(state), "with values that are not finite numbers")
    kernels = [value for value in state.values() if value.ndim > 1]
    if kernels and not any(value.any() for value in kernels):
        raise UserError(f"{where}: every kernel is zero: the weights of no trained network")
    return state


def refuse(where: str | Path, keys: Sequence[str], why: str) -> None:
    """Raise a UserError that says how many tensors are invalid and why, if there are `keys`, and names some."""
    if keys:
        raise UserError(f"{where}: {len(keys)} tensor{'s' * (len(keys) > 1)} {why}: {_some(keys)}")


def _converts(value: Tensor, own: Tensor) -> bool:
    """Say whether `value` can become a tensor of the type of `own` and mean the same."""
    plain = not (value.is_quantized or value.is_sparse or value.is_meta or value.is_complex())
    return plain and (value.is_floating_point() or not own.is_floating_point())


def not_finite(state: Mapping[str, Tensor]) -> list[str]:
    """List the keys of the tensors that hold NaN or infinity."""
    floats = {key: value for key, value in state.items() if value.is_floating_point() and value.numel()}
    # If any value is NaN, so are the extremes; they are found in a tenth of the time that `isfinite` takes.
    return [key for key, value in floats.items() if not all(its.isfinite() for its in value.aminmax())]


def _shape(value: Any) -> str:
    """Write a tensor's shape as text, "64x3x7x7"; of anything else its type."""
    if not hasattr(value, "shape"):
        return type(value).__name__
    return "x".join(map(str, value.shape)) or "a single number"


def _type(value: Tensor) -> str:
    """Write the type of a tensor as text."""
    layout = "without values" if value.is_meta else "sparse" if value.is_sparse else ""
    return f"{layout} {value.dtype}".replace("torch.", "").strip()


def _some(keys: Sequence[str], count: int = 4) -> str:
    """Write the first of `keys`."""
    return ", ".join(keys[:count]) + (", ..." if len(keys) > count else "")
