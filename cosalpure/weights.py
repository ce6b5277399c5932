"""Published weights, and archives of data sets: a name becomes a verified local file.

`config/sources.csv` names every file with its sources, primary first: `gdrive:ID`, `https://...`,
`hf:OWNER/NAME[@REVISION]` (a whole folder), or a path on this machine. What was downloaded is checked against the
published sha256, or, where none is published, against the one recorded beside the file at the first download
(FILE.sha256, which `sha256sum -c` reads too). Commit those records, and every machine gets the same bytes.

    from cosalpure.weights import fetch, read_sources
    path = fetch(read_sources()["gicd-ginet"], "weights")
"""

import csv
import hashlib
import os
import re
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosalpure.errors import UserError, one_line
from cosalpure.io import web_page, whole_file

SOURCES = Path(__file__).resolve().parents[1] / "config" / "sources.csv"
COLUMNS = ("name", "kind", "file", "sources", "megabytes", "sha256", "licence", "used_for")
SCHEMES = ("gdrive:", "hf:", "https://", "http://")
PIPELINE_FILES = ["*.json", "*.txt", "*/*.safetensors"]  # of a diffusers repository: not its other formats
OFFLINE = ("COSALPURE_OFFLINE", "HF_HUB_OFFLINE")  # environment variables
RETRIES = 3  # of a broken connection, each from where it broke
TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class Source:
    """A row of sources.csv. `file` ends with "/" for a folder; `sha256` may be only its beginning, or empty."""

    name: str
    file: str
    sources: tuple
    megabytes: float
    sha256: str
    licence: str
    used_for: str
    kind: str = "weights"  # or "data": the command that fetches it

    @property
    def marker(self):
        """The file whose presence says that all is there, under the folder of the weights."""
        return f"{self.file}model_index.json" if self.file.endswith("/") else self.file

    def path(self, folder):
        """Where the file, or folder, stands."""
        return Path(folder) / self.file.rstrip("/")


def read_sources(path=None, kind="weights"):
    """{name: Source} of one kind, "weights" or "data", in the order of the file (`SOURCES`).

    A UserError names a row that is not right.
    """
    path = path or SOURCES
    found = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it lists where everything published comes from") from None
    for number, row in enumerate(rows, 2):
        if tuple(row) != COLUMNS or None in row.values():
            raise UserError(f"{path}:{number}: expected the columns {','.join(COLUMNS)}")
        if row["name"] in found:
            raise UserError(f"{path}:{number}: '{row['name']}' is listed twice")
        if row["kind"] == kind:
            found[row["name"]] = _source(row, f"{path}:{number}")
    return found


def _source(row, where):
    if row["file"].rstrip("/") != Path(row["file"]).name or row["file"].startswith("."):
        raise UserError(f"{where}: file: expected a plain file name, found '{row['file']}'")
    sources = tuple(row["sources"].split())
    if not sources:
        raise UserError(f"{where}: sources: expected at least one of {', '.join(SCHEMES)} or a path")
    try:
        return Source(
            **row | {"sources": sources, "megabytes": float(row["megabytes"]), "sha256": row["sha256"].lower()}
        )
    except ValueError:
        raise UserError(f"{where}: megabytes: expected a number, found '{row['megabytes']}'") from None


def fetch(source, folder):
    """The verified path of `source` in `folder`: what lies there already, else from the first source that works.

    A file that is there is never overwritten or deleted. A stopped download goes on where it stopped.
    """
    path = source.path(folder)
    if _there(path):
        verify(source, path)
        return path
    if any(os.environ.get(name, "0").lower() not in ("", "0", "false", "no") for name in OFFLINE):
        raise UserError(
            f"{source.name}: {path} is missing and this machine is set to be offline. {advice(source, path)}"
        )
    with _alone(Path(folder) / ".partial" / f"{source.name}.lock"):
        if not _there(path):
            return _from_first_that_works(source, folder)
    verify(source, path)  # another process has brought it meanwhile
    return path


def _from_first_that_works(source, folder):
    """Downloads `source` into `folder`, its addresses tried in order; the path."""
    path, failures = source.path(folder), []
    for number, address in enumerate(source.sources):
        staging = Path(folder) / ".partial" / f"{source.name}-{number}"
        staging.mkdir(exist_ok=True)
        try:
            arrived = _download(address, staging / path.name, source)
            _check_download(source, path, arrived)
            os.replace(arrived, path)
            shutil.rmtree(staging)
            return path
        except UserError as error:
            failures.append(f"{address}: {error}")
    raise UserError(f"{source.name}: no source worked ({'; '.join(failures)}). {advice(source, path)}")


def verify(source, path):
    """Checks `path` against the published or the recorded sha256; records it if there is neither."""
    trouble = _compare(source, path, sha256_lines(path))
    if trouble:
        raise UserError(
            f"{path}: {trouble}. If you trust this file, correct that; "
            f"else move the file away and run: cosalpure {source.kind} fetch {source.name}"
        )


def sha256_lines(path):
    """What `sha256sum` prints for a file, or for the files of a folder in order of their names."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    lines = []
    for file in files:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        lines.append(f"{digest}  {file.relative_to(path.parent).as_posix()}\n")
    return "".join(lines)


def state(source, folder):
    """ "have", "missing", or "partial" with the megabytes that have arrived."""
    if _there(source.path(folder)):
        return "have"
    parts = (Path(folder) / ".partial").glob(f"{source.name}-*/**/*")
    megabytes = sum(part.stat().st_size for part in parts if part.is_file()) / 1e6
    return f"partial, {megabytes:.0f} MB" if megabytes >= 0.5 else "missing"


def _there(path):
    """Whether a file, or a folder with anything in it, is there."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def listing(sources, folder):
    """A table of all `sources`: have, missing or partial; size, licence, purpose, where to get it."""
    from tabulate import tabulate

    rows = [
        (its.name, state(its, folder), f"{its.megabytes:,.0f} MB", its.licence, its.used_for, its.path(folder))
        + ("\n".join(map(page, its.sources)),)
        for its in sources.values()
    ]
    headers = ("name", "state", "size", "licence", "for", "file", "where to get it")
    return tabulate(rows, headers, tablefmt="simple", maxcolwidths=[None, None, None, 20, 28, None, None])


def page(address):
    """The address that a person opens in a browser for a source."""
    kind, _, rest = address.partition(":")
    if kind == "gdrive":
        return f"https://drive.google.com/file/d/{rest}/view"
    return f"https://huggingface.co/{rest.partition('@')[0]}" if kind == "hf" else address


def advice(source, path):
    """How to get a file by hand."""
    what = "the folder" if source.file.endswith("/") else "the file"
    return f"Download {what} from {' or '.join(map(page, source.sources))} and put it as {path}"


def _check_download(source, path, arrived):
    """Refuses what is not the file, and removes it: a later try must not go on from it."""
    title, trouble = web_page(arrived), None
    if title is not None:
        trouble = f"a web page came instead of the file ('{title}')"
    elif not (arrived.stat().st_size if arrived.is_file() else any(arrived.rglob("model_index.json"))):
        trouble = "nothing came" if arrived.is_file() else "no model_index.json came"
    trouble = trouble or _compare(source, path, sha256_lines(arrived))
    if trouble:
        shutil.rmtree(arrived.parent)
        raise UserError(trouble)


def _compare(source, path, lines):
    """What is wrong with a file of these sha256 `lines`, or None; the first ones of a file are recorded."""
    record = path.with_name(f"{path.name}.sha256")
    recorded = record.read_text() if record.exists() else None
    if source.sha256 and not lines.startswith(source.sha256):
        return f"sha256 {lines.split()[0]} is not the published {source.sha256}"
    if recorded is not None and lines != recorded:
        return f"sha256 {lines.split()[0]} is not {recorded.split()[0]}, as in {record}"
    if recorded is None:
        with whole_file(record) as temporary:
            temporary.write_text(lines)
    return None


@contextmanager
def _alone(path):
    """Holds the lock `path`, waiting for it: two processes must not write the same partial file.

    The system lets go of a killed process's lock.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        print(f"{path.stem}: another process is downloading it; waiting for that one ({path})", file=sys.stderr)
        held = lock.acquire(poll_interval=0.5)
    with held:
        yield


def _download(address, target, source):
    """`address` -> `target`, a file or a folder; a UserError of one line if that fails."""
    if address.startswith("hf:"):
        return _from_hub(address.removeprefix("hf:"), target)
    if address.startswith("gdrive:"):
        return _from_web({"id": address.removeprefix("gdrive:")}, target, source)
    if address.startswith(("http://", "https://")):
        return _from_web({"url": address}, target, source)
    return _from_path(Path(address), target)


def _from_web(where, target, source):
    """By gdown, which knows Google Drive's pages of confirmation and plain addresses alike."""
    import gdown
    import requests
    from gdown.exceptions import DownloadError
    from tqdm import tqdm

    parts = list(target.parent.glob("*.part"))
    with tqdm(desc=source.name, unit="B", unit_scale=True, mininterval=0.5) as bar:

        def progress(done, total):
            if bar.total is None and total and total - done > shutil.disk_usage(target.parent).free:
                raise UserError(f"{total / 1e9:.1f} GB do not fit on the disk of {target.parent}")
            bar.total = total
            bar.update(done - bar.n)

        options = {"resume": True, "quiet": True, "use_cookies": False, "retries": RETRIES, "timeout": TIMEOUT}
        try:
            gdown.download(**where, output=str(target), progress=progress, **options)
            return target
        except (DownloadError, requests.RequestException, OSError, KeyError) as error:  # KeyError: headers amiss
            if not (parts and re.search("byte range|416", str(error))):
                raise UserError(one_line(error, 300)) from None
    for part in parts:  # of a server that cannot go on where it stopped, or has nothing to add
        part.unlink()
    return _from_web(where, target, source)


def _from_hub(name, target):
    """A diffusers repository of the Hugging Face hub, as a folder."""
    hub_folder(name, target)
    shutil.rmtree(target / ".cache", ignore_errors=True)  # its own book-keeping of the download
    return target


def hub_folder(name, target=None):
    """A diffusers repository `OWNER/NAME[@REVISION]` of the hub, downloaded to `target`, or else to the hub's cache."""
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    try:
        return snapshot_download(repository, revision=revision or None, local_dir=target, allow_patterns=PIPELINE_FILES)
    except Exception as error:  # its many errors share no class
        raise UserError(one_line(error, 300)) from None


def _from_path(origin, target):
    """A copy, so that the result lasts."""
    try:
        if origin.is_dir():
            return shutil.copytree(origin, target, dirs_exist_ok=True)
        shutil.copyfile(origin, target)
        return target
    except OSError as error:
        raise UserError(f"{error.strerror or error}") from None
