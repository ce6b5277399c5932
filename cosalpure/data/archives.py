"""Archives from the internet, unpacked as if they were hostile: zip, tar, tar.gz, tar.bz2, tar.xz.

Refused, with one line: members outside the target, links, devices, two members of one name, more or larger members
than images need, and what grows far beyond the archive's size. Sizes are checked as declared and again as they come.
Only images are written, and empty files of the names of other ones, for the layout to see. What is refused leaves files
in the target, which is for the caller to remove.

The same rules hold for zip and tar. `tarfile.data_filter` would be weaker than they are: it removes a leading slash and
lets links through that stay inside, and it knows neither backslashes nor a bound on sizes.
"""

import bz2
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from cosalpure.data.layouts import SUFFIXES, is_strange
from cosalpure.errors import UserError, one_line

MAX_MEMBERS = 100_000  # CoSOD3k has 6632 files
MAX_MEMBER = 256_000_000  # bytes of an image file
MAX_TOTAL = 20_000_000_000  # bytes of all members
MAX_RATIO = 100  # bytes of all members for a byte of the archive; photographs come to about 1, drawn masks to 30
SMALL = 100_000_000  # bytes that are no bomb whatever the ratio
MAX_DEPTH = 16  # folders in folders
PIECE = 1 << 20  # bytes read at once: a tar's extended header must not be larger either
STREAMS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
OTHERS = {b"Rar!": "RAR", b"7z\xbc\xaf": "7z", b"\x28\xb5\x2f\xfd": "zstd"}
BROKEN = (OSError, EOFError, RuntimeError, ValueError, struct.error, zlib.error, lzma.LZMAError) + (
    zipfile.BadZipFile,
    tarfile.TarError,
)


@dataclass(frozen=True)
class Member:
    """An entry of an archive as it declares itself; `open` gives its bytes, None for a folder."""

    name: str
    size: int
    kind: str  # "file", "folder", or what makes it unwelcome
    open: Callable[[], Any]


def unpack(archive: str | Path, target: str | Path) -> None:
    """Unpack the images of an archive as files under the folder `target`.

    Raises:
        UserError: for an archive that is broken or refused; on one line.
    """
    archive, target, total = Path(archive), Path(target), 0
    allowed = min(MAX_TOTAL, max(SMALL, MAX_RATIO * archive.stat().st_size))
    try:
        with _members(archive, allowed) as members:
            for count, member in enumerate(members, 1):
                total += max(0, member.size)
                place = _checked(member, count, total, allowed)
                if member.kind == "folder":
                    (target / place).mkdir(parents=True, exist_ok=True)
                elif place.suffix.lower() in SUFFIXES:
                    _write(member, target / place)
                elif is_strange(place.name):
                    _write(replace(member, size=0, open=BytesIO), target / place)
    except UserError as error:
        raise UserError(f"{archive}: {error}; refused") from None
    except BROKEN as error:
        raise UserError(f"{archive}: not a whole, readable archive ({one_line(error, 120)})") from None


def _checked(member: Member, count: int, total: int, allowed: int) -> PurePosixPath:
    """Return the relative path of a member that may be written."""
    parts = member.name.replace("\\", "/").split("/")  # old Windows programs write backslashes
    if parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:[\\/]", member.name) or "\0" in member.name:
        raise UserError(f"member {_shown(member)} would lie outside its folder")
    if len(parts) > MAX_DEPTH:
        raise UserError(f"member {_shown(member)} lies in more than {MAX_DEPTH} folders")
    if member.kind not in ("file", "folder"):
        raise UserError(f"member {_shown(member)} is a {member.kind}")
    if count > MAX_MEMBERS:
        raise UserError(f"more than {MAX_MEMBERS:,} members")
    if member.size > MAX_MEMBER:
        raise UserError(f"member {_shown(member)} has {member.size:,} bytes, more than {MAX_MEMBER:,}")
    if total > allowed:
        raise UserError(f"its members have more than {allowed:,} bytes")
    return PurePosixPath(*parts)


def _write(member: Member, path: Path) -> None:
    """Write a member's bytes as a new file, as many as declared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    try:
        with member.open() as source, path.open("xb") as file:
            while piece := source.read(PIECE):
                written += len(piece)
                if written > member.size:
                    break
                file.write(piece)
    except FileExistsError:
        raise UserError(f"two members of the name {_shown(member)}") from None
    if written != member.size:
        raise UserError(f"member {_shown(member)} does not have the {member.size:,} bytes that it declares")


def _shown(member: Member) -> str:
    """Write a member's name, short and harmless to a terminal."""
    return ascii(member.name if len(member.name) <= 80 else member.name[:77] + "...")


@contextmanager
def _members(archive: Path, allowed: int) -> Iterator[Iterator[Member]]:
    """Yield the members of an archive, whatever its kind, which its first bytes tell: an iterator of `Member`."""
    with archive.open("rb") as file:
        start = file.read(8)
    for magic, kind in OTHERS.items():
        if start.startswith(magic):
            raise UserError(f"a {kind} archive: unpack it by hand and give the path of the folder")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _check_count(archive)
        with zipfile.ZipFile(archive) as opened:
            yield (_of_zip(opened, info) for info in opened.infolist())
        return
    unpacked = next((opener for magic, opener in STREAMS.items() if start.startswith(magic)), open)
    with unpacked(archive, "rb") as stream:
        bounded: Any = _Bounded(stream, allowed)
        with tarfile.open(fileobj=bounded, mode="r:") as opened:
            yield (_of_tar(opened, info) for info in opened)


def _check_count(archive: Path) -> None:
    """Refuse a zip of too many members by the number it declares, before a list of them is made in memory."""
    with archive.open("rb") as file:
        file.seek(max(0, archive.stat().st_size - 65_557))  # the record lies at the end, behind a comment
        end = file.read()
    place = end.rfind(b"PK\x05\x06")
    counts = [struct.unpack_from("<H", end, place + 10)[0]] if 0 <= place <= len(end) - 12 else []
    place = end.rfind(b"PK\x06\x06")  # zip64
    counts += [struct.unpack_from("<Q", end, place + 32)[0]] if 0 <= place <= len(end) - 40 else []
    if max(counts, default=0) > MAX_MEMBERS:
        raise UserError(f"more than {MAX_MEMBERS:,} members")


def _of_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        raise UserError("it is encrypted: unpack it by hand and give the path of the folder")
    special = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    kind = "link" if stat.S_ISLNK(mode) else "device" if special else "folder" if info.is_dir() else "file"
    return Member(_zip_name(info), info.file_size, kind, lambda: opened.open(info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Decode a member's name; programs that write UTF-8 without saying so are many, so that is tried first."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _of_tar(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kind = (
        "folder" if info.isdir() else "file" if info.isreg() else "link" if info.issym() or info.islnk() else "device"
    )
    return Member(info.name, info.size, kind, lambda: opened.extractfile(info))


class _Bounded:
    """A stream that ends in a UserError beyond `limit` bytes, read forwards; tarfile steps back by a byte at most."""

    KEPT = 1024  # bytes to step back over

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self.stream, self.limit = stream, limit + MAX_MEMBERS * tarfile.RECORDSIZE // 8  # headers
        self.position, self.fetched, self.behind, self.ahead = 0, 0, b"", b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= PIECE:
            raise UserError(f"a header of {size:,} bytes, more than {PIECE:,}")
        data, self.ahead = self.ahead[:size], self.ahead[size:]
        if len(data) < size:
            more = self.stream.read(size - len(data))
            self.fetched += len(more)
            data += more
        if self.fetched > self.limit:
            raise UserError(f"it unpacks to more than {self.limit:,} bytes")
        self.position += len(data)
        self.behind = (self.behind + data)[-self.KEPT :]
        return data

    def seek(self, position: int) -> None:
        back = self.position - position
        if 0 < back <= len(self.behind):
            self.behind, self.ahead = self.behind[:-back], self.behind[-back:] + self.ahead
            self.position = position
        elif back > 0:
            raise OSError("its members overlap")
        while self.position < position and self.read(min(PIECE, position - self.position)):
            pass

    def tell(self) -> int:
        return self.position

    def close(self) -> None:
        pass
