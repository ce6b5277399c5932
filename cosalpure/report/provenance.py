"""What a run was made with: versions, machine, git state, weights."""

import os
import platform
import subprocess
from pathlib import Path

from cosalpure.data import file_hash
from cosalpure.doctor import device, installed

PACKAGES = (
    "cosalpure",
    "torch",
    "diffusers",
    "transformers",
    "snakemake",
    "pandas",
    "pyarrow",
    "scikit-image",
    "numpy",
)
COMMAND = "COSALPURE_COMMAND"  # set by the Snakefile: a parameter of a rule would be a reason to run it again
WEIGHTS = (".safetensors", ".pth", ".pt", ".zip")


def describe(config, seed):
    """{what: value}, texts for a reader; `config` is the run's configuration, whose weights are hashed."""
    rows = {"command": os.environ.get(COMMAND, "not run by the workflow")}
    rows |= {"seed": seed, "code": git_state(), "Python": platform.python_version()}
    rows |= {"machine": f"{platform.platform()}, {os.cpu_count()} cores", "device": device()}
    rows |= {name: version for name in PACKAGES if (version := installed(name))}
    return rows | {path: f"sha256 {file_hash(path)}" for path in weight_files(config)}


def git_state():
    """The commit of the code, and whether it was changed since; in words where there is no clone."""
    command = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run(
            [*command, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run([*command, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "not a git clone"
    return f"commit {commit}{', with uncommitted changes' if changed.strip() else ''}"


def weight_files(config):
    """The weights that the configuration names and that are on this machine, those inside model folders too."""
    found = {}
    for value in strings(config):
        path = Path(value)
        if "/" in value and path.is_file() and path.suffix in WEIGHTS:
            found[str(path)] = None
        elif "/" in value and (path / "model_index.json").is_file():
            found |= {str(file): None for file in sorted(path.glob("**/*.safetensors"))}
    return list(found)


def strings(value):
    """Every text inside nested dicts and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
