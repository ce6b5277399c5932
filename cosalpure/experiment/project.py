"""Where an experiment's files lie: relative paths in it begin at its project, never at where the user stands.

    project_of("/shared/study/config/mine.yaml")            /shared/study, if that has the Snakefile
    Places(Path("/shared/study")).of("photos/cats")         "photos/cats" from there, "/shared/study/photos/cats" from elsewhere

What the workflow makes or downloads (results/, weights/ and datasets/ of the table of sources) lies where the workflow runs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cosalpure.bundled import PREFIX, seen_from_here
from cosalpure.experiment.files import DEFAULT, File
from cosalpure.experiment.layout import RESULTS
from cosalpure.method_files import in_a_file
from cosalpure.weights import read_sources

SNAKEFILE = "Snakefile"
FETCHED = {"weights": "weights", "datasets": "data"}  # {folder of what is downloaded: kind in the table of sources}
ELSEWHERE = (PREFIX, "hf:", "~", "/")  # begin a path that is not relative


def project_of(file: File) -> Path:
    """Find the project of an experiment file: the nearest folder at or above it with a Snakefile, else its own folder."""
    folder = Path(file).absolute().parent
    return next((its for its in (folder, *folder.parents) if (its / SNAKEFILE).is_file()), folder)


@contextmanager
def where_it_runs(files: Sequence[File]) -> Iterator[list[str]]:
    """Work where the workflow would run: here if there is a Snakefile, else in the experiment's project if that has one.

    Args:
        files: an experiment, then its variants; none for the default experiment.

    Yields:
        The files as they are called from there.
    """
    project = project_of([*files, DEFAULT][0])
    if Path(SNAKEFILE).is_file() or not (project / SNAKEFILE).is_file():
        yield [os.fspath(file) for file in files or [DEFAULT]]
        return
    absolute = [Path(file).absolute() for file in files or [project / DEFAULT]]
    with chdir(project):
        yield [seen_from_here(path) for path in absolute]


@dataclass(frozen=True)
class Places:
    """Where the relative paths of an experiment lead, seen from the working directory.

    Attributes:
        project: the folder where they begin; None is the working directory.
        sources: the table of sources that the experiment names, which says what is downloaded.
    """

    project: Path | None = None
    sources: str | None = None

    def of(self, path: str) -> str:
        """Give a path of the experiment as it is seen from here. In the project nothing changes."""
        if self.project is None or self.project == Path.cwd():
            return path
        if not path or path.startswith(ELSEWHERE) or self._made(path):
            return path
        return seen_from_here(Path(os.path.normpath(self.project / path)))

    def of_method(self, name: str) -> str:
        """Give the name of a method, FILE.py:CLASS with the file as it is seen from here."""
        return self.of(name) if in_a_file(name) else name

    def of_setting(self, value: object) -> object:
        """Give the value of a setting that names a file or several, as they are seen from here."""
        if isinstance(value, str):
            return self.of(value)
        return [self.of_setting(its) for its in value] if isinstance(value, list | tuple) else value

    def _made(self, path: str) -> bool:
        """Tell whether the workflow makes or downloads what a path names."""
        folder, *rest = Path(path).parts
        return folder == RESULTS or bool(rest) and rest[0] in self._fetched.get(folder, ())

    @cached_property
    def _fetched(self) -> dict[str, set[str]]:
        """What is downloaded: {folder: names in it}."""
        sources = self.of(self.sources) if self.sources else None
        return {
            folder: {its.file.rstrip("/") for its in read_sources(sources, kind).values()}
            for folder, kind in FETCHED.items()
        }
