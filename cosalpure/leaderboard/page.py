"""The leaderboard's page: one static HTML file that opens from disk and fetches nothing, and the entries beside it.

Jinja2 escapes every text; links are http or https by the entry's schema. The tables are complete without the script.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cosalpure.errors import UserError
from cosalpure.io import whole_file
from cosalpure.leaderboard import board, check
from cosalpure.leaderboard.entry import Cell, Entry, read_entry
from cosalpure.report.citations import BENCHMARK, references
from cosalpure.report.inline import SORT, inline
from cosalpure.verify import SPREAD

FOLDER = Path(__file__).parent
TITLE = "<title>CosalPure leaderboard</title>"  # of the page
MISSING = "–"
TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def number(value: float | None, signed: bool = False) -> str:
    """Print a number with three decimals."""
    return MISSING if value is None else f"{value:+.3f}" if signed else f"{value:.3f}"


def interval(cell: Cell, signed: bool = False) -> str:
    """Print an interval; empty where there is none."""
    if cell.low is None or cell.high is None:
        return ""
    return f"[{number(cell.low, signed)}, {number(cell.high, signed)}]"


TEMPLATES.filters |= {"number": number, "interval": interval}


def write(folder: str, output: str) -> Path:
    """Check the entries below a folder and write their page to `output`/index.html, with a copy of each entry.

    Raises:
        UserError: for an entry with faults, a line each, or where there is none.
    """
    files = [file for track in board.TRACKS for file in sorted(Path(folder, track).glob("*.json"))]
    if not files:
        raise UserError(f"{folder}: no entries; expected files such as {folder}/purifier/NAME.json")
    if faults := [f"{file}: {fault}" for file in files for fault in check.faults(file)]:
        raise UserError("\n".join(faults))
    page = Path(output, "index.html")
    if page.is_file() and TITLE not in page.read_text(encoding="utf-8", errors="replace"):
        raise UserError(f"{page}: is another page; choose another folder")
    entries = [read_entry(file) for file in files]
    if wrong := [file for file, its in zip(files, entries, strict=True) if file.parent.name != its.track]:
        raise UserError(f"{wrong[0]}: track: not that of its folder")
    for file, its in zip(files, entries, strict=True):
        place = Path(output, "entries", its.track)
        place.mkdir(parents=True, exist_ok=True)
        for source in (file, file.with_name(its.scores.file)):
            if source.resolve() != (place / source.name).resolve():
                shutil.copyfile(source, place / source.name)
    with whole_file(page) as temporary:
        temporary.write_text(render(entries), encoding="utf-8")
    return page


def render(entries: Sequence[Entry]) -> str:
    """Print the page of some entries."""
    tables = board.boards(entries)
    style, script = (inline(FOLDER / "board.css"), inline(SORT, FOLDER / "board.js"))
    values: dict[str, Any] = {
        "present": [its for its in tables if its.present],
        "earlier": [its for its in tables if not its.present],
        "reported": board.reported_only(entries),
        "entries": entries,
        "choices": _choices(tables, entries),
        "spread": SPREAD,
        "cite": references()[BENCHMARK],
    }
    return TEMPLATES.get_template("board.html.j2").render(style=style, script=script, **values)


def _choices(tables: Sequence[board.Board], entries: Sequence[Entry]) -> dict[str, dict[str, str]]:
    """List what can be filtered by: {filter: {value: text}}."""
    detectors = {its.detector: its.detector_label for entry in entries for its in entry.measured}
    tracks = {its.key.track: f"{its.key.track}s" for its in tables}
    return {
        "track": tracks,
        "dataset": {its.edition: its.edition for its in tables},
        "detector": dict(sorted(detectors.items())),
    }
