"""The workflow's files: in a clone they lie at its top, in an installed package in assets/workflow (setup.py puts them there).

write("study")      study/Snakefile, study/rules/, study/profiles/, study/config.yaml, study/config/, study/envs/
"""

import shutil
from pathlib import Path

from cosalpure.bundled import ASSETS
from cosalpure.errors import UserError

CLONE = Path(__file__).resolve().parents[1]
PACKAGED = ASSETS / "workflow"
PATTERNS = (  # of the files, seen from the top of a clone
    "Snakefile",
    "rules/*.smk",
    "rules/captions/*.rst",
    "profiles/*/config.yaml",
    "config.yaml",
    "config/*.yaml",
    "config/schema.json",
    "config/train/*.yaml",
    "config/variants/*.yaml",
    "envs/cosalpure.yaml",
)


def source() -> Path:
    """Find the folder that holds the workflow's files."""
    return PACKAGED if PACKAGED.is_dir() else CLONE


def names(folder: Path) -> list[str]:
    """List the workflow's files in a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for pattern in PATTERNS for path in folder.glob(pattern))


def write(folder: str | Path) -> int:
    """Write the workflow's files to a folder, and count those that were not there.

    Raises:
        UserError: if the folder holds a file of the same name and other content; then nothing is written.
    """
    target, here = Path(folder), source()
    files = names(here)
    there = [name for name in files if (target / name).exists()]
    other = [name for name in there if (target / name).read_bytes() != (here / name).read_bytes()]
    if other:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise UserError(
            f"{target / other[0]}{more}: differs from the file that would be written; choose another folder"
        )
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here / name, target / name)
    return len(files) - len(there)
