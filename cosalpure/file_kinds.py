"""What a file is, by its first bytes: downloads and weights are often something else than their names say.

    describe("weights/final.pth")  # "a web page ('Quota exceeded')", "a PyTorch checkpoint", "a Git LFS pointer", ...

Nothing is unpacked or unpickled here.
"""

import re
import zipfile
from pathlib import Path

EMPTY = "an empty file"
TORCH, PICKLE, ZIP = "a PyTorch checkpoint", "a pickle file", "a zip archive"
CUT_ZIP = "a zip archive that was cut short"
SAFETENSORS = "a safetensors file"
TORCHSCRIPT = "a TorchScript archive"
START = 4096  # bytes that are looked at
SHOWN = 60  # characters of a text that a message quotes
MAX_HEADER = 100_000_000  # bytes of a safetensors header, the format's own bound

MAGIC = {
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array file",
    b"GGUF": "a GGUF file",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x7fELF": "a program",
    b"\x80": PICKLE,
}
EXPECTED = {  # by the ending of a name
    (".pth", ".pt", ".ckpt", ".bin"): (TORCH, PICKLE, ZIP),
    (".zip",): (ZIP, TORCH),
    (".safetensors",): (SAFETENSORS,),
    (".tar",): ("a tar archive",),
    (".gz", ".tgz"): (MAGIC[b"\x1f\x8b"],),
    (".bz2",): (MAGIC[b"BZh"],),
    (".xz",): (MAGIC[b"\xfd7zXZ\x00"],),
}
ARCHIVES = (ZIP, "a tar archive", *(MAGIC[magic] for magic in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")))  # of data
TAGS = r"<(!doctype|html|head|body|meta|script|title|style|link|div|p|h\d|center|iframe|form)\b"


def describe(path: str | Path) -> str:
    """Say what a file is, in words for a message such as "a web page ('Sign in')"; for a text, quote its beginning."""
    path = Path(path)
    if path.is_dir():
        return "a folder"
    with path.open("rb") as file:
        start = file.read(START)
    if not start:
        return EMPTY
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        return _of_zip(path)
    if _is_safetensors(start):
        return SAFETENSORS
    if start[257:262] == b"ustar":
        return "a tar archive"
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    return _of_text(start) or f"a file of an unknown kind (first bytes {start[:8].hex(' ')})"


def expected(name: str | Path) -> tuple[str, ...]:
    """List the kinds that a file of this name may be of; empty where its ending promises nothing."""
    return next((kinds for endings, kinds in EXPECTED.items() if Path(name).suffix.lower() in endings), ())


def is_message(kind: str) -> bool:
    """Say whether `kind`, from `describe`, is what a server sends in place of a file: a page, an error, a pointer."""
    return kind == EMPTY or kind.startswith(("a web page", "JSON", "XML", "text", "a Git LFS pointer"))


def _of_zip(path: str | Path) -> str:
    """Tell a zip archive from the two forms that PyTorch keeps in one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return CUT_ZIP
    if any(name.endswith("/constants.pkl") for name in names):
        return TORCHSCRIPT
    if any(name.endswith("/data.pkl") for name in names):
        return TORCH
    return "a NumPy archive" if names and all(name.endswith(".npy") for name in names) else ZIP


def _is_safetensors(start: bytes) -> bool:
    """Say whether bytes begin with eight bytes of length, then a JSON object."""
    length = int.from_bytes(start[:8], "little")
    return len(start) > 9 and 2 <= length <= MAX_HEADER and start[8:9] == b"{"


def _of_text(start: bytes) -> str | None:
    """Name the kind of a text; None for binary content."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = start.decode("utf-16", "replace")
    else:
        text = start.decode("utf-8", "replace")
    text = text.lstrip("\ufeff \t\r\n")
    if not text or "\0" in text or text.count("\ufffd") > 1 + len(text) // 10:
        return None
    shown = " ".join(text.split())
    shown = f"'{shown[:SHOWN]}{'...' if len(shown) > SHOWN else ''}'"
    if text.startswith("version https://git-lfs"):
        return "a Git LFS pointer (git lfs pull brings the file)"
    if re.search(TAGS, text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"a web page ('{' '.join(title[1].split())[:80]}')" if title else f"a web page ({shown})"
    if text.startswith("<"):
        return f"XML ({shown})"
    if text.startswith(("{", "[")):
        return f"JSON ({shown})"
    return f"text ({shown})"
