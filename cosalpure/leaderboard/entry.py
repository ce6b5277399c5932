"""What an entry says, as typed models: its JSON file, its schema, and the file of facts that a person writes.

entry = read_entry("leaderboard/purifier/cosalpure.json")       Entry(entry="cosalpure", track="purifier", ...)
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, Field, NonNegativeInt

from cosalpure.errors import UserError
from cosalpure.leaderboard.versions import SCHEMA_VERSION, Edition, editions_in
from cosalpure.protocols import Need
from cosalpure.schema import Fraction, Model, Name, validated
from cosalpure.tables.definitions import Split

MOST_BYTES = 4_000_000  # of an entry's JSON file
Track = Literal["detector", "purifier", "attack"]
Metric = Literal["sr", "ap", "f_beta", "mae"]
Role = Literal["entry", "ceiling", "floor", "control"]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected one line of printable characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable)]
Link = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9][^\s<>\"'`\\]*$", max_length=500)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Number = Annotated[float, Field(ge=-1, le=1)]


class Code(Model):
    """Where the code is."""

    repo: Link = Field(description="Address of the repository.")
    commit: Commit | None = Field(None, description="Commit that was measured.")


class Weights(Model):
    """Where the weights are."""

    url: Link = Field(description="Address of the file.")
    sha256: Hash = Field(description="Hash of the file.")
    megabytes: Annotated[float, Field(ge=0, le=1e6)] = Field(description="Size of the file.")


class Claim(Model):
    """A number that a publication reports; names are as printed there."""

    source: Text = Field(description="Table or page, such as 'Table 2'.")
    dataset: Text = Field(description="Dataset.")
    degradation: Text = Field(description="Attack or other degradation.")
    purifier: Text = Field(description="Purifier.")
    detector: Text = Field(description="Detector.")
    metric: Metric = Field(description="Metric.")
    split: Split = Field("avg", description="Images of a group: all (avg), the attacked ones (adv), the clean ones.")
    value: Fraction = Field(description="The number.")


class Adaptive(Model):
    """A result of an attack that knows the entry's defence, by whoever evaluated it."""

    dataset: Name = Field(description="Dataset.")
    detector: Name = Field(description="Detector.")
    attack: Text = Field(description="Name of the attack.")
    steps: NonNegativeInt = Field(description="Number of its steps.")
    eot: NonNegativeInt = Field(1, description="Random draws over which a gradient is averaged.")
    gradient: Literal["transfer", "blind", "bpda", "full"] = Field(description="What the gradient goes through.")
    concept: Literal["fixed", "relearned"] | None = Field(None, description="Whether the concept is learned anew.")
    epsilon: Fraction | None = Field(None, description="L-infinity bound, for images in [0, 1]; null: none.")
    sr: Fraction = Field(description="Success rate of all images under the attack.")
    by: Text = Field(description="Who evaluated it.")
    link: Link | None = Field(None, description="Address of the evidence: the attacked images.")


class About(Model):
    """What a person says of an entry."""

    name: Text = Field(description="Printed name, such as MyPurifier2026.")
    authors: tuple[Text, ...] = Field(min_length=1, max_length=50, description="Authors.")
    link: Link | None = Field(None, description="Address of the publication.")
    venue: Text | None = Field(None, description="Conference or journal and year.")
    licence: Text = Field(description="Licence of the code, as an SPDX identifier.")
    code: Code | None = Field(None, description="Where the code is.")
    weights: tuple[Weights, ...] = Field((), max_length=20, description="Where the weights are.")
    training_data: Text | None = Field(None, description="What it was trained on.")
    extra_data: bool = Field(False, description="Whether it was trained on more than the dataset's usual training set.")
    package: Text | None = Field(None, description="What pip installs, such as 'git+https://...@COMMIT'.")
    bound: Fraction | None = Field(None, description="L-infinity bound of an attack, for images in [0, 1]; null: none.")
    bibtex: Annotated[str, Field(max_length=5000)] | None = Field(None, description="BibTeX of the publication.")
    claimed: tuple[Claim, ...] = Field((), max_length=2000, description="Numbers that the publication reports.")
    adaptive: tuple[Adaptive, ...] = Field((), max_length=200, description="Results of adaptive attacks.")


class Facts(About):
    """The file of --about."""

    reported: Text | None = Field(
        None, description="Name in the CosalPure paper's tables, which are added to `claimed`."
    )


class Cell(Model):
    """A mean over images with its interval, and over how many images it is taken."""

    value: Number | None = Field(description="Mean; null where no image has a value.")
    low: Number | None = Field(description="Lower end of the interval.")
    high: Number | None = Field(description="Upper end of the interval.")
    expected: NonNegativeInt = Field(description="Images of the dataset.")
    done: NonNegativeInt = Field(description="Images with a score.")
    failed: NonNegativeInt = Field(description="Images with an invalid map.")
    undefined: NonNegativeInt = Field(description="Images with a score in which this metric is undefined.")


class Splits(Model):
    """A metric of all images, of the attacked ones, and of the clean ones."""

    avg: Cell
    adv: Cell
    clean: Cell


class Metrics(Model):
    """All metrics."""

    sr: Splits
    ap: Splits
    f_beta: Splits
    mae: Splits


class Condition(Model):
    """Names of a condition."""

    dataset: Name
    degradation: Name
    purifier: Name
    detector: Name

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The names as a tuple."""
        return (self.dataset, self.degradation, self.purifier, self.detector)


class Measured(Condition):
    """What was measured in a condition."""

    role: Role = Field(description="entry, or what it is compared with: ceiling (clean), floor (unpurified), control.")
    label: Text = Field(description="Printed name of the method that the track is about.")
    detector_label: Text = Field(description="Printed name of the detector.")
    groups: NonNegativeInt = Field(description="Groups of the dataset.")
    images: NonNegativeInt = Field(description="Images of the dataset.")
    metrics: Metrics


class Difference(Condition):
    """A paired difference of the success rate, on the same images."""

    minus_degradation: Name = Field(description="Degradation of the condition that is taken away.")
    minus_purifier: Name = Field(description="Purifier of the condition that is taken away.")
    sr: Splits


class Data(Model):
    """The version of a dataset."""

    manifest_sha256: Hash = Field(description="Hash of groups, files, their contents and which are attacked.")
    groups: NonNegativeInt
    images: NonNegativeInt
    left_out: NonNegativeInt = Field(description="Images that the dataset excludes as invalid.")


class Intervals(Model):
    """How intervals are drawn: by a bootstrap over groups."""

    seed: int
    samples: Annotated[int, Field(ge=100, le=20_000)]
    level: Annotated[float, Field(gt=0, lt=1)]


class Environment(Model):
    """What measured it."""

    version: Text = Field(description="Version of CosalPure.")
    commits: tuple[Text, ...] = Field(max_length=50, description="Commits; empty where results have no records.")
    packages: dict[Text, tuple[Text, ...]] = Field(description="Versions of Python and of packages.")
    devices: tuple[Text, ...] = Field(max_length=50, description="GPUs, or processors where none was used.")
    config_sha256: Hash = Field(description="Hash of the experiment's settings.")
    experiment: Name = Field(description="Name of the experiment.")
    seeds: tuple[int, ...] = Field(max_length=100, description="Seeds.")
    seconds: Annotated[float, Field(ge=0, le=1e9)] | None = Field(
        description="Time of all jobs behind it; null: unknown."
    )
    measured_on: Date | None = Field(description="When the last job had finished; null: unknown.")
    mixed: tuple[Text, ...] = Field((), max_length=50, description="What is not the same in all jobs.")


class Method(Model):
    """The method behind the entry, as an experiment names it."""

    method: Annotated[str, Field(min_length=1, max_length=300)]
    settings: dict[str, Any]
    plugin: Annotated[str, Field(max_length=300)] = Field("", description="Distribution and version of a plug-in.")
    needs: tuple[Need, ...] = Field((), description="What it reads besides the images.")


class ScoresFile(Model):
    """The scores of the images, in a file beside this one."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*\.parquet$", max_length=200)]
    sha256: Hash
    rows: NonNegativeInt


class Entry(About):
    """An entry of the leaderboard."""

    schema_version: Literal[1] = Field(description="Version of this format.")
    metric_version: Annotated[int, Field(ge=1)] = Field(description="Version of the definitions of the metrics.")
    track: Track
    entry: Name = Field(
        description="Name in the experiment. The file is called NAME, and on mini-large NAME.mini-large."
    )
    status: Literal["self-reported", "re-measured", "external"] = "self-reported"
    method: Method
    data: dict[Name, Data]
    intervals: Intervals
    measured: tuple[Measured, ...] = Field(min_length=1, max_length=2000)
    differences: tuple[Difference, ...] = Field(max_length=2000)
    environment: Environment
    scores: ScoresFile

    @property
    def editions(self) -> list[Edition]:
        """The known editions of datasets that it was measured on."""
        return editions_in({dataset: its.manifest_sha256 for dataset, its in self.data.items()})

    @property
    def stem(self) -> str:
        """The name of its files without their ends: NAME, or NAME.EDITION where that is not the dataset itself."""
        return stem_of(self.entry, self.editions)


def stem_of(entry: str, editions: Sequence[Edition]) -> str:
    """Name the files of an entry by the editions of its datasets."""
    return ".".join([entry, *(its.name for its in editions if its.name != its.dataset)])


def schema_text() -> str:
    """Write the JSON schema of an entry."""
    return json.dumps(Entry.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def entry_text(entry: Entry) -> str:
    """Write an entry as its file holds it."""
    return json.dumps(entry.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_entry(path: str | Path) -> Entry:
    """Read an entry; every fault is one line of a UserError with the field's path."""
    values = read_json(path)
    version = values.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema_version: {version} is newer than {SCHEMA_VERSION}; update cosalpure to read it"
        )
    return validated(Entry, values, f"{path}: ")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object from a file of bounded size; a key that is there twice, NaN and Infinity are faults."""
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes")
    try:
        found = json.loads(content, object_pairs_hook=_each_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {str(error) or 'nested too deeply'}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found, names = dict(pairs), [name for name, _ in pairs]
    if odd := [name for name in names if not name.isprintable()]:
        raise ValueError(f"{odd[0][:50]!r} is no key")
    if len(found) < len(pairs):
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number; use null")
