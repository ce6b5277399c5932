"""What this machine and this code are: versions, processor, device, git state. What may be told to a reader of results.

Importing it loads nothing heavy; `device` imports torch when it is called.
"""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (  # that results depend on, or that every experiment needs
    "snakemake",
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-image",
    "tabulate",
    "pydantic",
    "pillow",
)


def installed(package: str) -> str | None:
    """Look up the version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Look up the versions of those packages that are installed."""
    return {name: found for name in packages if (found := installed(name))}


def python() -> str:
    """Tell the version of Python."""
    return platform.python_version()


def machine() -> str:
    """Tell the operating system and the number of cores."""
    return f"{platform.platform()}, {os.cpu_count()} cores"


def processor() -> str:
    """Tell the processor's name, and whether it has AVX-512, which rounding and times depend on."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown processor"
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return f"{name[1] if name else platform.machine()} {'with' if 'avx512f' in text else 'without'} AVX-512"


def device() -> str:
    """Tell the device that torch would use: cpu, or cuda with the names of the GPUs."""
    try:
        import torch
    except ImportError:
        return "unknown (no torch)"
    if torch.cuda.is_available():
        return f"cuda: {', '.join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))}"
    return "cpu"


def git_state() -> str:
    """Tell the commit of the code, and whether it was changed since; in words where there is no clone."""
    try:
        commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "not a git clone"
    return f"commit {commit}{', with uncommitted changes' if changed else ''}"


def _git(*arguments: str) -> str:
    """Run git on the folder of this package; what it printed."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
