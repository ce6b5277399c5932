"""Registries of methods: one entry a method, from this package or from an installed plug-in.

An entry is a `Method`: where the class lies, its settings, how it is printed and cited, and what it needs. A plug-in is one
file with a class that says the same in attributes, and one entry point:

    [project.entry-points."cosalpure.detectors"]
    mine = "my_package.my_file:MyDetector"

A method may also be named by its file and class, "path/to/my_file.py:MyDetector", without any package. The path is relative
to the experiment's project, on the command line to the working directory.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Self

from cosalpure.errors import UserError, choose
from cosalpure.method_files import in_a_file, load, told
from cosalpure.protocols import GIVEN_TO, NEEDS, Kind, Need, Role
from cosalpure.schema import Model, validated

ATTRIBUTES: dict[str, tuple[type, ...]] = {  # of a plug-in's class, beside Settings and needs
    **dict.fromkeys(("label", "role", "backbone", "bibtex"), (str,)),
    **dict.fromkeys(("random", "differentiable", "joint"), (bool,)),
    "files": (tuple, list),
}


@dataclass(frozen=True)
class Method:
    """A method as its registry knows it. What depends on the settings is a function of them.

    Attributes:
        implementation: the class, or "module:Class", which is imported on first use. It is made with `cls(settings)`, and
            with `cls(settings, text_to_image)` if it needs the model.
        settings: class of its settings.
        label: printed name of an entry that is called as the method. A function gives that of any entry.
        role: role of its entries; None is that of the kind.
        needs: what it is given besides the images and the generators.
        files: keys of settings that name files (a path, several, or null), the inputs of its rule.
        random: whether another seed gives another result.
        differentiable: whether the result has a gradient with respect to images that ask for one (`requires_grad`); an
            attack that knows the method needs it.
        joint: whether a degradation changes the images of one call together, so that each depends on the others.
        names: keys of settings that name other entries of the experiment, and the family of these: {"detector":
            "detectors"}; the settings hold each as a `cosalpure.chosen.Chosen`.
        backbone: the network that a detector looks with, "VGG16"; the report prints it where architectures are compared.
        cite: keys of its papers in `assets/references.bib`.
        bibtex: BibTeX of a plug-in.
        path: the Python file of a method that is named by its file; an input of its rule.
    """

    implementation: str | Callable[..., Any]
    settings: type[Model] = Model
    label: str | Callable[[Any], str] = ""
    role: Role | None = None
    needs: frozenset[Need] | Callable[[Any], Iterable[Need]] = frozenset()
    files: tuple[str, ...] = ()
    random: bool | Callable[[Any], bool] = True
    differentiable: bool = False
    joint: bool = False
    names: Mapping[str, Any] = field(default_factory=dict)
    backbone: str = ""
    cite: tuple[str, ...] = ()
    bibtex: str = ""
    path: str = ""

    @classmethod
    def of(cls, plugin: type) -> Self:
        """Make the entry of a plug-in's class from its attributes `Settings`, `label`, `role`, `needs`, `files`, ...

        Raises:
            UserError: if it is no class, has other settings than a `Model`, or says that it needs something unknown.
        """
        if not isinstance(plugin, type):
            raise UserError(f"expected a class, found {plugin!r}")
        settings = getattr(plugin, "Settings", Model)
        if not (isinstance(settings, type) and issubclass(settings, Model)):
            raise UserError(f"{plugin.__name__}.Settings: expected a subclass of cosalpure.schema.Model")
        found = {key: getattr(plugin, key) for key in ATTRIBUTES if hasattr(plugin, key)}
        for key, value in found.items():
            kinds = ATTRIBUTES[key]
            if not (isinstance(value, kinds) or (key in ("label", "random") and callable(value))):
                raise UserError(f"{plugin.__name__}.{key}: expected {kinds[0].__name__}, found {value!r}")
        needs = getattr(plugin, "needs", ())
        if not callable(needs):
            needs = frozenset(choose("need", need, NEEDS, f"{plugin.__name__}.needs") for need in needs)
        return cls(plugin, settings=settings, needs=needs, **found)

    def cls(self) -> Callable[..., Any]:
        """Import the class."""
        if not isinstance(self.implementation, str):
            return self.implementation
        module, _, attribute = self.implementation.partition(":")
        found: Callable[..., Any] = getattr(import_module(module), attribute)
        return found

    def label_of(self, settings: Model | None = None) -> str:
        """Give the printed name under these settings; default: the method's own defaults."""
        return self.label(settings or self.settings()) if callable(self.label) else self.label

    def needs_of(self, settings: Model) -> frozenset[Need]:
        """Say what the method needs under these settings."""
        return frozenset(self.needs(settings)) if callable(self.needs) else frozenset(self.needs)

    def files_of(self, settings: Model) -> list[str]:
        """List the files that the settings name."""
        named = [getattr(settings, key, None) or () for key in self.files]
        own = [path for its in named for path in ([its] if isinstance(its, str) else its)]
        return own + [path for its in self.chosen(settings) for path in its.files]

    def chosen(self, settings: Model) -> list[Any]:
        """List the other entries that the settings name, each a `cosalpure.chosen.Chosen`."""
        return [its for key in self.names if (its := getattr(settings, key)) is not None]

    def random_of(self, settings: Model) -> bool:
        """Tell whether another seed gives another result under these settings."""
        return self.random(settings) if callable(self.random) else self.random


class Registry:
    """The methods of one kind by name: those of this package, then those of installed plug-ins."""

    def __init__(self, kind: Kind, group: str, role: Role | None, builtin: Mapping[str, Method]):
        self.kind = kind
        self.group = group  # entry point group, "cosalpure.detectors"
        self.role = role  # of a method that says none
        self.builtin = dict(builtin)

    def names(self) -> list[str]:
        """List every known name, built-in ones first."""
        return [*self.builtin, *sorted(set(self._plugins()) - set(self.builtin))]

    def settings_classes(self) -> dict[str, type[Model]]:
        """Map the built-in methods to the classes of their settings."""
        return {name: method.settings for name, method in self.builtin.items()}

    def get(self, name: str, where: str | None = None) -> Method:
        """Get the method `name`, registered or of a file; a UserError begins with `where`, and lists the choices."""
        if name in self.builtin:
            return self.builtin[name]
        place = f"{where}: " if where else ""
        if in_a_file(name):
            path, found = load(name, f"{place}{self.kind} '{name}'")
            return replace(self._method(found, f"{place}{self.kind} '{name}'"), path=path)
        choose(self.kind, name, self.names(), where)
        point = self._plugins()[name]
        try:
            found = point.load()
        except Exception as error:
            raise UserError(f"{place}{self.kind} '{name}' ({point.value}) cannot be imported: {told(error)}") from error
        return self._method(found, f"{place}{self.kind} '{name}' ({point.value})")

    def needs(self, name: str, settings: Model, where: str | None = None) -> frozenset[Need]:
        """Say what the method `name` needs; a UserError names what this kind of method is not given."""
        needs = self.get(name).needs_of(settings)
        for need in sorted(needs):
            if need not in GIVEN_TO[self.kind]:
                choices = ", ".join(GIVEN_TO[self.kind])
                start = f"{where}: " if where else ""
                raise UserError(f"{start}{self.kind} '{name}' needs '{need}'; a {self.kind} is given: {choices}")
        return needs

    def plugin(self, name: str) -> EntryPoint | None:
        """Get the entry point of the method `name`, None for a built-in one."""
        return None if name in self.builtin else self._plugins().get(name)

    def find(self, name: str) -> Method | None:
        """Get the built-in method `name`, or None."""
        return self.builtin.get(name)

    def make(self, name: str, settings: Model, text_to_image: Callable[[], Any] | None = None) -> Any:
        """Make the method `name` with its settings; `text_to_image()` loads the model for one that needs it."""
        cls = self.get(name).cls()
        return cls(settings, text_to_image) if "model" in self.needs(name, settings) else cls(settings)

    def create(self, name: str, values: Mapping[str, Any], text_to_image: Callable[[], Any] | None = None) -> Any:
        """Make the method `name` from unchecked settings; a UserError names the key that is wrong."""
        settings = validated(self.get(name).settings, dict(values), f"{self.kind} '{name}': ")
        return self.make(name, settings, text_to_image)

    def _method(self, found: Any, where: str) -> Method:
        """Make the entry of what a plug-in's name leads to: an entry, or a class."""
        try:
            return found if isinstance(found, Method) else Method.of(found)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None

    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}
