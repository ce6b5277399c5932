"""Reading an experiment: its files are merged, checked whole, and parsed once into an `Experiment`.

    load_files(["config.yaml", "config/variants/purifiers.yaml"])

Every mistake found becomes one line of a single UserError: the file, the key, what was expected, the choices.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from cosalpure.concept.settings import ConceptLearning
from cosalpure.data.published import PUBLISHED
from cosalpure.data.settings import dataset_settings
from cosalpure.errors import UserError, choose
from cosalpure.experiment.conditions import against, expand, make_sweep, repeat
from cosalpure.experiment.experiment import DatasetEntry, Experiment, MethodEntry, PurifierEntry
from cosalpure.experiment.file_format import MORE_KEYS, ConceptKeys, EntryKeys, ExperimentFile, MapKeys
from cosalpure.experiment.files import Contents, File, check_order, merged, read_each
from cosalpure.experiment.named import Known, Written, check_source, learning_of, left_open, of_pair, with_chosen
from cosalpure.experiment.project import Places, project_of
from cosalpure.labels import FAMILIES, ROLES, Entries, Entry
from cosalpure.methods import METHODS, Family
from cosalpure.schema import Model, inline, validated
from cosalpure.seeds import split_repeat

T = TypeVar("T")
K = TypeVar("K", bound=Model)


def load_files(paths: Iterable[File]) -> Experiment:
    """Read an experiment file and the variants behind it."""
    return load_contents(read_each(paths))


def load_contents(contents: Contents) -> Experiment:
    """Parse an experiment and its variants that are read already: [(path, values), ...]."""
    check_order(contents)
    return load(merged(contents), ", ".join(path for path, _ in contents), contents[0][0])


def load(values: object, where: str = "config", file: File | None = None) -> Experiment:
    """Parse a whole configuration, as YAML or Snakemake gives it.

    Args:
        values: the merged files.
        where: begins the line of every mistake.
        file: the experiment file, in whose project relative paths begin; default: in the working directory.
    """
    its, mistakes = validated(ExperimentFile, _filled(values, where), f"{where}: "), Mistakes()
    places = Places(project_of(file) if file else None, its.sources)
    experiment = _without_sweeps(its, mistakes, places, where)
    sweeps = mistakes.each(lambda name: make_sweep(name, its.sweeps[name], experiment), its.sweeps)
    mistakes.stop(where)
    return replace(experiment, sweeps=MappingProxyType(sweeps))


def parse_entries(text: str, where: str) -> Entries:
    """Read inline YAML of labels and roles: {family: {name: {label, role, reported}}}."""
    found: dict[str, dict[str, Entry]] = {}
    for family, entries in inline(text, where).items():
        choose("family", family, list(FAMILIES), where)
        if not isinstance(entries, dict):
            raise UserError(f"{where}: {family}: expected entries, found {entries!r}")
        for name, values in entries.items():
            keys = validated(EntryKeys, values or {}, f"{where}: {family}.{name}.")
            found.setdefault(family, {})[name] = Entry.of(family, name, values=keys.model_dump(exclude_none=True))
    return Entries(found)


class Mistakes:
    """The lines of all mistakes found so far; `stop` raises them as one UserError."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def each(self, make: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
        """Make something of each name; one that is mistaken is left out, and its lines are kept."""
        found: dict[str, T] = {}
        for name in names:
            try:
                found[name] = make(name)
            except UserError as error:
                self.lines += str(error).splitlines()
        return found

    def stop(self, where: str) -> None:
        """Raise what was found, each line once behind `where`, if anything was."""
        if self.lines:
            raise UserError("\n".join(f"{where}: {line}" for line in dict.fromkeys(self.lines)))


def _filled(values: object, where: str) -> dict[str, Any]:
    """Read `name:` (nothing behind it) as `name: {}`, since all of its settings have defaults."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values, found {type(values).__name__}")
    filled = dict(values)
    for family in FAMILIES:
        if isinstance(filled.get(family), dict):
            filled[family] = {name: {} if item is None else item for name, item in filled[family].items()}
    return filled


def _without_sweeps(file: ExperimentFile, mistakes: Mistakes, places: Places, where: str) -> Experiment:
    datasets = mistakes.each(partial(_dataset_entry, file.datasets, places), file.datasets)
    named = Mistakes()  # what degradations may name is parsed before them, and told after them
    evaluated = named.each(partial(_more_keys, MapKeys, file.purifiers), file.purifiers)
    concepts = named.each(partial(_concepts_from, file), file.purifiers)
    purifiers = named.each(partial(_purifier_entry, file.purifiers, places, evaluated, concepts), file.purifiers)
    detectors = named.each(partial(_method_entry, "detectors", file.detectors, places), file.detectors)
    known: Known = {"purifiers": purifiers, "detectors": detectors}
    attacks = partial(_degradation, known, places, file.concept)
    degradations = mistakes.each(partial(attacks, file.degradations), file.degradations)
    mistakes.lines += named.lines + _seed_mistakes(file)
    _check_conditions(file, mistakes)
    mistakes.stop(where)
    asked = {name: left_open(its) for name, its in degradations.items()}
    once, pairs = against(expand(file.conditions, list(datasets), list(detectors)), asked)
    written = file.degradations | {name: of_pair(file.degradations, keys) for name, keys in pairs.items()}
    degradations = {name: its for name, its in degradations.items() if not asked[name]}
    degradations |= mistakes.each(lambda name: replace(attacks(written, name), template=pairs[name]["like"]), pairs)
    mistakes.stop(where)
    return Experiment(
        name=file.experiment,
        seed=file.seed,
        further_seeds=file.further_seeds,
        datasets=MappingProxyType(datasets),
        degradations=MappingProxyType(degradations),
        text_to_image=file.text_to_image.model_copy(update={"path": places.of(file.text_to_image.path)}),
        concept=file.concept,
        concept_figures=file.concept_figures,
        purifiers=MappingProxyType(purifiers),
        detectors=MappingProxyType(detectors),
        score=file.score,
        statistics=file.statistics,
        conditions=once + repeat(once, file.further_seeds, degradations, purifiers),
        sweeps=MappingProxyType({}),
        groups_per_job=file.groups_per_job,
        sources=places.of(file.sources) if file.sources else None,
        text=file.as_json(),
    )


def _dataset_entry(entries: Written, places: Places, name: str) -> DatasetEntry:
    where, values = f"datasets.{name}", entries[name]
    settings = dataset_settings(name, _placed(_without(values, EntryKeys), ("path",), places), where)
    keys = _entry_keys("datasets", name, values)
    published = PUBLISHED.get(settings.source)
    entry = _printed("datasets", name, name, keys, reported=published.title if published else None)
    return DatasetEntry(label=entry.label, role=entry.role, reported=entry.reported, name=name, settings=settings)


def _degradation(known: Known, places: Places, usual: ConceptLearning, entries: Written, name: str) -> MethodEntry:
    where, its = f"degradations.{name}", _method_entry("degradations", entries, places, name, known)
    check_source(its, entries, lambda other: _resolve("degradations", entries, other)[0], where)
    return replace(its, learning=learning_of(_resolve("degradations", entries, name)[1], usual, f"{where}."))


def _method_entry(
    family: Family, entries: Written, places: Places, name: str, known: Known = MappingProxyType({})
) -> MethodEntry:
    where = f"{family}.{name}"
    if split_repeat(name)[1] is not None:
        raise UserError(f"{where}: a name that ends in .seed and a number is that of a further seed")
    written, values = _resolve(family, entries, name)
    method = places.of_method(written)
    registered = METHODS[family].get(method, where)
    for keys in MORE_KEYS.get(family, ()):  # these are about other stages: a method never sees them
        values = _without(values, keys)
    values = with_chosen(family, name, registered, _placed(values, registered.files, places), known)
    settings = validated(registered.settings, values, f"{where}.")
    METHODS[family].needs(method, settings, where)
    own = _own_label_and_role(family, name, method, settings)
    entry = _printed(family, name, method, _entry_keys(family, name, entries[name]), **own)
    return MethodEntry(
        label=entry.label,
        role=entry.role,
        reported=entry.reported,
        family=family,
        name=name,
        method=method,
        settings=settings,
    )


def _purifier_entry(
    entries: Written,
    places: Places,
    evaluated: Mapping[str, MapKeys],
    concepts: Mapping[str, str | None],
    name: str,
) -> PurifierEntry:
    its, keys = _method_entry("purifiers", entries, places, name), evaluated.get(name, MapKeys())
    if keys.draws > 1 and not its.random:
        raise UserError(f"purifiers.{name}.draws: '{its.method}' draws no random numbers, so one draw is all there is")
    return PurifierEntry(
        label=its.label,
        role=its.role,
        reported=its.reported,
        family=its.family,
        name=name,
        method=its.method,
        settings=its.settings,
        average_maps=keys.average_maps,
        draws=keys.draws,
        concepts_from=concepts.get(name),
    )


def _more_keys(keys: type[K], entries: Written, name: str) -> K:
    """Read the keys of a purifier's entry that are not its method's, those of the class `keys`."""
    values = _resolve("purifiers", entries, name)[1]
    found = {key: value for key, value in values.items() if key in keys.model_fields}
    return validated(keys, found, f"purifiers.{name}.")


def _concepts_from(file: ExperimentFile, name: str) -> str | None:
    found = _more_keys(ConceptKeys, file.purifiers, name).concepts_from
    if found is not None:
        choose("degradation", found, list(file.degradations), f"purifiers.{name}.concepts_from")
    return found


def _entry_keys(family: str, name: str, values: Mapping[str, Any]) -> EntryKeys:
    where = f"{family}.{name}"
    keys = validated(EntryKeys, {key: values[key] for key in EntryKeys.model_fields if key in values}, f"{where}.")
    if keys.role is not None:
        if not ROLES[family]:
            raise UserError(f"{where}.role: {family} have no role")
        choose("role", keys.role, list(ROLES[family]), f"{where}.role")
    return keys


def _own_label_and_role(family: Family, name: str, method: str, settings: Model) -> dict[str, str | None]:
    """Look up what a method's own registry entry says of an entry; a plug-in may have misspelt its role.

    A label that does not depend on the settings is that of the entry called as the method, or of a method's file.
    """
    registered = METHODS[family].get(method)
    its_own = name == method or registered.path or callable(registered.label)
    if registered.role is not None:
        choose("role", registered.role, ROLES[family] or ["none"], f"{family}.{name}: role of its method")
    return {"label": registered.label_of(settings) if its_own else None, "role": registered.role}


def _printed(
    family: str,
    name: str,
    method: str,
    keys: EntryKeys,
    label: str | None = None,
    role: str | None = None,
    reported: str | None = None,
) -> Entry:
    """Decide label, role and reported row: what the entry says, else what its settings say, else the method's."""
    own = {"label": label, "role": role, "reported": reported}
    entry = Entry.of(family, name, method, own | keys.model_dump(exclude_none=True))
    return replace(entry, reported=MappingProxyType(dict(entry.reported)))


def _resolve(family: Family, entries: Written, name: str, seen: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    """Give (method, settings) of an entry, `like` followed."""
    values = _without(entries[name], EntryKeys)
    method, like = values.pop("method", None), values.pop("like", None)
    if method is not None and not isinstance(method, str):
        raise UserError(f"{family}.{name}.method: expected the name of a method, found {method!r}")
    if like is None:
        return method or name, values
    choose("entry", like, list(entries), where=f"{family}.{name}.like")
    if like in (*seen, name):
        raise UserError(f"{family}.{name}.like: '{like}' leads back to itself")
    inherited_method, inherited = _resolve(family, entries, like, (*seen, name))
    return method or inherited_method, inherited | values


def _placed(values: Mapping[str, Any], keys: Iterable[str], places: Places) -> dict[str, Any]:
    """Copy the values, those of `keys` as paths that are seen from here."""
    return dict(values) | {key: places.of_setting(values[key]) for key in keys if key in values}


def _without(values: Mapping[str, Any], keys: type[Model]) -> dict[str, Any]:
    """Drop the keys of the class `keys`."""
    return {key: value for key, value in values.items() if key not in keys.model_fields}


def _seed_mistakes(file: ExperimentFile) -> list[str]:
    if len({file.seed, *file.further_seeds}) > len(file.further_seeds):
        return []
    return [f"further_seeds: {list(file.further_seeds)} holds a seed twice, or `seed` ({file.seed})"]


def _check_conditions(file: ExperimentFile, mistakes: Mistakes) -> None:
    for index, block in enumerate(file.conditions):
        for family in FAMILIES:
            known, where = list(getattr(file, family)), f"conditions[{index}].{family}"
            mistakes.each(partial(_check_name, family, known, where), getattr(block, family) or ())


def _check_name(family: str, known: list[str], where: str, name: str) -> str:
    return choose(family[:-1], name, known, where)
