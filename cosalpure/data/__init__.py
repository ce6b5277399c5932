"""Groups of images, the unit of thought, and the one layout that every dataset ends in.

A dataset's folder holds

    images/<slug>/NNN_<stem>.png, masks/<slug>/NNN_<stem>.png, manifest.parquet

The manifest has a row an image: `COLUMNS`. `group` is the label that a person sees, `slug` is safe in paths and shells,
`original` is the name of the file that the image was made from, `truth` says whether there is a mask, `left_out`, the same
in every row, how many images the dataset excluded as invalid. Stages read groups from here and meet in files of the same
names. Beside the manifest, `problems.parquet` lists what is wrong and `notes.parquet` how unusual files were read, if anything.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure.errors import UserError
from cosalpure.parquet import read_parquet

if TYPE_CHECKING:
    import pandas as pd

    from cosalpure import record


MANIFEST = "manifest.parquet"
COLUMNS = ("dataset", "group", "slug", "index", "file", "sha256", "attacked", "original", "truth", "left_out")
READ = ("dataset", "group", "slug", "index", "file", "attacked")  # by the stages
SLUG = 60  # characters at most
NAME = re.compile(r"(?!\.)[^/\\\x00-\x1f]{1,255}")  # of a file within a folder


@dataclass(frozen=True)
class Group:
    """N images with a common object: its label, its slug, file names in order, and which of them are attacked."""

    dataset: str
    name: str
    slug: str
    files: tuple[str, ...]
    attacked: tuple[bool, ...]

    def paths(self, folder: str | Path) -> list[Path]:
        """List the group's files under `folder`/<slug>/."""
        return [Path(folder) / self.slug / file for file in self.files]


def read_manifest(data: str | Path) -> "pd.DataFrame":
    """Read the manifest of a dataset's folder, a row an image with the columns `COLUMNS`.

    Raises:
        UserError: if the dataset is not made yet, or its manifest cannot be read.
    """
    path = Path(data) / MANIFEST
    if not path.exists():
        raise UserError(f"{path}: no such file; make the dataset first (cosalpure data, or snakemake data)")
    rows = read_parquet(path, what="manifest")
    if lacking := [name for name in READ if name not in rows]:
        raise UserError(f"{path}: not a manifest: it lacks {', '.join(lacking)}")
    for name in ("slug", "file"):
        if strange := [its for its in rows[name].unique() if not (isinstance(its, str) and NAME.fullmatch(its))]:
            raise UserError(f"{path}: {name}: {strange[0]!r} is not a name of a file")
    if not all(isinstance(its, bool) for its in rows["attacked"]):
        raise UserError(f"{path}: attacked: expected true or false in every row")
    return rows


def read_groups(data: str | Path, span: str | None = None) -> list[Group]:
    """Read the groups of a dataset's folder in the order of their slugs.

    Args:
        data: folder of the dataset.
        span: "A:B" selects groups A to B - 1, counted from 0; default: all.

    Raises:
        UserError: if the dataset is not made yet, or has no group A.
    """
    rows = read_manifest(data).sort_values(["slug", "index"])
    groups = [
        Group(part.dataset.iloc[0], part.group.iloc[0], str(slug), tuple(part.file), tuple(map(bool, part.attacked)))
        for slug, part in rows.groupby("slug", sort=True)
    ]
    if span is None:
        return groups
    start, end = parse_span(span)
    if start >= len(groups):
        raise UserError(f"--groups {span}: {data} has {len(groups)} groups, numbered from 0")
    return groups[start:end]


def parse_span(span: str) -> tuple[int, int]:
    """Parse a span of groups: "A:B" becomes (A, B), with A < B."""
    match = re.fullmatch(r"(\d+):(\d+)", span)
    if not match or int(match[1]) >= int(match[2]):
        raise UserError(f"--groups {span}: expected A:B with A < B, for example 0:12")
    return int(match[1]), int(match[2])


def index_path(output: str | Path, span: str) -> Path:
    """Locate the file that a job over groups "A:B" leaves when all of them are done: `output`/shards/A-B.parquet."""
    start, end = parse_span(span)
    return Path(output) / "shards" / f"{start:04d}-{end:04d}.parquet"


def write_index(
    output: str | Path,
    span: str,
    groups: Iterable[Group],
    folder: str | Path,
    suffix: str | None = None,
    more: Mapping[str, Mapping[tuple[str, str], Any]] | None = None,
    job: "record.Job | None" = None,
) -> None:
    """Record the files of finished groups and their hashes; written last, so it stands for the whole job.

    `folder` holds a subfolder a group. A row a file: group, slug, file, sha256, and a column for each key of `more`,
    {name: {(slug, file): value}}. The schema's metadata say what the `job` was made with.
    """
    import pandas as pd

    from cosalpure import record
    from cosalpure.io import whole_file

    rows = [
        (group.name, group.slug, path.name, file_hash(path))
        for group in groups
        for path in sorted((Path(folder) / group.slug).iterdir())
        if suffix is None or path.suffix == suffix
    ]
    with whole_file(index_path(output, span)) as path:
        table = pd.DataFrame(rows, columns=["group", "slug", "file", "sha256"])
        for name, values in (more or {}).items():
            table[name] = [values[key] for key in zip(table["slug"], table["file"], strict=True)]
        record.write(table, path, job, span)


def file_hash(path: str | Path) -> str:
    """Compute the sha256 of a file, as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slugify(label: str) -> str:
    """Make a name that is safe in paths, shells and wildcards: lower-case letters, digits and single hyphens."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if not slug or len(slug) > SLUG:  # nothing or too much is left of it
        return f"{slug[:SLUG].rstrip('-') or 'group'}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"
    return slug


def unique_slugs(labels: list[str]) -> list[str]:
    """Make a slug each for different labels. Labels that come to the same slug all get a hash behind it."""
    slugs = [slugify(label) for label in labels]
    return [
        f"{slug}-{hashlib.sha256(label.encode()).hexdigest()[:8]}" if slugs.count(slug) > 1 else slug
        for slug, label in zip(slugs, labels, strict=True)
    ]
