"""Patterns of paths: where the images of a dataset lie, and which ground truth belongs to which image.

    images: "rgb/{group}/*.jpg"          {group} is the label of the group; * stands for any text, ? for one character
    truth: "masks/{group}/{stem}.png"    {stem} as in the pattern of images, or the image's name without extension
    images: "{group}_{stem}.{jpg,png}"   {a,b} stands for one of several words

Paths are relative to the dataset's folder. A wildcard or placeholder stands for text within one name, never for a "/".
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

PLACEHOLDERS = {"group": ".+", "stem": ".+?"}  # in {group}_{stem}, "alarm_clock_1" is group alarm_clock, image 1
TOKEN = re.compile(r"(\{[^{}]*\}|[*?])")
WILDCARDS = {"*": ".*", "?": "."}


@dataclass(frozen=True)
class FilePattern:
    """A pattern of paths below a folder, such as "rgb/{group}/*.jpg".

    Raises:
        ValueError: for a pattern that leaves the folder, or holds something unknown; on one line.
    """

    text: str

    def __post_init__(self) -> None:
        """Check the pattern."""
        if self.text.startswith(("/", "~")) or re.match("[A-Za-z]:", self.text) or "\\" in self.text:
            raise ValueError("expected a path relative to the dataset's folder, with / between names")
        if any(part in ("", ".", "..") for part in self.parts):
            raise ValueError("expected names with / between them, without '..', '.' and empty names")
        if "**" in self.text:
            raise ValueError("** is not known; write one * for each folder")
        for token in TOKEN.findall(self.text):
            if token[0] == "{" and token[1:-1] not in PLACEHOLDERS and "," not in token:
                raise ValueError(
                    f"unknown placeholder {token}; known: {{group}}, {{stem}}, and {{jpg,png}} for a choice"
                )
        if re.search("[{}]", TOKEN.sub("", self.text)):
            raise ValueError("a brace without its partner; known: {group}, {stem}, and {jpg,png} for a choice")

    @property
    def parts(self) -> list[str]:
        """The pattern of each folder's name, then that of the file's."""
        return self.text.split("/")

    def has(self, placeholder: str) -> bool:
        """Say whether the pattern holds a placeholder: "group" or "stem"."""
        return f"{{{placeholder}}}" in self.text

    def filled(self, values: Mapping[str, str]) -> str:
        """Write the pattern with values in place of its placeholders; wildcards stay."""
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), self.text)

    def is_plain(self) -> bool:
        """Say whether the pattern with its placeholders filled names a single path."""
        return not any(token in WILDCARDS or "," in token for token in TOKEN.findall(self.text))


def name_matcher(part: str, values: Mapping[str, str], exact: bool = False) -> re.Pattern[str]:
    """Compile a pattern of one name, for names that `composed` returns.

    Args:
        part: one of `FilePattern.parts`.
        values: of the placeholders that are known already; the others become groups of the expression.
        exact: whether upper and lower case differ.
    """
    expression, seen = "", set(values)
    for token in TOKEN.split(composed(part)):
        name = token[1:-1]
        if token in WILDCARDS:
            expression += WILDCARDS[token]
        elif name in PLACEHOLDERS and token[0] == "{":
            new = f"(?P<{name}>{PLACEHOLDERS[name]})"
            expression += (
                re.escape(composed(values[name])) if name in values else f"(?P={name})" if name in seen else new
            )
            seen.add(name)
        elif token[:1] == "{":
            expression += f"(?:{'|'.join(map(re.escape, name.split(',')))})"
        else:
            expression += re.escape(token)
    return re.compile(expression, re.DOTALL if exact else re.DOTALL | re.IGNORECASE)


def composed(name: str) -> str:
    """Write accents as one character with their letter: copies of an archive differ in how they store them."""
    return unicodedata.normalize("NFC", name)
