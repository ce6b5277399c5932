"""Pin the environment: requirements.txt from the ranges in pyproject.toml, envs/cosalpure.yaml from requirements.txt,
envs/docs.txt from the extra `docs`.

    python envs/lock.py                                  what `make lock` does after a range was changed
    python envs/lock.py --upgrade-package pandas         arguments are those of `uv pip compile`

A pin stays as it is unless a range forbids it or it is asked to be upgraded. envs/cosalpure.def installs requirements.txt
itself. tests/test_house.py compares all of them.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.11.7"  # the oldest that every pin accepts is 3.11.5
FROM_TORCH = re.compile(r"(cuda|nvidia|triton)\b")  # torch itself pins these, and only its builds for a GPU need them
REQUIREMENTS = """\
# The exact versions that the shipped weights, golden values and tables were made and tested with (Python 3.11).
# Written by `make lock` from the ranges in pyproject.toml.
"""
DOCS = """\
# What `make docs` needs beside requirements.txt, installed without dependencies. Written by `make lock`.
"""
CONDA = """\
# One environment for every rule (snakemake --sdm conda). Written by `make lock`: the pins are those of requirements.txt.
# The package itself is found through the repository: pip install --no-deps -e . inside the environment.
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins(text: str) -> list[str]:
    """List the lines "NAME==VERSION" of a requirements file."""
    return [line for line in text.splitlines() if line and line[0] != "#"]


def conda_text(requirements: list[str]) -> str:
    """Write conda's environment file with these pins."""
    return CONDA + "".join(f"      - {pin}\n" for pin in requirements)


def compiled(previous: str, extras: list[str], arguments: list[str]) -> list[str]:
    """Resolve the ranges of the package and of `extras` with `uv`, which keeps the pins of `previous` where it can.

    Neither an index nor where a file came from is written.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "requirements.txt"
        output.write_text(previous)
        command: list[str | Path] = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet"]
        for extra in extras:
            command += ["--extra", extra]
        command += ["--output-file", output, "--python-version", PYTHON, "--no-header", "--no-annotate"]
        subprocess.run([*command, "--no-emit-index-url", "--no-emit-find-links", *arguments], cwd=ROOT, check=True)
        return [pin for pin in pins(output.read_text()) if not FROM_TORCH.match(pin)]


def main(arguments: list[str]) -> None:
    """Write all files. What the documentation's site needs goes beside the pins of the package, never against them."""
    file, docs = ROOT / "requirements.txt", ROOT / "envs/docs.txt"
    found = compiled(file.read_text(), ["dev"], arguments)
    file.write_text(REQUIREMENTS + "".join(f"{pin}\n" for pin in found))
    (ROOT / "envs/cosalpure.yaml").write_text(conda_text(found))
    previous = file.read_text() + (docs.read_text() if docs.exists() else "")
    further = [pin for pin in compiled(previous, ["dev", "docs"], arguments) if pin not in found]
    docs.write_text(DOCS + "".join(f"{pin}\n" for pin in further))


if __name__ == "__main__":
    main(sys.argv[1:])
