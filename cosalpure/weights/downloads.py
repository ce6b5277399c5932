"""One address is downloaded to one place. A connection that breaks is taken up where it broke."""

import re
import shutil
from pathlib import Path

from cosalpure.errors import UserError, one_line
from cosalpure.extras import optional
from cosalpure.weights.addresses import check_address, hub_hint, hub_name_hint

PIPELINE_FILES = ["*.json", "*.txt", "*/*.safetensors"]  # of a diffusers repository: not its other formats
RETRIES = 3  # of a broken connection, each from where it broke
TIMEOUT = 60  # seconds without a byte


def download(address: str, target: Path, name: str) -> Path:
    """Bring `address` to `target`, a file or a folder; a UserError of one line if that fails.

    `name` is what the progress bar is labelled with.
    """
    check_address(address)
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "hf":
        return _from_hub(rest, target)
    if scheme.lower() == "gdrive":
        return _from_web(None, rest, target, name)
    if scheme.lower() in ("http", "https"):
        return _from_web(address, None, target, name)
    return _from_path(Path(address), target)


def hub_folder(name: str, target: Path | None = None) -> str:
    """Download a diffusers repository `OWNER/NAME[@REVISION]` of the hub to `target`, or else to the hub's cache."""
    with optional():
        from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    try:
        folder: str = snapshot_download(
            repository, revision=revision or None, local_dir=target, allow_patterns=PIPELINE_FILES
        )
    except Exception as error:  # its many errors share no class
        hint = hub_hint(name)
        raise UserError(one_line(error, 300) + (f" {hint}" if hint else "")) from None
    return folder


def _from_hub(name: str, target: Path) -> Path:
    """Download a diffusers repository of the Hugging Face hub, as a folder."""
    hub_folder(name, target)
    shutil.rmtree(target / ".cache", ignore_errors=True)  # its own book-keeping of the download
    return target


def _from_web(url: str | None, drive_id: str | None, target: Path, name: str) -> Path:
    """Download by gdown, which knows Google Drive's pages of confirmation and plain addresses alike."""
    with optional():
        import requests
        from gdown.exceptions import DownloadError

    parts = list(target.parent.glob("*.part"))
    try:
        _with_progress(url, drive_id, target, name)
        if not target.is_file():
            raise UserError("the server sent no file")
        return target
    except (DownloadError, requests.RequestException, OSError, KeyError) as error:  # KeyError: headers amiss
        if not (parts and re.search("byte range|416", str(error))):
            raise UserError(one_line(error, 300)) from None
    for part in parts:  # of a server that cannot go on where it stopped, or has nothing to add
        part.unlink()
    return _from_web(url, drive_id, target, name)


def _with_progress(url: str | None, drive_id: str | None, target: Path, name: str) -> None:
    """Run gdown with a progress bar; stop as soon as the server states a size that does not fit on the disk."""
    import gdown
    from tqdm import tqdm

    with tqdm(desc=name, unit="B", unit_scale=True, mininterval=0.5) as bar:

        def progress(done: int, total: int | None) -> None:
            if bar.total is None and total and total - done > shutil.disk_usage(target.parent).free:
                raise UserError(f"{total / 1e9:.1f} GB do not fit on the disk of {target.parent}")
            bar.total = total
            bar.update(done - bar.n)

        gdown.download(
            url,
            str(target),
            id=drive_id,
            progress=progress,
            resume=True,
            quiet=True,
            use_cookies=False,
            retries=RETRIES,
            timeout=TIMEOUT,
        )


def _from_path(origin: Path, target: Path) -> Path:
    """Copy a file or folder, so that the result lasts."""
    try:
        if not origin.exists():
            raise UserError(f"no such file or folder{hub_name_hint(origin)}")
        if origin.is_dir():
            return shutil.copytree(origin, target, dirs_exist_ok=True)
        shutil.copyfile(origin, target)
        return target
    except OSError as error:
        raise UserError(f"{error.strerror or error}") from None
