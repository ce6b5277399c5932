"""Whether a file or folder is the published one: its kind, its sha256, and the record of that."""

import hashlib
from pathlib import Path

from cosalpure import file_kinds
from cosalpure.errors import UserError
from cosalpure.io import whole_file
from cosalpure.weights.contents import damage, pipeline_fault, size_fault
from cosalpure.weights.sources import Source


def verify(source: Source, path: Path) -> None:
    """Check what lies at `path`: its kind, and its sha256 against the published or recorded one.

    Without either sha256, size and content are checked too, and the sha256 is recorded.
    """
    fault = kind_fault(source, path)
    if fault:
        record = _record(path)
        also = f" and its record {record}" if record.exists() else ""
        raise UserError(f"{path}: {fault}. Move it away{also} and run: cosalpure {source.kind} fetch {source.name}")
    fault = content_fault(source, path, path)
    if fault:
        raise UserError(
            f"{path}: {fault}. If you trust this file, correct that; "
            f"else move the file away and run: cosalpure {source.kind} fetch {source.name}"
        )


def sha256_lines(path: Path) -> str:
    """Write what `sha256sum` prints for a file, or for the files of a folder in order of their names."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    lines = []
    for file in files:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        lines.append(f"{digest}  {file.relative_to(path.parent).as_posix()}\n")
    return "".join(lines)


def kind_fault(source: Source, path: Path) -> str | None:
    """Say why `path` cannot be the file or folder of `source`, by its kind; None if it can. Reads a few kilobytes."""
    if source.is_folder:
        return pipeline_fault(path) if path.is_dir() else f"expected a folder, found {file_kinds.describe(path)}"
    kind = file_kinds.describe(path)
    if kind == file_kinds.EMPTY:
        return "the file is empty"
    if _sha256_decides(source):  # the sha256 is asked here only where a short text could be the file
        wrong = file_kinds.is_message(kind) and not sha256_lines(path).startswith(source.sha256)
        return _instead(kind) if wrong else None
    if file_kinds.is_message(kind):
        return _instead(kind)
    if kind == file_kinds.CUT_ZIP:
        return f"not a whole, readable archive: {kind}"
    return _other_kind(source, kind) or ("a folder; expected a file" if path.is_dir() else None)


def _other_kind(source: Source, kind: str) -> str | None:
    """Say what is wrong with a file of another kind than its name or its row promises; None if it is of that kind."""
    known = file_kinds.expected(source.file)
    if known and source.kind == "data":
        known = file_kinds.ARCHIVES  # archives are told by their content, whatever their names say
    if not known or kind in known:
        return None
    if source.kind == "data" and kind.endswith(" archive"):
        return f"{kind}: unpack it by hand and give the path of the folder"
    return f"{kind}; expected {' or '.join(known)}"


def content_fault(source: Source, path: Path, found: Path) -> str | None:
    """Say what is wrong with the content of `found`, which is or becomes `path`; None if all is well.

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
        fault = None if _sha256_decides(source) else size_fault(source, found) or damage(source, found)
        if fault:
            return fault
        with whole_file(record) as temporary:
            temporary.write_text(lines)
    return None


def _record(path: Path) -> Path:
    """Locate where the sha256 of a file or folder is recorded."""
    return path.with_name(f"{path.name}.sha256")


def _sha256_decides(source: Source) -> bool:
    """Say whether the publisher's sha256 will tell: then size and content need no check of their own."""
    return bool(source.sha256) and not source.is_folder


def _instead(kind: str) -> str:
    """Write what `file_kinds.describe` found, for a message: "a web page came instead of the file ('Sign in')"."""
    name, _, shown = kind.partition(" (")
    return f"{name} came instead of the file" + (f" ({shown}" if shown else "")
