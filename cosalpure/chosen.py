"""An entry of an experiment that the settings of another one name, such as the detector that an attack knows.

A file has its name; the parser of experiments puts here what is behind it, so that a change of the named entry changes the
settings of the one that names it.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from cosalpure.schema import Model, validated

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosalpure.protocols import Need
    from cosalpure.registry import Method, Registry


class Chosen(Model):
    """A configured purifier or detector: its method, its settings, and what else its entry says of its result."""

    family: Literal["purifiers", "detectors"] = Field(description="family of the entry")
    method: str = Field(description="its method")
    settings: dict[str, Any] = Field({}, description="its settings")
    average_maps: bool = Field(False, description="as the purifier's")
    concepts_from: str | None = Field(None, description="as the purifier's")

    @property
    def registry(self) -> "Registry":
        """The registry of its method."""
        from cosalpure.methods import METHODS

        return METHODS[self.family]

    @property
    def registered(self) -> "Method":
        """The registry's entry of its method."""
        return self.registry.get(self.method)

    @property
    def checked(self) -> Model:
        """Its settings as the method takes them; a UserError names a wrong key."""
        return validated(self.registered.settings, self.settings, f"{self.registry.kind} '{self.method}': ")

    @property
    def needs(self) -> "frozenset[Need]":
        """What the method is given beside the images."""
        return self.registered.needs_of(self.checked)

    @property
    def files(self) -> list[str]:
        """The files that its settings name, and the Python file of a method that is named by it."""
        registered = self.registered
        return registered.files_of(self.checked) + ([registered.path] if registered.path else [])

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return self.registered.random_of(self.checked)

    def make(self, text_to_image: "Callable[[], Any] | None" = None, **changes: Any) -> Any:
        """Make the method, some of its settings changed."""
        settings = self.checked.model_copy(update=changes)
        return self.registry.make(self.method, settings, text_to_image)
