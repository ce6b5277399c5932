"""What is generated from the settings classes: the JSON schema for editors and the documentation's tables.

cosalpure config schema > config/schema.json
cosalpure config docs                           what docs/reference/configuration.md shows on the site
"""

import json
from collections.abc import Mapping
from typing import Any

from cosalpure.data.settings import DATASETS
from cosalpure.diffusion.settings import PublishedTimestep
from cosalpure.experiment.experiment import SECTIONS
from cosalpure.experiment.file_format import (
    ConceptKeys,
    ConditionBlock,
    EntryKeys,
    ExperimentFile,
    LearningKeys,
    MapKeys,
    SweepKeys,
)
from cosalpure.methods import METHODS
from cosalpure.schema import Model

SPEED_ALONE = " Affects speed and memory only."  # behind the meaning of such a setting
Classes = Mapping[str, type[Model]]  # {method: its settings}
BLOCKS: tuple[tuple[str, Classes], ...] = (
    ("datasets", DATASETS),
    *((family, its.settings_classes()) for family, its in METHODS.items()),
)


def schema_text() -> str:
    """Write the JSON schema of a configuration file, for editors; the methods' settings stand under `$defs`."""
    schema = ExperimentFile.model_json_schema()
    for family, classes in BLOCKS:
        for cls in dict.fromkeys(classes.values()):
            one = cls.model_json_schema()
            schema["$defs"] |= one.pop("$defs", {}) | {cls.__name__: one}
        schema["properties"][family]["additionalProperties"] = _entry_schema(family, classes)
    return json.dumps(schema, indent=2) + "\n"


def _entry_schema(family: str, classes: Classes) -> dict[str, Any]:
    """Make the JSON schema of an entry: its own keys, and the names of those of all methods."""
    unique = list(dict.fromkeys(classes.values()))
    extra: dict[str, Any] = {}
    if family != "datasets":
        extra = {"method": {"enum": list(classes)}, "like": {"type": "string"}}
    extra |= EntryKeys.model_json_schema()["properties"]
    if family == "degradations":
        extra |= LearningKeys.model_json_schema()["properties"]
    if family == "purifiers":
        extra |= MapKeys.model_json_schema()["properties"] | ConceptKeys.model_json_schema()["properties"]
    refs = [{"$ref": f"#/$defs/{cls.__name__}"} for cls in unique]
    names = {key for cls in unique for key in cls.model_fields} | set(extra)
    entry = {"type": ["object", "null"], "properties": extra, "propertyNames": {"enum": sorted(names)}}
    return entry | {"x-one-of": refs}


def docs_text() -> str:
    """Write a table of every key with its type, default and meaning, a section for each part of an experiment."""
    lines: list[str] = []
    lines += _docs_of("Top level", ExperimentFile)
    lines += _docs_of("Keys of every entry", EntryKeys)
    for name in SECTIONS:
        lines += _docs_of(f"`{name}`", type(ExperimentFile.model_fields[name].default))
    lines += _docs_of("`conditions`, each block", ConditionBlock)
    lines += _docs_of("`sweeps`, each entry", SweepKeys)
    for family, classes in BLOCKS:
        for cls in dict.fromkeys(classes.values()):
            methods = ", ".join(f"`{method}`" for method in classes if classes[method] is cls)
            title = f"`{family}`, {'source' if family == 'datasets' else 'method'} {methods}"
            lines += _docs_of(title, cls)
        if family == "degradations":
            lines += _docs_of("`degradations`, the concepts of each entry", LearningKeys)
        if family == "purifiers":
            lines += _docs_of("`purifiers`, each entry besides", MapKeys)
            lines += _docs_of("`purifiers`, the concept of each entry", ConceptKeys)
            lines += _docs_of("`timestep` of a purifier, as keys", PublishedTimestep)
    return "\n".join(lines).rstrip() + "\n"


def _docs_of(title: str, cls: type[Model]) -> list[str]:
    """Write one section: a heading, the class's docstring, its table."""
    lines = [f"## {title}", "", " ".join((cls.__doc__ or "").split()), ""]
    if not cls.model_fields:
        return [*lines, "No settings.", ""]
    properties = cls.model_json_schema()["properties"]
    lines += ["| key | type and range | default | meaning |", "|---|---|---|---|"]
    for key, field in cls.model_fields.items():
        default = "required" if field.is_required() else _shown(field.default)
        meaning = f"{field.description}{SPEED_ALONE if key in cls.speed_keys() else ''}"
        lines.append(f"| `{key}` | {_range(properties[key])} | {default} | {meaning} |")
    return [*lines, ""]


def _shown(default: object) -> str:
    return (
        "as below"
        if isinstance(default, Model)
        else f"`{default:.6g}`"
        if isinstance(default, float)
        else f"`{default}`"
    )


def _range(schema: Mapping[str, Any]) -> str:
    """Write a JSON schema's type and bounds in words."""
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices:
        return " or ".join(map(_range, choices))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    words = {"$ref": "keys"}.get(next(iter(schema)), schema.get("type", "keys"))
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return " ".join([{"array": "list", "object": "names"}.get(words, words), ", ".join(bounds)]).strip()
