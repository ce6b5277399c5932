"""BibTeX of the methods that a run used, selected by key from `cosalpure/assets/references.bib`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BENCHMARK = "zhu2024cosalpure"  # cited for every run
CORRUPTIONS = ("hendrycks2019imagenetc",)
CITE: Mapping[str, tuple[str, ...]] = {  # method: keys of references.bib; none where the procedure is our own
    "none": (),
    "jadena": ("gao2022jadena",),
    "random_noise": (),
    "random_exposure": (),
    "jpeg": (),
    "blur": (),
    "resize": (),
    "gaussian_noise": CORRUPTIONS,
    "shot_noise": CORRUPTIONS,
    "impulse_noise": CORRUPTIONS,
    "speckle_noise": CORRUPTIONS,
    "defocus_blur": CORRUPTIONS,
    "glass_blur": CORRUPTIONS,
    "motion_blur": CORRUPTIONS,
    "zoom_blur": CORRUPTIONS,
    "gaussian_blur": CORRUPTIONS,
    "snow": CORRUPTIONS,
    "fog": CORRUPTIONS,
    "brightness": CORRUPTIONS,
    "contrast": CORRUPTIONS,
    "elastic_transform": CORRUPTIONS,
    "pixelate": CORRUPTIONS,
    "jpeg_compression": CORRUPTIONS,
    "saturate": CORRUPTIONS,
    "source_only": (),
    "vae_round_trip": (),
    "continuous": ("chen2021liif",),
    "cosalpure": (BENCHMARK, "gal2023textual", "chen2021liif"),
    "diffpure": ("nie2022diffpure",),
    "dda": ("gao2023dda",),
    "gicd": ("zhang2020gicd",),
    "gcagc": ("zhang2020gcagc",),
    "poolnet": ("liu2019poolnet",),
}
FAMILIES = ("degradations", "purifiers", "detectors")


def references() -> dict[str, str]:
    """Read the BibTeX entries that ship with the package, by key, in their order.

    An entry begins with @kind{key, at the start of a line and ends at the first line that is a closing brace alone.
    """
    text = (Path(__file__).parents[1] / "assets" / "references.bib").read_text(encoding="utf-8")
    return {its["key"]: its[0] for its in re.finditer(r"^@\w+\{(?P<key>[^,\s]+),\n.*?^\}$", text, re.M | re.S)}


def bibtex(methods: Iterable[str]) -> str:
    """Write the entries of registered methods and of the benchmark, in the order of references.bib, each once."""
    keys = {BENCHMARK, *(key for method in methods for key in CITE.get(method, ()))}
    return "\n\n".join(entry for key, entry in references().items() if key in keys)


def methods_run(config: Mapping[str, Any], names: Mapping[str, Iterable[str]]) -> list[str]:
    """List the registered methods behind the entries that were run: `names` has those of each family."""
    return [method_of(config.get(family, {}), name) for family in FAMILIES for name in names.get(family, ())]


def method_of(entries: Mapping[str, Any], name: str) -> str:
    """Find the registered method of an entry: its `method`, that of the entry it is `like`, or its own name."""
    entry = entries.get(name) or {}
    if entry.get("method"):
        return str(entry["method"])
    return method_of(entries, entry["like"]) if entry.get("like") else name
