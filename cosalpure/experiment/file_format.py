"""How an experiment file looks: its keys, their types and descriptions.

The JSON schema and docs/reference/configuration.md are generated from these classes, and every file is checked by them. What the
program works with is the `Experiment` that is parsed from them.
"""

from typing import Annotated, Any

from pydantic import Field, PositiveInt

from cosalpure.concept.settings import ConceptFigures, ConceptLearning
from cosalpure.diffusion.settings import TextToImage
from cosalpure.labels import Table
from cosalpure.protocols import Role
from cosalpure.schema import SPEED, Model, Name
from cosalpure.score.settings import Score, Statistics
from cosalpure.seeds import SEED


class EntryKeys(Model):
    """Keys of any entry: how it is printed, what it is for, and which row of the paper it reproduces."""

    label: str | None = Field(
        None, min_length=1, description="Name in tables, figures and the report. null: the label of the method."
    )
    role: Role | None = Field(
        None,
        description="Purpose of the entry. A degradation is reference, attack, adaptive, corruption or control. A purifier is reference, "
        "baseline, control, ablation or ours. null: the role of the method.",
    )
    reported: str | dict[Table, str] | None = Field(
        None,
        description="Name of the row of the paper that this entry reproduces, in all tables or by table, such as "
        "{table4: CosalPure}. null: none.",
    )


class MapKeys(Model):
    """Keys of any purifier's entry: how its images are evaluated."""

    average_maps: bool = Field(
        False,
        description="Average each map with the map of the unpurified image, as the self-ensemble of DDA does with logits.",
    )
    draws: PositiveInt = Field(
        1,
        description="Draws of the purifier's noise. With several, Table 5 has the success of their mean, of their mean map and of "
        "the worst one. The first draw counts elsewhere, and for an attack with `fixed_noise`.",
    )


class ConceptKeys(Model):
    """Key of every purifier that is not the method's own: which concept it is given."""

    concepts_from: Name | None = Field(
        None,
        description="Degradation whose images the concept is learned from, such as none. null: the images that are purified. "
        "An attack that knows the purifier needs a concept that does not depend on the attack.",
    )


class LearningKeys(Model):
    """Key of every degradation that is not the method's own: how the concepts of its images are learned."""

    concept_learning: dict[str, Any] = Field(
        {},
        description="Settings of concept learning for the images of this degradation, where they differ from the section `concept`, "
        "such as {jpeg: 75} as a defence.",
    )


# Keys of an entry that its method does not see, by family: they are about other stages
MORE_KEYS: dict[str, tuple[type[Model], ...]] = {
    "degradations": (LearningKeys,),
    "purifiers": (MapKeys, ConceptKeys),
}


class ConditionBlock(Model):
    """A block of conditions. Every combination of its lists is run."""

    datasets: tuple[str, ...] | None = Field(None, min_length=1, description="Names of datasets. Default: all.")
    degradations: tuple[str, ...] = Field(min_length=1, description="Names of degradations.")
    purifiers: tuple[str, ...] = Field(min_length=1, description="Names of purifiers.")
    detectors: tuple[str, ...] | None = Field(None, min_length=1, description="Names of detectors. Default: all.")


class SweepKeys(Model):
    """A figure of the success rate without purification against one setting of several degradations or datasets."""

    setting: str = Field(description="Setting along the horizontal axis, such as epsilon or attacked_fraction.")
    entries: tuple[str, ...] = Field(min_length=2, description="Names of degradations, or of datasets.")
    scale: float = Field(1.0, description="Factor by which the value is multiplied on the axis, such as 255.")
    label: str = Field("", description="Title of the axis. Default: the name of the setting.")


class GroupsPerJob(Model):
    """Number of groups in a job, which loads its model once. Finished shards keep their size. See `docs/how-to/cluster.md`."""

    degrade: PositiveInt = Field(12, description="Groups in a degradation job.", json_schema_extra=SPEED)
    concept: PositiveInt = Field(12, description="Groups in a concept learning job.", json_schema_extra=SPEED)
    purify: PositiveInt = Field(12, description="Groups in a purification job.", json_schema_extra=SPEED)
    detect: PositiveInt = Field(24, description="Groups in a detection job.", json_schema_extra=SPEED)

    def of(self, stage: str) -> int:
        """Get the number of groups that a job of a stage handles."""
        found: int = getattr(self, stage)
        return found


Entries = dict[Name, dict[str, Any]]  # as written: the method says what the keys of an entry mean


class ExperimentFile(Model):
    """A complete experiment. `datasets`, `degradations`, `purifiers` and `detectors` map names to settings.

    A name with its settings is an **entry**. The key `method` names its method, or a class in a Python file
    (`path/to/file.py:Class`); without it, the entry's name is the method. The key `like` copies the method and settings
    of another entry, but not its label, role and reported row.
    """

    experiment: Name = Field(description="Name of the experiment. A file without this key is a variant.")
    variant_of: Name | tuple[Name, ...] | None = Field(
        None, description="Only in a variant: the experiments that it is made for. null: any."
    )
    seed: Annotated[int, Field(ge=0)] = Field(SEED, description="Seed from which all randomness is derived.")
    further_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="Seeds under which attack, learning and purification are repeated on the same data, for the table `seeds`.",
    )
    datasets: Entries = Field(description="Datasets: a name and settings each.")
    degradations: Entries = Field(description="Degradations: a name and settings each.")
    text_to_image: TextToImage = Field(TextToImage(), description="Model that learns concepts and purifies.")
    concept: ConceptLearning = Field(ConceptLearning(), description="Settings of concept learning.")
    concept_figures: ConceptFigures = Field(ConceptFigures(), description="Settings of the pictures of concepts.")
    purifiers: Entries = Field(description="Purifiers: a name and settings each.")
    detectors: Entries = Field(description="Detectors: a name and settings each.")
    score: Score = Field(Score(), description="Settings of the metrics.")
    statistics: Statistics = Field(Statistics(), description="Settings of the intervals.")
    conditions: tuple[ConditionBlock, ...] = Field(min_length=1, description="Conditions that are run.")
    sweeps: dict[Name, SweepKeys] = Field(
        {}, description="Figures of the success rate against one setting: a name and keys each."
    )
    groups_per_job: GroupsPerJob = Field(GroupsPerJob(), description="Size of the jobs.")
    sources: str | None = Field(None, description="Table of the sources of published files. null: the bundled table.")
