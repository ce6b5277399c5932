"""What is wrong with a dataset: every problem found, the line for the terminal, the whole list as a file."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NoReturn

from cosalpure.errors import UserError
from cosalpure.io import whole_file

# What can be computed with, whatever it is worth: `problems: keep` keeps these
USABLE = (
    "empty mask",
    "full mask",
    "inverted mask",
    "unclear mask",
    "vanishing object",
    "sizes differ",
    "EXIF",
    "transparent",
    "blank image",
    "black image",
    "mask among the images",
    "shared ground truth",
    "duplicate",
)
NO_TRUTH = "no ground truth"  # an image without, where there is some
SHOWN = 3  # problems on the line for the terminal


@dataclass(frozen=True)
class Problem:
    """A file that is not as it should be. `problem` starts with the kind, for example "no ground truth"."""

    group: str  # label; empty where the problem is of the whole set
    file: str
    problem: str

    @property
    def usable(self) -> bool:
        """Whether the image can be computed with all the same."""
        return self.problem.startswith(USABLE)

    def __str__(self) -> str:
        """Write the problem with its place: "group/file: problem"."""
        place = "/".join(part for part in (self.group, self.file) if part)
        return f"{place}: {self.problem}" if place else self.problem


Placed = tuple[tuple[str, str], Problem]  # of the row (slug, file) of a manifest


def write_problems(problems: Iterable[Problem], path: Path) -> None:
    """Write every problem as a row of a Parquet or a CSV file: group, file, problem."""
    import pandas as pd

    table = pd.DataFrame([astuple(problem) for problem in problems], columns=["group", "file", "problem"])
    with whole_file(path) as temporary:
        table.to_parquet(temporary, index=False) if path.suffix == ".parquet" else table.to_csv(temporary, index=False)


def summary(problems: Sequence[Problem]) -> str:
    """Write the first few problems and how many more there are, on one line that a terminal can show."""
    first = "; ".join(" ".join(str(problem).split()) for problem in problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
    return "".join(character if character.isprintable() else "?" for character in first + more)


def noted(notes: Iterable[Problem]) -> str:
    """Write notes on one line; those of one wording are counted, with the first place of each."""
    places: dict[str, list[str]] = {}
    for note in notes:
        places.setdefault(note.problem, []).append("/".join(part for part in (note.group, note.file) if part))
    lines = [f"{text} ({first}{f' and {len(more)} more' * bool(more)})" for text, (first, *more) in places.items()]
    more = f"; and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
    return "".join(character if character.isprintable() else "?" for character in "; ".join(lines[:SHOWN]) + more)


def counted(number: int, what: str) -> str:
    """Write a number with its noun: "1 problem", "2 problems"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def stop(name: str, problems: Sequence[Problem], path: Path) -> NoReturn:
    """Refuse a dataset: write the whole list as the CSV file `path`, and raise a UserError of one line."""
    write_problems(problems, path)
    raise UserError(
        f"{name}: {counted(len(problems), 'problem')}: {summary(problems)}. The whole list: {path}. "
        "Fix them, or set problems: skip (leaves these images out) or keep (uses what can be used)"
    )
