"""How an experiment file looks: its keys, their types and descriptions.

The JSON schema and docs/reference/configuration.md are generated from these classes, and every file is checked by them. What the
program works with is the `Experiment` that is parsed from them.
"""

from typing import Annotated, Any

from pydantic import Field, PositiveInt

from cosalpure.concept.settings import ConceptLearning
from cosalpure.diffusion.settings import TextToImage
from cosalpure.labels import Table
from cosalpure.protocols import Role
from cosalpure.schema import SPEED, Model, Name
from cosalpure.score.settings import Score, Statistics


class EntryKeys(Model):
    """Keys of any entry that are not its method's: how it is printed, what it is for, what it reproduces."""

    label: str | None = Field(
        None, min_length=1, description="printed name in tables, figures and the report; null is the method's own"
    )
    role: Role | None = Field(
        None,
        description="what it is for: a degradation is reference, attack, corruption or control; a purifier is reference, "
        "baseline, control, ablation or ours; null is the method's own",
    )
    reported: str | dict[Table, str] | None = Field(
        None,
        description="the paper's name of what this entry reproduces, in all of its tables or by table: {table4: CosalPure}; "
        "null is none",
    )


class MapKeys(Model):
    """Keys of any purifier's entry that are not the purifier's own: what becomes of the maps of its images."""

    average_maps: bool = Field(
        False, description="average each map with that of the unpurified image, as DDA's self-ensemble does with logits"
    )


class ConditionBlock(Model):
    """One block of conditions: every combination of its lists is run."""

    datasets: tuple[str, ...] | None = Field(None, description="names from `datasets`; all if left out")
    degradations: tuple[str, ...] = Field(description="names from `degradations`")
    purifiers: tuple[str, ...] = Field(description="names from `purifiers`")
    detectors: tuple[str, ...] | None = Field(None, description="names from `detectors`; all if left out")


class SweepKeys(Model):
    """A figure of the success rate, nothing purified, against one setting of several degradations or datasets."""

    setting: str = Field(description="key whose value is drawn along the axis, such as epsilon or attacked_fraction")
    entries: tuple[str, ...] = Field(min_length=2, description="names from `degradations`, or from `datasets`")
    scale: float = Field(1.0, description="what the value is multiplied by, such as 255")
    label: str = Field("", description="the axis' title; the key if left out")


class GroupsPerJob(Model):
    """Groups that one job handles with one load of its model. Finished shards keep their size; see docs/how-to/cluster.md."""

    degrade: PositiveInt = Field(12, description="groups a degradation job", json_schema_extra=SPEED)
    concept: PositiveInt = Field(12, description="groups a concept learning job", json_schema_extra=SPEED)
    purify: PositiveInt = Field(12, description="groups a purification job", json_schema_extra=SPEED)
    detect: PositiveInt = Field(24, description="groups a detection job", json_schema_extra=SPEED)

    def of(self, stage: str) -> int:
        """Get the number of groups that a job of a stage handles."""
        found: int = getattr(self, stage)
        return found


Entries = dict[Name, dict[str, Any]]  # as written: the method says what the keys of an entry mean


class ExperimentFile(Model):
    """A whole experiment. `datasets`, `degradations`, `purifiers` and `detectors` map a name to its settings.

    A named group of settings is an entry. Its `method` is its name unless it says another, or the class in a Python file:
    `path/to/file.py:Class`. `like` takes over the method and settings of another entry, but not its label, role and
    reported row.
    """

    experiment: Name = Field(description="name of the experiment; a file without this key is a variant")
    variant_of: Name | tuple[Name, ...] | None = Field(
        None, description="in a variant: the experiments that it is made for; null is any"
    )
    seed: Annotated[int, Field(ge=0)] = Field(2024, description="all randomness is derived from it")
    further_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="attack, learning and purification are repeated under each, on the same data; table `seeds`"
    )
    datasets: Entries = Field(description="name: settings of the dataset")
    degradations: Entries = Field(description="name: settings of the degradation")
    text_to_image: TextToImage = Field(TextToImage(), description="the model that learns and purifies")
    concept: ConceptLearning = Field(ConceptLearning(), description="concept learning")
    purifiers: Entries = Field(description="name: settings of the purifier")
    detectors: Entries = Field(description="name: settings of the detector")
    score: Score = Field(Score(), description="metrics")
    statistics: Statistics = Field(Statistics(), description="intervals")
    conditions: tuple[ConditionBlock, ...] = Field(min_length=1, description="what is run")
    sweeps: dict[Name, SweepKeys] = Field({}, description="name: a figure of the success rate against one setting")
    groups_per_job: GroupsPerJob = Field(GroupsPerJob(), description="size of a job")
    sources: str | None = Field(
        None, description="table of where published weights come from; null is config/sources.csv beside the Snakefile"
    )
