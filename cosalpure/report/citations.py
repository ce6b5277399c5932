"""BibTeX of the methods that a run used, selected by key from `cosalpure/assets/references.bib`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cosalpure.experiment.jobs import FAMILY
from cosalpure.methods import FAMILIES, METHODS, Family
from cosalpure.record import Record
from cosalpure.seeds import split_repeat

BENCHMARK = "zhu2024cosalpure"  # cited for every run


def references() -> dict[str, str]:
    """Read the BibTeX entries that ship with the package, by key, in their order.

    An entry begins with @kind{key, at the start of a line and ends at the first line that is a closing brace alone.
    """
    text = (Path(__file__).parents[1] / "assets" / "references.bib").read_text(encoding="utf-8")
    return {its["key"]: its[0] for its in re.finditer(r"^@\w+\{(?P<key>[^,\s]+),\n.*?^\}$", text, re.M | re.S)}


def bibtex(methods: Mapping[Family, Iterable[str]]) -> str:
    """Write the entries of methods and of the benchmark, each once; a plug-in's own entry stands at the end."""
    known = [METHODS[family].get(method) for family, its in methods.items() for method in its]
    keys = {BENCHMARK, *(key for method in known for key in method.cite)}
    shipped = [entry for key, entry in references().items() if key in keys]
    return "\n\n".join([*shipped, *dict.fromkeys(its.bibtex.strip() for its in known if its.bibtex)])


def methods_run(
    names: Mapping[Family, Iterable[str]], records: Iterable[Record], config: Mapping[str, Any]
) -> dict[Family, dict[str, str]]:
    """Map the entries `names` of each family to their methods: as the jobs' records tell, else as the configuration does."""
    recorded = {(FAMILY[its.stage], its.names[-1]): its.method for its in records if its.stage in FAMILY and its.names}
    return {
        family: {
            name: recorded.get((family, name)) or method_of(config.get(family, {}), name)
            for name in names.get(family, ())
        }
        for family in FAMILIES
    }


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
