"""BibTeX of the methods that a run used, selected by key from `cosalpure/assets/references.bib`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cosalpure.methods import FAMILIES, METHODS, Family
from cosalpure.seeds import split_repeat

BENCHMARK = "zhu2024cosalpure"  # cited for every run


def references() -> dict[str, str]:
    """Read the BibTeX entries that ship with the package, by key, in their order.

    An entry begins with @kind{key, at the start of a line and ends at the first line that is a closing brace alone.
    """
    text = (Path(__file__).parents[1] / "assets" / "references.bib").read_text(encoding="utf-8")
    return {its["key"]: its[0] for its in re.finditer(r"^@\w+\{(?P<key>[^,\s]+),\n.*?^\}$", text, re.M | re.S)}


def bibtex(methods: Iterable[tuple[Family, str]]) -> str:
    """Write the entries of methods and of the benchmark, each once; a plug-in's own entry stands at the end."""
    known = [METHODS[family].get(method) for family, method in methods]
    keys = {BENCHMARK, *(key for method in known for key in method.cite)}
    shipped = [entry for key, entry in references().items() if key in keys]
    return "\n\n".join([*shipped, *dict.fromkeys(its.bibtex.strip() for its in known if its.bibtex)])


def methods_run(config: Mapping[str, Any], names: Mapping[Family, Iterable[str]]) -> list[tuple[Family, str]]:
    """List (family, method) of the entries that were run: `names` has those of each family."""
    return [(family, method_of(config.get(family, {}), name)) for family in FAMILIES for name in names.get(family, ())]


def method_of(entries: Mapping[str, Any], name: str) -> str:
    """Find the registered method of an entry: its `method`, that of the entry it is `like`, or its own name."""
    own = split_repeat(name)[0]
    while own not in entries and "." in own:  # an attack on one pair, pgd.cosalpure.gicd, is named after the entry pgd
        own = own.rpartition(".")[0]
    entry = entries.get(own) or {}
    if entry.get("method"):
        return str(entry["method"])
    if entry.get("like"):
        return method_of(entries, entry["like"])
    return own if own in entries else split_repeat(name)[0]
