"""What a job was made with, kept beside its results: code, versions, device, time, seed, method and settings.

    job = record.begin("purify", output, method, settings, seed, PURIFIERS)
    ...
    record.write(table, path, job)      # a Parquet file with the record in the metadata of its schema
    record.read(path)                   # Record(stage="purify", commit="8e09...", device="cuda: NVIDIA H100", ...)

A record is no column: tables that are read from the file, and what is made of them, are free of it. It names no machine, no
user and no absolute path, so that results can be published as they are. Importing this needs the standard library alone.
"""

import json
import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure import environment
from cosalpure.fingerprint import code_of, data_code, method_code

if TYPE_CHECKING:
    import pandas as pd

    from cosalpure.registry import Registry
    from cosalpure.schema import Model

KEY = b"cosalpure"  # of a schema's metadata
COMMAND = "COSALPURE_COMMAND"  # set by the Snakefile: a parameter of a rule would be a reason to run it again
KEYS = 4  # names at most: dataset, degradation, purifier, detector
PATH = re.compile(  # an absolute path within a text; in quotes it may hold spaces
    r"""(?<=')[/~][^']*|(?<=")[/~][^"]*|(?<![\w.}])[/~][^\s'"=:,;()\[\]{}]+"""
)


@dataclass(frozen=True)
class Record:
    """What a job was made with.

    Attributes:
        stage: the job's stage.
        names: the entries that it belongs to: dataset, degradation, purifier, detector, as many as the stage has.
        groups: the groups that it handled, "0:12"; empty for all.
        method: the method's name; empty where the stage has one procedure only.
        settings: the settings of the method.
        seed: the seed that randomness was derived from; None where there is none.
        plugin: distribution and version of a plug-in's method, "my-package 1.2".
        command: the command that was typed, of Snakemake or of the job.
        commit: the commit of the code; None where it is unknown.
        clean: whether the code was that of the commit.
        code: fingerprint of the code that the result depends on; empty where it is unknown.
        versions: versions of Python and of packages.
        device: cpu, or cuda and the name of the GPU that was used.
        processor: the name of the processor.
        system: the operating system.
        date: when the job had finished, UTC.
        seconds: how long it took.
    """

    stage: str
    names: tuple[str, ...] = ()
    groups: str = ""
    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seed: int | None = None
    plugin: str = ""
    command: str = ""
    commit: str | None = None
    clean: bool | None = None
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    device: str = ""
    processor: str = ""
    system: str = ""
    date: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """A job at work: what is known of it at its beginning."""

    facts: Mapping[str, Any]
    started: float

    def finished(self, groups: str = "") -> Record:
        """Complete the record with what is known at the end: the device that was used, and the time."""
        seconds = round(time.monotonic() - self.started, 3)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        return Record(**self.facts, groups=groups, device=environment.device(), date=date, seconds=seconds)


def begin(
    stage: str,
    output: str | Path,
    method: str = "",
    settings: "Model | None" = None,
    seed: int | None = None,
    registry: "Registry | None" = None,
    model: "Model | None" = None,
) -> Job:
    """Begin the record of a job; call it first, so that it tells the code that was loaded.

    Args:
        stage: the job's stage.
        output: the folder or file that is written; its last parts are the names of the entries.
        method: the method's name.
        settings: the settings of the method.
        seed: the seed that randomness is derived from.
        registry: the registry of the method.
        model: the settings of the text-to-image model, if the method uses it.
    """
    commit, clean = environment.git()
    facts = {
        "stage": stage,
        "names": names_in(output, stage),
        "method": without_paths(method),
        "settings": plain(settings or {}) | ({"text_to_image": plain(model)} if model else {}),
        "seed": seed,
        "plugin": plugin(method, registry) if registry else "",
        "command": command(),
        "commit": commit,
        "clean": clean,
        "code": code(stage, method, settings, registry),
        "versions": {"Python": environment.python(), **environment.versions(("cosalpure", *environment.PACKAGES))},
        "processor": environment.processor(),
        "system": environment.system(),
    }
    return Job(facts, time.monotonic())


def names_in(output: str | Path, stage: str) -> tuple[str, ...]:
    """Read the names of the entries from a relative path: what follows the stage's folder, without a file's ending."""
    parts = Path(output).parts
    if stage not in parts or Path(output).is_absolute():  # what follows may be somebody's name
        return ()
    last = len(parts) - 1 - parts[::-1].index(stage)
    return tuple(part.removesuffix(".parquet") for part in parts[last + 1 :][:KEYS])


def plugin(method: str, registry: "Registry") -> str:
    """Name the distribution of a plug-in's method and its version; empty for a method of this package."""
    if registry.find(method):
        return ""
    for point in entry_points(group=registry.group, name=method):
        return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    return without_paths(method)


def code(stage: str, method: str, settings: "Model | None", registry: "Registry | None") -> str:
    """Fingerprint the code that the result depends on, as the job's rule does."""
    if registry and settings is not None:
        return method_code(registry, method, settings)
    return data_code(method) if stage == "data" else code_of(stage)


def command() -> str:
    """Tell the command that was typed: that of the workflow which runs this job, or this process's own."""
    words = shlex.split(os.environ.get(COMMAND, ""))
    if not words:
        name = Path(sys.argv[0]).name
        words = ["cosalpure" if name == "__main__.py" else name, *sys.argv[1:]]
    return shlex.join(map(without_paths, words))


def without_paths(text: str) -> str:
    """Cut absolute paths in a text to their last part: those before it may name a machine or a user."""
    if text.startswith(("/", "~")):
        return _last(text)
    return PATH.sub(lambda found: _last(found[0]), text)


def _last(path: str) -> str:
    """Cut an absolute path; one that may be somebody's own folder is cut as a whole."""
    parts = Path(path).parts
    ours = {Path.home().name, platform.node(), os.environ.get("USER", "")}
    known = len(parts) > 3 or (parts[0] == "~" and len(parts) > 1)  # the first part is the root
    return f"…/{parts[-1]}" if known and parts[-1] not in ours else "…"


def plain(value: Any) -> Any:
    """Give settings as JSON has them, without absolute paths."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return without_paths(value) if isinstance(value, str) else value


def write(table: "pd.DataFrame", path: str | Path, job: Job | None = None, groups: str = "") -> None:
    """Write a table as a Parquet file, with the record of the `job` in the metadata of its schema."""
    import pyarrow
    import pyarrow.parquet

    found = pyarrow.Table.from_pandas(table, preserve_index=False)
    if job:
        text = json.dumps(asdict(job.finished(groups)), ensure_ascii=False, sort_keys=True)
        found = found.replace_schema_metadata({**found.schema.metadata, KEY: text.encode()})
    pyarrow.parquet.write_table(found, path)


def read(path: str | Path) -> Record | None:
    """Read the record of a Parquet file; None where it has none, as files of older versions, or cannot be read."""
    import pyarrow
    import pyarrow.parquet
    from pydantic import TypeAdapter

    try:
        text = (pyarrow.parquet.read_schema(path).metadata or {}).get(KEY)
        return TypeAdapter(Record).validate_json(text) if text else None  # a newer version may have written more
    except (OSError, ValueError, pyarrow.ArrowException):
        return None
