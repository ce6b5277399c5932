"""What is wrong with a data set: every problem found, the line for the terminal, the whole list as a file."""

from dataclasses import astuple, dataclass

from cosalpure.errors import UserError
from cosalpure.io import whole_file

USABLE = ("empty mask", "sizes differ", "duplicate")  # what can be computed with: `problems: keep` keeps these
NO_TRUTH = "no ground truth"  # an image without, where there is some
SHOWN = 3  # problems on the line for the terminal


@dataclass(frozen=True)
class Problem:
    """A file that is not as it should be. `problem` starts with the kind, for example "no ground truth"."""

    group: str  # label; empty where the problem is of the whole set
    file: str
    problem: str

    @property
    def usable(self):
        """Whether the image can be computed with all the same."""
        return self.problem.startswith(USABLE)

    def __str__(self):
        place = "/".join(part for part in (self.group, self.file) if part)
        return f"{place}: {self.problem}" if place else self.problem


def write_problems(problems, path):
    """Every problem as a row of a Parquet or a CSV file: group, file, problem."""
    import pandas as pd

    table = pd.DataFrame([astuple(problem) for problem in problems], columns=["group", "file", "problem"])
    with whole_file(path) as temporary:
        table.to_parquet(temporary, index=False) if path.suffix == ".parquet" else table.to_csv(temporary, index=False)


def summary(problems):
    """The first few problems and how many more, on one line that a terminal can show."""
    first = "; ".join(" ".join(str(problem).split()) for problem in problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
    return "".join(character if character.isprintable() else "?" for character in first + more)


def stop(name, problems, path):
    """Refuses a data set: a UserError of one line, and the whole list as the CSV file `path`."""
    write_problems(problems, path)
    number = f"{len(problems):,} problem{'s' if len(problems) > 1 else ''}"
    raise UserError(
        f"{name}: {number}: {summary(problems)}. The whole list: {path}. "
        "Mend them, or set problems: skip (leaves these images out) or keep (uses what can be used)"
    )
