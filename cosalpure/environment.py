"""What this machine and this code are: versions, processor, device, git state. What may be told to a reader of results.

It uses the standard library alone, and torch if that is loaded already.
"""

import os
import platform
import re
import subprocess
import sys
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
CODE = ("cosalpure", "rules", "Snakefile")  # of a clone: what jobs run


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


def system() -> str:
    """Tell the operating system and the kind of processor, without anything that names this machine."""
    return f"{platform.system()} {platform.machine()}"


def machine() -> str:
    """Tell the operating system, the processor and the number of cores."""
    return f"{system()}, {processor()}, {os.cpu_count()} cores"


def processor() -> str:
    """Tell the processor's name, and whether it has AVX-512, which rounding and times depend on."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown processor"
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return f"{name[1] if name else platform.machine()} {'with' if 'avx512f' in text else 'without'} AVX-512"


def device() -> str:
    """Tell the device that torch has worked on in this process: cpu, or cuda with the name of the GPU.

    A job that never touched a GPU worked on the CPU, even where there is one.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return "cpu"
    return f"cuda: {torch.cuda.get_device_name()}"


def git() -> tuple[str | None, bool | None]:
    """Tell the commit of the code and whether the clone holds no change of it; (None, None) where that is unknown.

    Files that are no code of a job, such as `config.yaml`, may have changed.
    """
    clone = Path(__file__).parents[1]
    if not (clone / ".git").exists():  # installed, perhaps below a clone of something else
        return None, None
    command = ["git", "--no-optional-locks", "-C", str(clone), "status", "--porcelain=v2", "--branch", "--", *CODE]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):  # no git here, or a clone that it does not trust
        return None, None
    (commit,) = [line.split()[2] for line in lines if line.startswith("# branch.oid")]
    return commit, all(line.startswith("#") for line in lines)
