"""Install torch with CUDA only where there is a GPU; the rest of the environment is requirements.txt.

    .venv/bin/python envs/torch.py auto     what `make` does: with CUDA if nvidia-smi finds a GPU
    .venv/bin/python envs/torch.py cpu      make TORCH=cpu
    .venv/bin/python envs/torch.py cuda     make TORCH=cuda

PyPI's torch for Linux on x86-64 brings several GB of CUDA. There the CPU's build is taken from PyTorch's own index. On other
systems PyPI's is the right one, and requirements.txt, which is installed afterwards, gets it.
"""

import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CHOICES = ("auto", "cpu", "cuda")


def pin() -> str:
    """Find the pin of torch, "torch==2.13.0"."""
    return next(line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("torch=="))


def has_gpu() -> bool:
    """Tell whether there is an NVIDIA GPU."""
    program = shutil.which("nvidia-smi")
    return bool(program) and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


def from_cpu_index(choice: str) -> bool:
    """Tell whether torch should come from the index of the CPU's builds."""
    wanted = choice == "cpu" or (choice == "auto" and not has_gpu())
    return wanted and (platform.system(), platform.machine()) == ("Linux", "x86_64")


def is_installed() -> bool:
    """Tell whether the pinned version is there, of whatever build."""
    try:
        return version("torch").partition("+")[0] == pin().partition("==")[2]
    except PackageNotFoundError:
        return False


def main(arguments: list[str]) -> int:
    """Install torch's build for the CPU if that is the right one. An index that cannot be reached is no error."""
    choice = arguments[0] if arguments else "auto"
    if choice not in CHOICES:
        print(f"TORCH={choice}: expected one of {', '.join(CHOICES)}", file=sys.stderr)
        return 1
    if is_installed() or not from_cpu_index(choice):
        return 0
    print(f"torch: the build for the CPU, from {CPU_INDEX} (with a GPU: make TORCH=cuda)")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--retries", "1", "--timeout", "15", "--index-url", CPU_INDEX, pin()]
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        print(f"torch: {CPU_INDEX} has no answer; PyPI's build is taken, which may bring several GB of CUDA")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
