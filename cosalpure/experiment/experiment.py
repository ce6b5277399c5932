"""An experiment, parsed once: what every command and rule asks. Nothing in it can be changed.

experiment = load_files(["config.yaml"])                        # cosalpure.experiment.parse
experiment.purifiers["cosalpure"].settings.guidance_scale       3.0
experiment.entry("degradations", "jadena.seed7").method         "jadena"
experiment.conditions[0]                                        ("mini", "none", "source_only", "gicd")
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple

from cosalpure.bundled import located
from cosalpure.concept.settings import ConceptFigures, ConceptLearning
from cosalpure.data.settings import Dataset
from cosalpure.diffusion.settings import TextToImage
from cosalpure.experiment.file_format import GroupsPerJob
from cosalpure.fingerprint import method_code
from cosalpure.labels import FAMILIES as ALL_FAMILIES
from cosalpure.labels import Entries, Entry
from cosalpure.methods import FAMILIES, METHODS, Family
from cosalpure.protocols import Need
from cosalpure.registry import Method
from cosalpure.schema import Model
from cosalpure.score.settings import Score, Statistics
from cosalpure.seeds import split_repeat
from cosalpure.tables import Condition

SECTIONS = (  # parts that are no entries
    *("text_to_image", "concept", "concept_figures"),
    *("score", "statistics", "groups_per_job"),
)


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """A configured dataset."""

    family: ClassVar[str] = "datasets"
    name: str
    settings: Dataset

    @cached_property
    def settings_text(self) -> str:
        """The settings as the command takes them: inline JSON."""
        return self.settings.as_json()

    @property
    def path(self) -> str | None:
        """The folder or archive of a user that it is made from; None if the workflow gets the images itself."""
        found: str | None = getattr(self.settings, "path", None)
        return found


@dataclass(frozen=True, kw_only=True)
class MethodEntry(Entry):
    """A configured degradation, purifier or detector. What its settings class does not say is taken as usual."""

    family: Family
    name: str
    method: str
    settings: Model
    learning: ConceptLearning | None = None  # of the concepts of a degradation's images; None is that of all
    template: str | None = None  # the entry in the file that this one of a pair was made from (`conditions.against`)

    @cached_property
    def settings_text(self) -> str:
        """The settings as the command takes them: inline JSON of exactly what the method sees."""
        return self.settings.as_json()

    @cached_property
    def compared_text(self) -> str:
        """The settings that results depend on, without those of speed alone, as inline JSON."""
        return self.settings.as_json(speed=False)

    @property
    def needs_model(self) -> bool:
        """Whether it loads the text-to-image model."""
        return "model" in self.needs

    @property
    def known_concepts(self) -> str | None:
        """The degradation whose concepts an attack knows; None if it knows none."""
        if "concept" in self.needs:
            own: str | None = getattr(self.settings, "concepts_from", None)
            return own
        known = [its for its in self._registered.chosen(self.settings) if "concept" in its.needs]
        return next((its.concepts_from for its in known if "evaluation" in self.needs), None)

    @property
    def knows_other_groups(self) -> bool:
        """Whether the concept that an attack knows is another group's."""
        return bool(getattr(self.settings, "target", "own") != "own")

    @property
    def random(self) -> bool:
        """Whether another seed gives other results."""
        return self._registered.random_of(self.settings)

    @cached_property
    def needs(self) -> frozenset[Need]:
        """What the method is given beside images and generators."""
        return self._registered.needs_of(self.settings)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the settings name, where they lie: inputs of the rule."""
        return tuple(map(located, self._registered.files_of(self.settings)))

    @cached_property
    def code(self) -> str:
        """The fingerprint of the code that computes it."""
        return method_code(METHODS[self.family], self.method, self.settings)

    @property
    def method_file(self) -> tuple[str, ...]:
        """The Python file of a method that is named by its file, as an input of the rule; else nothing."""
        return (self._registered.path,) if self._registered.path else ()

    @property
    def _registered(self) -> Method:
        return METHODS[self.family].get(self.method)


@dataclass(frozen=True, kw_only=True)
class PurifierEntry(MethodEntry):
    """A configured purifier."""

    average_maps: bool = False  # each map is averaged with that of the unpurified image
    draws: int = 1  # of its noise (`cosalpure.draws`)
    concepts_from: str | None = None  # degradation of whose images the concept is learned; None is those it purifies

    @property
    def reads_concept(self) -> bool:
        """Whether it is given a learned concept."""
        return "concept" in self.needs

    @property
    def reads_other_groups(self) -> bool:
        """Whether the concept that it is given is another group's."""
        return bool(getattr(self.settings, "concept", "own") != "own")


class Point(NamedTuple):
    """One condition of a sweep, and the value of the setting there."""

    dataset: str
    degradation: str
    value: float

    def __str__(self) -> str:
        """Write the point as text: dataset/degradation=value."""
        return f"{self.dataset}/{self.degradation}={self.value:g}"


@dataclass(frozen=True)
class Sweep:
    """A figure of the success rate against one setting, nothing purified; its points in the order of the axis."""

    name: str
    setting: str
    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A whole experiment. Every entry is complete: `like` is followed, and what was left out has its default."""

    name: str
    seed: int
    further_seeds: tuple[int, ...]
    datasets: Mapping[str, DatasetEntry]
    degradations: Mapping[str, MethodEntry]
    text_to_image: TextToImage
    concept: ConceptLearning
    concept_figures: ConceptFigures
    purifiers: Mapping[str, PurifierEntry]
    detectors: Mapping[str, MethodEntry]
    score: Score
    statistics: Statistics
    conditions: tuple[Condition, ...]  # in order, each once; those of further seeds behind the others
    sweeps: Mapping[str, Sweep]
    groups_per_job: GroupsPerJob
    sources: str | None
    text: str = field(compare=False, repr=False)  # the merged files as JSON, for the record

    @cached_property
    def result_text(self) -> str:
        """The merged files as JSON without settings of speed alone: what the report is made anew for."""
        values = json.loads(self.text)
        for section in SECTIONS:
            _drop(values[section], getattr(self, section).speed_keys())
        for family in FAMILIES:
            for name, its in self.methods(family).items():
                _drop(values[family].get(name) or {}, its.settings.speed_keys())
        return json.dumps(values, sort_keys=True)

    def methods(self, family: Family) -> Mapping[str, MethodEntry]:
        """Get all entries of a family by name."""
        found: dict[Family, Mapping[str, MethodEntry]] = {
            "degradations": self.degradations,
            "purifiers": self.purifiers,
            "detectors": self.detectors,
        }
        return found[family]

    def entry(self, family: Family, name: str) -> MethodEntry:
        """Get an entry of a family; jadena.seed7, the repetition under a further seed, is the entry jadena."""
        return self.methods(family)[split_repeat(name)[0]]

    def concept_of(self, degradation: str) -> ConceptLearning:
        """Get the settings with which the concepts of a degradation's images are learned."""
        return self.entry("degradations", degradation).learning or self.concept

    def seed_of(self, degradation: str) -> int:
        """Get the seed of a degradation and of what follows from it: `seed`, or that of its name."""
        seed = split_repeat(degradation)[1]
        return self.seed if seed is None else seed

    def draws_of(self, degradation: str, purifier: str) -> int:
        """Count the draws by which a purifier is evaluated; just one against an attack that knows the noise of the first."""
        known = getattr(self.entry("degradations", degradation).settings, "fixed_noise", False)
        return 1 if known else self.purifiers[purifier].draws

    @cached_property
    def once(self) -> tuple[Condition, ...]:
        """The conditions without those of further seeds."""
        return tuple(its for its in self.conditions if its[1] in self.degradations)

    @cached_property
    def learned(self) -> tuple[Condition, ...]:
        """The conditions whose purifier is given the concept that was learned from the images that it purifies."""
        its_own = {name for name, its in self.purifiers.items() if its.reads_concept and its.concepts_from is None}
        named = {(its.concepts_from, name) for name, its in self.purifiers.items() if its.reads_concept}
        return tuple(its for its in self.conditions if its[2] in its_own or its[1:3] in named)

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """The entries that no condition uses and no other entry is `like`, such as "purifiers.dda"."""
        known = {"datasets": self.datasets} | {family: self.methods(family) for family in METHODS}
        used = {family: {condition[place] for condition in self.once} for place, family in enumerate(ALL_FAMILIES)}
        for family, entries in used.items():
            written = json.loads(self.text)[family].values()
            entries |= {its["like"] for its in written if its.get("like")}
        used["degradations"] |= {its.template for its in self.degradations.values() if its.template}
        for its in json.loads(self.text)["degradations"].values():  # what attacks name
            used["purifiers"].add(its.get("purifier", ""))
            used["detectors"].add(its.get("detector", ""))
        return tuple(
            f"{family}.{name}" for family in ALL_FAMILIES for name in known[family] if name not in used[family]
        )

    @cached_property
    def entries(self) -> Entries:
        """Label, role and reported row of every entry, as tables and figures ask for them."""
        return Entries(
            {
                "datasets": self.datasets,
                "degradations": self.degradations,
                "purifiers": self.purifiers,
                "detectors": self.detectors,
            }
        )


def _drop(values: dict[str, object], keys: Iterable[str]) -> None:
    for key in keys:
        values.pop(key, None)
