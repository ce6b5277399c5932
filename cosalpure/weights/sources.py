"""The table of what is published: `cosalpure/assets/sources.csv`, a row a file."""

import csv
from dataclasses import dataclass
from pathlib import Path

from cosalpure.bundled import ASSETS
from cosalpure.errors import UserError, one_line
from cosalpure.weights.addresses import SCHEMES, check_address, hub_name_hint

SOURCES = ASSETS / "sources.csv"
COLUMNS = ("name", "kind", "file", "sources", "megabytes", "sha256", "licence", "used_for")


@dataclass(frozen=True)
class Source:
    """A row of sources.csv. `file` ends with "/" for a folder; `sha256` may be only its beginning, or empty."""

    name: str
    file: str
    sources: tuple[str, ...]
    megabytes: float
    sha256: str
    licence: str
    used_for: str
    kind: str = "weights"  # or "data": the command that fetches it

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder of files."""
        return self.file.endswith("/")

    @property
    def marker(self) -> str:
        """The file whose presence says that all is there, under the folder of the weights."""
        return f"{self.file}model_index.json" if self.is_folder else self.file

    def path(self, folder: str | Path) -> Path:
        """Return where the file, or folder, stands."""
        return Path(folder) / self.file.rstrip("/")


def missing_text(path: str | Path, folder: bool = False) -> str:
    """Write the message for weights that are not there. What is published has a command; a folder may be on the hub."""
    named = Path(path)
    known = [its.name for its in read_sources().values() if its.path("weights") == Path(*named.parts[-2:])]
    remedy = hub_name_hint(path) if folder else ""
    if known:
        remedy = f"; download it with: cosalpure weights fetch {known[0]}"
    return f"{path}: no such {'folder' if folder else 'weights file'}{remedy}"


def read_sources(path: str | Path | None = None, kind: str = "weights") -> dict[str, Source]:
    """Read {name: Source} of one kind, "weights" or "data", in the order of the file (default: `SOURCES`).

    A UserError names a row that is not right.
    """
    path = path or SOURCES
    found: dict[str, Source] = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it lists where everything published comes from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a table of sources: {one_line(error, 200)}") from None
    for number, row in enumerate(rows, 2):
        if tuple(row) != COLUMNS or None in row.values():
            raise UserError(f"{path}:{number}: expected the columns {','.join(COLUMNS)}")
        if row["name"] in found:
            raise UserError(f"{path}:{number}: '{row['name']}' is listed twice")
        if row["kind"] == kind:
            found[row["name"]] = _source(row, f"{path}:{number}")
    return found


def _source(row: dict[str, str], where: str) -> Source:
    if row["file"].rstrip("/") != Path(row["file"]).name or row["file"].startswith("."):
        raise UserError(f"{where}: file: expected a plain file name, found '{row['file']}'")
    sources = tuple(row["sources"].split())
    if not sources:
        raise UserError(f"{where}: sources: expected at least one of {', '.join(SCHEMES)} or a path")
    try:
        for address in sources:
            check_address(address)
    except UserError as error:
        raise UserError(f"{where}: sources: {error}") from None
    try:
        megabytes = float(row["megabytes"])
    except ValueError:
        raise UserError(f"{where}: megabytes: expected a number, found '{row['megabytes']}'") from None
    return Source(
        row["name"],
        row["file"],
        sources,
        megabytes,
        row["sha256"].lower(),
        row["licence"],
        row["used_for"],
        row["kind"],
    )
