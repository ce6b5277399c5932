"""A method that is tried: made once, then called on samples with exactly what it says that it needs."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosalpure.contract.sample import LABEL, Sample, draw
from cosalpure.contract.values import checked
from cosalpure.protocols import GIVEN_TO, Evaluation, Given, Kind, Need
from cosalpure.registry import Method, Registry
from cosalpure.schema import Model
from cosalpure.seeds import generator

if TYPE_CHECKING:
    from cosalpure.concept import Concept

USUAL = 3  # images of the group that most promises are tried on
_calls = count()


@dataclass(frozen=True)
class Subject:
    """A method with its settings.

    Attributes:
        kind: what it is.
        name: how it is called in the registry.
        method: its registry entry.
        settings: its settings.
        call: the method itself, made with them.
        concept: the learned concept that it is given if it needs one.
    """

    kind: Kind
    name: str
    method: Method
    settings: Model
    call: Callable[[Tensor, Given], Any]
    concept: "Concept | None" = None

    @classmethod
    def make(
        cls, registry: Registry, name: str, settings: Model, text_to_image: Callable[[], Any] | None = None
    ) -> "Subject":
        """Make a registered method; a UserError names what it lacks."""
        needs = registry.needs(name, settings)
        call = registry.make(name, settings, text_to_image)
        concept = _concept(text_to_image if "model" in needs else None) if "concept" in needs else None
        return cls(registry.kind, name, registry.get(name), settings, call, concept)

    @property
    def who(self) -> str:
        """The method as messages name it."""
        return f"{self.kind} '{self.name}'"

    @property
    def needs(self) -> frozenset[Need]:
        """What it says that it needs."""
        return self.method.needs_of(self.settings)

    @property
    def undeclared(self) -> list[Need]:
        """What its stage could give besides."""
        return [need for need in GIVEN_TO[self.kind] if need not in self.needs and need != "model"]

    @property
    def file(self) -> str:
        """The Python file of its class, for the lines of errors."""
        try:
            return self.method.path or inspect.getsourcefile(self.method.cls()) or ""
        except TypeError:
            return ""

    def shape(self, sample: Sample) -> tuple[int, ...]:
        """Compute the shape of what the method has to return."""
        number, _, height, width = sample.images.shape
        return (number, 1 if self.kind == "detector" else 3, height, width)

    def given(self, sample: Sample, seed: int = 0, more: Iterable[Need] = ()) -> Given:
        """Make what the method is given for a sample: what it needs, and `more`."""
        needs = {*self.needs, *more}
        draws = [] if self.kind == "detector" else [generator(seed, "contract", its) for its in sample.numbers]
        return Given(
            generators=draws,
            concept=(self.concept or _concept(None)) if "concept" in needs else None,
            label=LABEL if "label" in needs else None,
            group=sample.group if "group" in needs else None,
            ground_truth=sample.ground_truth if "ground_truth" in needs else None,
            evaluation=self.evaluation(sample, seed) if "evaluation" in needs else None,
        )

    def evaluation(self, sample: Sample, seed: int = 0) -> Evaluation:
        """Describe the group of a sample, whose first images are the attacked ones, as later stages will see it."""
        attacked = [number < len(sample.images) for number in range(len(sample.group))]
        images = torch.cat([sample.images, sample.group[len(sample.images) :]])
        truth = torch.cat(
            [sample.ground_truth, sample.ground_truth.new_zeros(len(images) - len(sample.images), 1, *images.shape[2:])]
        )
        return Evaluation(
            images, attacked, truth, lambda: Given([generator(seed, "purify", its) for its in range(len(images))])
        )

    def returned(self, sample: Sample, seed: int = 0, more: Iterable[Need] = ()) -> Any:
        """Call the method and return what it returns, unchecked.

        Random numbers that do not come from its generators differ at every call.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(next(_calls))
            return self.call(sample.images, self.given(sample, seed, more))

    def result(self, sample: Sample, seed: int = 0) -> Tensor:
        """Call the method and return what it returns, as the stage takes it."""
        return checked(self.returned(sample, seed), self.shape(sample), self.who)

    @cached_property
    def first(self) -> Any:
        """What it returns for the usual group, unchecked."""
        return self.returned(draw(USUAL))

    @cached_property
    def usual(self) -> Tensor:
        """Its result on the usual group; a copy, in case that it returns the same memory every time."""
        return checked(self.first, self.shape(draw(USUAL)), self.who).clone()


def _concept(text_to_image: Callable[[], Any] | None) -> "Concept":
    """Make a concept that fits the text-to-image model: the mean of its words."""
    from cosalpure.concept import Concept

    if text_to_image is None:
        return Concept("<my-square>", torch.zeros(16))
    vectors = text_to_image().text_encoder.get_input_embeddings().weight
    return Concept("<my-square>", vectors.detach().mean(0).float().cpu())
