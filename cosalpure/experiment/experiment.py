"""An experiment: its settings, parsed once."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from cosalpure.concept.settings import ConceptLearning
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import dataset_settings
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError, choose
from cosalpure.experiment.files import read_experiment
from cosalpure.labels import ROLES, TABLES, Entries, Entry
from cosalpure.methods import METHODS
from cosalpure.protocols import Role
from cosalpure.schema import Model, Name, inline, validated
from cosalpure.score.settings import Score, Statistics
from cosalpure.seeds import repeat_name, split_repeat


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
    reported: str | dict[Literal[TABLES], str] | None = Field(
        None,
        description="the paper's name of what this entry reproduces, in all of its tables or by table: {table4: CosalPure}; "
        "null is none",
    )


class MapSettings(Model):
    """Keys of any purifier's entry that are not the purifier's own: what becomes of the maps of its images."""

    average_maps: bool = Field(
        False, description="average each map with that of the unpurified image, as DDA's self-ensemble does with logits"
    )


class Condition(Model):
    """One block of conditions: every combination of its lists is run."""

    datasets: tuple[str, ...] | None = Field(None, description="names from `datasets`; all if left out")
    degradations: tuple[str, ...] = Field(description="names from `degradations`")
    purifiers: tuple[str, ...] = Field(description="names from `purifiers`")
    detectors: tuple[str, ...] | None = Field(None, description="names from `detectors`; all if left out")


class Sweep(Model):
    """A figure of the success rate, nothing purified, against one setting of several degradations or datasets."""

    setting: str = Field(description="key whose value is drawn along the axis, such as epsilon or attacked_fraction")
    entries: tuple[str, ...] = Field(min_length=2, description="names from `degradations`, or from `datasets`")
    scale: float = Field(1.0, description="what the value is multiplied by, such as 255")
    label: str = Field("", description="the axis' title; the key if left out")


class GroupsPerJob(Model):
    """Groups that one job handles with one load of its model. Results do not depend on it."""

    degrade: PositiveInt = Field(12, description="groups a degradation job")
    concept: PositiveInt = Field(12, description="groups a concept learning job")
    purify: PositiveInt = Field(12, description="groups a purification job")
    detect: PositiveInt = Field(24, description="groups a detection job")


class Settings(Model):
    """A whole experiment. `datasets`, `degradations`, `purifiers` and `detectors` map a name to its settings.

    A named group of settings is an entry. Its `method` is its name unless it says another; `like` takes over the method
    and settings of another entry, but not its label, role and reported row.
    """

    experiment: Name = Field(description="name of the experiment; a file without this key is a variant")
    variant_of: Name | tuple[Name, ...] | None = Field(
        None, description="in a variant: the experiments that it is made for; null is any"
    )
    seed: Annotated[int, Field(ge=0)] = Field(2024, description="all randomness is derived from it")
    further_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="attack, learning and purification are repeated under each, on the same data; table `seeds`"
    )
    datasets: dict[Name, dict[str, Any]] = Field(description="name: settings of the dataset")
    degradations: dict[Name, dict[str, Any]] = Field(description="name: settings of the degradation")
    text_to_image: TextToImage = Field(TextToImage(), description="the model that learns and purifies")
    concept: ConceptLearning = Field(ConceptLearning(), description="concept learning")
    purifiers: dict[Name, dict[str, Any]] = Field(description="name: settings of the purifier")
    detectors: dict[Name, dict[str, Any]] = Field(description="name: settings of the detector")
    score: Score = Field(Score(), description="metrics")
    statistics: Statistics = Field(Statistics(), description="intervals")
    conditions: tuple[Condition, ...] = Field(min_length=1, description="what is run")
    sweeps: dict[Name, Sweep] = Field({}, description="name: a figure of the success rate against one setting")
    groups_per_job: GroupsPerJob = Field(GroupsPerJob(), description="size of a job")
    sources: str | None = Field(
        None, description="table of where published weights come from; null is config/sources.csv beside the Snakefile"
    )

    def method(self, family, name):
        """The method behind entry `name` of "degradations", "purifiers" or "detectors"."""
        return _resolve(family, getattr(self, family), split_repeat(name)[0])[0]

    def method_settings(self, family, name):
        """The validated settings of entry `name`: a pydantic model."""
        name = split_repeat(name)[0]
        method, values = _resolve(family, getattr(self, family), name)
        cls = settings_class(family, method, f"{family}.{name}")
        if family == "purifiers":  # these are about the maps: a purifier never sees them
            values = {key: value for key, value in values.items() if key not in MapSettings.model_fields}
        return validated(cls, values, f"{family}.{name}.")

    def entry(self, family, name):
        """Label, role and reported row of an entry of "datasets", "degradations", "purifiers" or "detectors"."""
        name = split_repeat(name)[0]
        values = getattr(self, family)[name]
        keys = validated(
            EntryKeys, {key: values[key] for key in EntryKeys.model_fields if key in values}, f"{family}.{name}."
        )
        if keys.role is not None:
            if not ROLES[family]:
                raise UserError(f"{family}.{name}.role: {family} have no role")
            choose("role", keys.role, list(ROLES[family]), f"{family}.{name}.role")
        method = name if family == "datasets" else self.method(family, name)
        found = keys.model_dump(exclude_none=True)
        if family != "datasets" and (printed := self._printed(family, name)):
            found.setdefault("label", printed)
        if family == "datasets" and (published := PUBLISHED.get(self.dataset(name).source)):
            found.setdefault("reported", published.title)
        return Entry.of(family, name, method, found)

    def _printed(self, family, name):
        """The label that a method gives to each of its entries, if it has a rule for that."""
        label = METHODS[family].get(self.method(family, name)).label
        return label(self.method_settings(family, name)) if callable(label) else None

    def entries(self):
        """Label, role and reported row of every entry: an `Entries`."""
        families = ("datasets", *METHODS)
        return Entries(
            {family: {name: self.entry(family, name) for name in getattr(self, family)} for family in families}
        )

    def map_settings(self, name):
        """What purifier entry `name` says about the maps of its images: a `MapSettings`."""
        values = _resolve("purifiers", self.purifiers, name)[1]
        values = {key: value for key, value in values.items() if key in MapSettings.model_fields}
        return validated(MapSettings, values, f"purifiers.{name}.")

    def dataset(self, name):
        """The validated settings of dataset `name`."""
        return dataset_settings(name, _without_entry_keys(self.datasets[name]), f"datasets.{name}")

    def reads_concept(self, purifier):
        """Whether the purifier of this name is given the learned concept."""
        return "concept" in self.needs("purifiers", purifier)

    def files(self, family, name):
        """The files that an entry's settings name: inputs of its rule."""
        name = split_repeat(name)[0]
        return METHODS[family].get(self.method(family, name)).files_of(self.method_settings(family, name))

    def needs(self, family, name):
        """What the method of an entry needs beside images and generators."""
        name = split_repeat(name)[0]
        return METHODS[family].get(self.method(family, name)).needs_of(self.method_settings(family, name))

    def seed_of(self, degradation):
        """The seed under which a degradation and what follows from it are computed: `seed`, or that of its name."""
        seed = split_repeat(degradation)[1]
        return self.seed if seed is None else seed

    def expand(self):
        """Every condition as a tuple (dataset, degradation, purifier, detector), in order, each once.

        Under a further seed the degradation is called jadena.seed7. What has nothing random in it is not repeated.
        """
        once = self._expand_once()
        random = [its for its in once if self._is_random(*its[1:3])]
        repeats = [(d, repeat_name(g, seed), p, n) for seed in self.further_seeds for d, g, p, n in random]
        return [*once, *repeats]

    def _is_random(self, degradation, purifier):
        pair = (("degradations", degradation), ("purifiers", purifier))
        return any(METHODS[f].get(self.method(f, n)).random_of(self.method_settings(f, n)) for f, n in pair)

    def _expand_once(self):
        found = {}
        for block in self.conditions:
            for dataset in block.datasets or self.datasets:
                for degradation in block.degradations:
                    for purifier in block.purifiers:
                        for detector in block.detectors or self.detectors:
                            found[dataset, degradation, purifier, detector] = None
        return list(found)

    def sweep_points(self, name):
        """[(dataset, degradation, value), ...] of a sweep, along the axis; a UserError for what is not run.

        Degradations are taken on the first dataset that runs all of them, datasets under the first that degrades.
        """
        sweep, where = self.sweeps[name], f"sweeps.{name}"
        run = [
            condition[:2]
            for condition in self._expand_once()
            if self.entry("purifiers", condition[2]).role == "reference"
        ]
        if set(sweep.entries) <= set(self.datasets):
            attacks = [pair[1] for pair in run if self.entry("degradations", pair[1]).role != "reference"]
            pairs = [(entry, attacks[0]) for entry in sweep.entries] if attacks else []
            values = {entry: self.dataset(entry) for entry in sweep.entries}
        else:
            for entry in sweep.entries:
                choose("entry", entry, list(self.degradations), f"{where}.entries")
            fit = [dataset for dataset in self.datasets if {(dataset, entry) for entry in sweep.entries} <= set(run)]
            pairs = [(fit[0], entry) for entry in sweep.entries] if fit else []
            values = {entry: self.method_settings("degradations", entry) for entry in sweep.entries}
        for entry, its in values.items():
            choose("setting", sweep.setting, list(type(its).model_fields), f"{where}.setting of '{entry}'")
        if not pairs or not set(pairs) <= set(run):
            raise UserError(f"{where}: not every entry is run with the reference purifier; add them to `conditions`")
        axis = [getattr(values[entry], sweep.setting) * sweep.scale for entry in sweep.entries]
        return sorted(((*pair, value) for pair, value in zip(pairs, axis, strict=True)), key=lambda point: point[2])


def settings_class(family, method, where=None):
    """The settings class of a method, built in or a plug-in's."""
    return METHODS[family].get(method, where).settings


def parse_entries(text, where):
    """Inline YAML of labels and roles, {family: {name: {label, role, reported}}} -> an `Entries`."""
    found = {}
    for family, entries in inline(text, where).items():
        choose("family", family, ["datasets", *METHODS], where)
        if not isinstance(entries, dict):
            raise UserError(f"{where}: {family}: expected entries, found {entries!r}")
        for name, values in entries.items():
            keys = validated(EntryKeys, values or {}, f"{where}: {family}.{name}.")
            found.setdefault(family, {})[name] = Entry.of(family, name, values=keys.model_dump(exclude_none=True))
    return Entries(found)


def _resolve(family, entries, name, seen=()):
    """(method, settings) of an entry, `like` followed."""
    values = _without_entry_keys(entries[name])
    method, like = values.pop("method", None), values.pop("like", None)
    if like is None:
        return method or name, values
    choose("entry", like, list(entries), where=f"{family}.{name}.like")
    if like in (*seen, name):
        raise UserError(f"{family}.{name}.like: '{like}' leads back to itself")
    inherited_method, inherited = _resolve(family, entries, like, (*seen, name))
    return method or inherited_method, inherited | values


def load_files(paths):
    """Experiment and variant files -> Settings; every mistake found becomes one line of a UserError."""
    return load(read_experiment(paths), where=", ".join(map(str, paths)))


def _without_entry_keys(values):
    """The settings of an entry's method: without label, role and reported, which are the entry's own."""
    return {key: value for key, value in values.items() if key not in EntryKeys.model_fields}


def load(values, where="config"):
    """A dict (as read from YAML) -> Settings. Every mistake found becomes one line of a UserError."""
    settings = validated(Settings, _filled(values, where), f"{where}: ")
    lines = []
    for name in settings.datasets:
        lines += _complaints(settings.dataset, name) or _complaints(settings.entry, "datasets", name)
    for family in METHODS:
        for name in getattr(settings, family):
            if split_repeat(name)[1] is not None:
                lines.append(f"{family}.{name}: a name that ends in .seed and a number is that of a further seed")
                continue
            lines += _complaints(settings.method_settings, family, name) or _complaints(settings.entry, family, name)
    if len({settings.seed, *settings.further_seeds}) <= len(settings.further_seeds):
        lines.append(f"further_seeds: {list(settings.further_seeds)} holds a seed twice, or `seed` ({settings.seed})")
    for name in settings.purifiers:
        lines += _complaints(settings.map_settings, name)
    for index, block in enumerate(settings.conditions):
        for family in ("datasets", *METHODS):
            for name in getattr(block, family) or ():
                known = list(getattr(settings, family))
                lines += _complaints(choose, family[:-1], name, known, f"conditions[{index}].{family}")
    if not lines:
        for name in settings.sweeps:
            lines += _complaints(settings.sweep_points, name)
    if lines:
        raise UserError("\n".join(f"{where}: {line}" for line in dict.fromkeys(lines)))
    return settings


def _complaints(check, *arguments):
    """The lines of what is wrong with `check(*arguments)`, none if it passes."""
    try:
        check(*arguments)
    except UserError as error:
        return str(error).splitlines()
    return []


def _filled(values, where):
    """The config with `name:` (nothing behind it) read as `name: {}`, since all of its settings have defaults."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values, found {type(values).__name__}")
    values = dict(values)
    for family in ("datasets", *METHODS):
        if isinstance(values.get(family), dict):
            values[family] = {name: {} if item is None else item for name, item in values[family].items()}
    return values
