"""Entries whose settings name other entries: attacks that know a detector and a purifier.

Which entries are made of an attack that names nobody is decided in `cosalpure.experiment.conditions.against`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cosalpure.concept.settings import ConceptLearning
from cosalpure.errors import UserError, choose
from cosalpure.experiment.experiment import MethodEntry
from cosalpure.experiment.file_format import EntryKeys, LearningKeys
from cosalpure.methods import METHODS, Family
from cosalpure.registry import Method
from cosalpure.schema import validated

Known = Mapping[str, Mapping[str, MethodEntry]]  # the entries that others may name, by family
Written = Mapping[str, dict[str, Any]]  # the entries of a family as a file has them: {name: keys}


def left_open(its: MethodEntry) -> list[str]:
    """List the keys of an attack that name another entry, are null, and are needed."""
    blind = getattr(its.settings, "gradient", None) == "blind"
    keys = METHODS[its.family].get(its.method).names
    return [
        key
        for key in sorted(keys, reverse=True)
        if getattr(its.settings, key) is None and not (blind and key == "purifier")
    ]


def of_pair(degradations: Written, keys: Mapping[str, str]) -> dict[str, Any]:
    """Write the entry of an attack on one pair, as a file would have it, with the label and role of the one it is like."""
    printed: dict[str, Any] = {
        key: value for key, value in degradations[keys["like"]].items() if key in EntryKeys.model_fields
    }
    return printed | dict(keys)


def with_chosen(family: Family, entry: str, method: Method, values: dict[str, Any], known: Known) -> dict[str, Any]:
    """Put what is behind the names of other entries in the place of these names."""
    found = dict(values)
    for key, other in method.names.items():
        if isinstance(values.get(key), str):
            its = known[other][choose(other[:-1], values[key], list(known[other]), f"{family}.{entry}.{key}")]
            more = {key: getattr(its, key, None) for key in ("average_maps", "concepts_from")}
            settings = json.loads(its.settings_text)
            kept = {key: value for key, value in more.items() if value}
            found[key] = {"family": other, "method": its.method, "settings": settings} | kept
    return found


def learning_of(values: Mapping[str, Any], section: ConceptLearning, where: str) -> ConceptLearning | None:
    """Give the settings with which concepts of a degradation's images are learned; None where they are the section's."""
    keys = {key: value for key, value in values.items() if key in LearningKeys.model_fields}
    own = validated(LearningKeys, keys, where).concept_learning
    return validated(ConceptLearning, section.model_dump() | own, f"{where}concept_learning.") if own else None


def check_source(its: MethodEntry, written: Written, method_of: Callable[[str], str], where: str) -> None:
    """Check that the concepts an attack needs exist before it; `written` are all degradations, `method_of` gives their methods."""
    if "concept" not in its.needs:
        return
    source = its.known_concepts
    if source is None:
        raise UserError(f"{where}: '{its.method}' needs concepts; give it a setting `concepts_from`")
    choose("degradation", source, list(written), f"{where}.concepts_from")
    if method_of(source) == its.method:
        raise UserError(
            f"{where}.concepts_from: '{source}' needs concepts itself; name one that does not, such as none"
        )
