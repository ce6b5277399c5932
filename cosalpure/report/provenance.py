"""What a run was made with, for its report page: command, versions, machine, git state, weights with their sha256."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosalpure import environment
from cosalpure.data import file_hash

COMMAND = "COSALPURE_COMMAND"  # set by the Snakefile: a parameter of a rule would be a reason to run it again
WEIGHTS = (".safetensors", ".pth", ".pt", ".zip")


def describe(config: Mapping[str, Any], seed: int) -> dict[str, str]:
    """Describe in texts for a reader what a run was made with; `config` is its configuration, whose weights are hashed."""
    rows = {"command": os.environ.get(COMMAND, "not run by the workflow")}
    rows |= {"seed": str(seed), "code": environment.git_state(), "Python": environment.python()}
    rows |= {"machine": environment.machine(), "device": environment.device()}
    rows |= environment.versions(("cosalpure", *environment.PACKAGES))
    return rows | {path: f"sha256 {file_hash(path)}" for path in weight_files(config)}


def weight_files(config: Mapping[str, Any]) -> list[str]:
    """List the weights that the configuration names and that are on this machine, those inside model folders too."""
    found: dict[str, None] = {}
    for value in strings(config):
        path = Path(value)
        if "/" in value and path.is_file() and path.suffix in WEIGHTS:
            found[str(path)] = None
        elif "/" in value and (path / "model_index.json").is_file():
            found |= {str(file): None for file in sorted(path.glob("**/*.safetensors"))}
    return list(found)


def strings(value: Any) -> Iterator[str]:
    """Give every text inside nested dictionaries and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
