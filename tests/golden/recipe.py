"""Deterministic fill recipe ("crc32-uniform v1") - depends only on numpy.

value(key, shape, mult) for a FLOATING tensor:
    u   = numpy.random.RandomState(zlib.crc32(key.encode()) & 0xffffffff).random_sample(prod(shape))  # float64 in [0,1)
    s   = 2*u - 1                                                                                   # [-1,1)
    last = key.rsplit('.',1)[-1];  ndim = len(shape)
    running_mean            -> 0.1 * s
    running_var             -> 1 + 0.5 * s          (0.5 .. 1.5)
    ndim >= 2               -> s * sqrt(3 / fan_in) * mult,   fan_in = prod(shape[1:])   (std = mult/sqrt(fan_in))
    ndim <= 1 and 'weight'  -> (1 + 0.2 * s) * mult
    everything else (bias)  -> 0.1 * s * mult
 cast to float32 at the end.  Integer tensors (num_batches_tracked) -> 0.
`mult` is 1 except for keys matched by the net's `overrides` list (regex -> multiplier, first full re.search wins).
Seeds use the key exactly as it stands in the OFFICIAL checkpoint file (listed in manifest/<net>.tsv).
"""

import re
import zlib

import numpy as np


def value(key, shape, mult=1.0):
    shape = tuple(int(s) for s in shape)
    n = int(np.prod(shape)) if len(shape) else 1
    s = 2.0 * np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF).random_sample(n) - 1.0
    last = key.rsplit(".", 1)[-1]
    if last == "running_mean":
        v = 0.1 * s
    elif last == "running_var":
        v = 1.0 + 0.5 * s
    elif len(shape) >= 2:
        fan_in = int(np.prod(shape[1:]))
        v = s * np.sqrt(3.0 / fan_in) * mult
    elif last == "weight":
        v = (1.0 + 0.2 * s) * mult
    else:
        v = 0.1 * s * mult
    return v.reshape(shape).astype(np.float32)


def multiplier(key, overrides):
    for pat, m in overrides:
        if re.search(pat, key):
            return m
    return 1.0


def make_state_dict(manifest_rows, overrides=()):
    """manifest_rows: iterable of (key, shape, dtype_str) -> dict of numpy arrays"""
    out = {}
    for key, shape, dtype in manifest_rows:
        if not dtype.startswith("float"):
            out[key] = np.zeros(shape, dtype=np.int64)
        else:
            out[key] = value(key, shape, multiplier(key, overrides))
    return out


def read_manifest(path):
    rows = []
    for line in open(path):
        if line.startswith("#") or not line.strip():
            continue
        k, sh, dt = line.rstrip("\n").split("\t")[:3]
        rows.append((k, tuple(int(x) for x in sh.split("x")) if sh != "scalar" else (), dt))
    return rows
