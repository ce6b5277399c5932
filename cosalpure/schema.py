"""The base class of all settings, and their mistakes as one line each: the key, what was expected, what was found."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cosalpure import bundled
from cosalpure.errors import UserError
from cosalpure.yaml_text import read_yaml

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # becomes a folder's name
Fraction = Annotated[float, Field(ge=0, le=1)]
TAGS = ("number", "keys")  # of the two forms, in pydantic's errors
SPEED: dict[str, Any] = {"speed_alone": True}  # Field(json_schema_extra=SPEED) where results are equal to the byte


class Model(BaseModel):
    """Unknown keys are errors. Numbers may be text, as `snakemake --config key=value` passes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _bundled_names_stay_in_the_package(cls, value: Any) -> Any:
        if any(isinstance(name, str) and bundled.leads_out(name) for name in _items(value)):
            raise ValueError(bundled.EXPECTED)
        return value

    def as_json(self, speed: bool = True) -> str:
        """Write the settings as a command takes them, keys in order; without `speed` only those that results depend on."""
        left_out = set() if speed else set(self.speed_keys())
        return json.dumps(self.model_dump(mode="json", exclude=left_out), sort_keys=True)

    @classmethod
    def speed_keys(cls) -> tuple[str, ...]:
        """List the keys of settings of speed or memory alone."""
        extras = {key: its.json_schema_extra for key, its in cls.model_fields.items()}
        return tuple(key for key, its in extras.items() if isinstance(its, dict) and its.get("speed_alone"))


Settings = TypeVar("Settings", bound=Model)


def validated(cls: type[Settings], values: Mapping[str, Any], prefix: str) -> Settings:
    """Validate a dict as a settings model of class `cls`; every mistake is one line of a UserError that starts with `prefix`."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_lines(error, prefix, cls))) from None


def parse(cls: type[Settings], text: str, where: str) -> Settings:
    """Parse inline YAML or JSON as a settings model of class `cls`; every mistake is one line of a UserError."""
    return validated(cls, inline(text, where), f"{where}: ")


def inline(text: str, where: str) -> dict[str, Any]:
    """Parse inline YAML as a dictionary."""
    values = read_yaml(text, where)
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values such as '{{steps: 10}}', found {text!r}")
    return values


def check_placeholders(text: str, known: Sequence[str]) -> None:
    """Check that every placeholder in `text` is one of `known`, written as {name}.

    What was meant as a placeholder would else be taken as plain words, in silence.

    Raises:
        ValueError: for an unknown placeholder, with the known ones.
    """
    choices = ", ".join(f"{{{name}}}" for name in known) or "none"
    rest = text
    for found in re.findall(r"\{([^{}]*)\}", text):
        if found not in known:
            close = difflib.get_close_matches(found.strip().lower(), known, n=1, cutoff=0.5)
            hint = f" (did you mean {{{close[0]}}}?)" if close else ""
            raise ValueError(f"'{text}': unknown placeholder {{{found}}}{hint}; known: {choices}")
        rest = rest.replace(f"{{{found}}}", " ", 1)
    if re.search(r"[{}]", rest):
        raise ValueError(f"'{text}': a brace without its partner; known placeholders: {choices}")
    word = re.search(r"\S*(token|class_?name)\S*|<[^<>]*>|\$\w+|%\w+%|\bS\*|\[[^\[\]]*\]", rest, re.IGNORECASE)
    if word:
        raise ValueError(f"'{text}': '{word[0]}' is no placeholder; known: {choices}")


def _lines(error: ValidationError, prefix: str, cls: type[Model]) -> list[str]:
    """Write a pydantic error as lines that a person understands: key, expectation, what was found."""
    lines = []
    for item in error.errors():
        location = [part for part in item["loc"] if part not in TAGS]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        place = f"{prefix}{key}" if key else prefix.rstrip(": .")
        if item["type"] == "too_short":
            if len(item["input"]) == item["ctx"]["actual_length"]:  # else an item was wrong, which has its own line
                lines.append(f"{place}: expected {item['ctx']['min_length']} or more, found {_short(item['input'])}")
        elif item["type"] == "extra_forbidden":
            lines.append(f"{place}: unknown key{_guess(location, cls)}")
        elif item["type"] == "missing":
            lines.append(f"{place}: this key is missing")
        else:
            message = item["msg"].removeprefix("Value error, ").split(", unable to parse")[0]
            message = message[0].lower() + message[1:] if item["type"] != "value_error" else message
            found = f", found {_short(item['input'])}" if not isinstance(item["input"], dict) else ""
            lines.append(f"{place}: {message}{found}")
    return lines


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _short(value: Any, limit: int = 200) -> str:
    """Write a value as Python does, cut where it is long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _model_within(annotation: Any) -> type[Model] | None:
    """Find the settings model that an annotation is, or holds (a list of them, or one beside a number); else None."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(_model_within, get_args(annotation))), None)


def _guess(location: Sequence[str | int], cls: type[Model]) -> str:
    """List the known keys beside an unknown one, and the likely one."""
    for part in location[:-1]:
        if isinstance(part, str):
            cls = _model_within(cls.model_fields[part].annotation) or cls
    close = difflib.get_close_matches(str(location[-1]), list(cls.model_fields), n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return f"{hint}; known keys: {', '.join(cls.model_fields) or 'none'}"
