"""The public functions of `import cosalpure as cp`: attack, repair and evaluate a group of images from Python.

    group = cp.load_group("mini", 0)                       # or a folder of photos
    attacked = cp.create_attack("jadena.mini")(group)
    concept = cp.learn_concept(attacked, model="mini")
    purified = cp.create_purifier("cosalpure.mini")(attacked, concept)
    maps = cp.create_detector("gicd.mini")(purified)
    cp.evaluate(maps, group)

A name is a method or an entry, and may carry a tag, as in timm: `.mini` has the settings and bundled weights of the mini
experiment, `.paper` those of the paper experiment, `.official` (the same as no tag) the official constants. Published weights
are downloaded and verified on first use.

Results equal those of the workflow: every random draw comes from the seed and the names of dataset, group and image, and
images are rounded to 8 bits, as in files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cosalpure.concept import Concept as Concept
from cosalpure.concept import learn, token_of
from cosalpure.concept.settings import ConceptLearning
from cosalpure.contract.values import checked, checked_maps
from cosalpure.data import slugify
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.errors import UserError
from cosalpure.image_group import ImageGroup as ImageGroup
from cosalpure.image_group import Images, group_of
from cosalpure.image_group import load_group as load_group
from cosalpure.methods import METHODS, Family
from cosalpure.protocols import Evaluation, Given, Need, only
from cosalpure.schema import Model, validated
from cosalpure.seeds import generator
from cosalpure.tags import EXPERIMENTS, experiment_of, local, names_with_tags, resolve, split_tag, with_files

if TYPE_CHECKING:
    import pandas as pd

    from cosalpure.diffusion.text_to_image import TextToImage

SUMMARY = ("success", "ap", "f_beta", "mae", "iou")


def create_attack(name: str, model: str | TextToImageSettings | None = None, **settings: Any) -> Callable[..., Any]:
    """Create a degradation, such as "jadena.mini" or "motion_blur".

    The result is called with a group, of which it changes the attacked images, or with images, all of which it changes; and
    with the concept of an attack that needs one, or whose purifier does. It returns what it was given, changed.

    An attack that knows a detector and a purifier takes their names:

    Example:
        attacked = create_attack("motion_blur", severity=3)(group)
        attacked = create_attack("pgd", detector="gicd.mini", purifier="jpeg", gradient="bpda")(group)
        attacked = create_attack("pgd", detector="gicd.mini", purifier="cosalpure.mini")(group, concept)
        attacked = create_attack("poison", model="mini")(group, learn_concept(group, model="mini"))

    Args:
        name: an entry or method, with or without a tag.
        model: the text-to-image model as in `learn_concept`; default: that of the tag of a named purifier.
        settings: of the degradation, such as severity=3.

    Raises:
        UserError: for an unknown name or setting; it lists the choices.
    """
    made = _make("degradations", name, settings, model)

    def attack(images: Images, concept: Concept | None = None) -> Any:
        group, back = group_of(images)
        chosen = [index for index, its in enumerate(group.attacked) if its]
        if not chosen:
            return back(group)
        given = made.given(group, chosen, group.draws("degrade", chosen), concept)
        changed = made.method(group.images[chosen], given)
        files = [group.files[index] for index in chosen]
        changed = checked(changed, tuple(group.images[chosen].shape), made.who, group.name, files)
        result = group.images.clone()
        result[chosen] = changed.float()
        return back(group.with_images(result))

    return attack


def learn_concept(group: Images, model: str | TextToImageSettings = "mini", **settings: Any) -> Concept:
    """Learn the concept of a group: one token embedding of a text-to-image model, by textual inversion.

    Args:
        group: a group, or images.
        model: "mini" or "paper", whose settings of concept learning are taken, too; a folder of a diffusers pipeline, or its
            settings.
        settings: of concept learning, such as steps=200.

    Raises:
        UserError: for an unknown setting, or a model that cannot be loaded.
    """
    its, _ = group_of(group)
    base = experiment_of(model).concept if isinstance(model, str) and model in EXPERIMENTS else ConceptLearning()
    chosen = validated(ConceptLearning, base.model_dump() | settings, "concept: ")
    draws = generator(its.seed, its.dataset, its.name, "concept")
    concept, _ = learn(its.images, text_to_image(model), chosen, draws, token_of(slugify(its.name)))
    return concept


def create_purifier(name: str, model: str | TextToImageSettings | None = None, **settings: Any) -> Callable[..., Any]:
    """Create a purifier, such as "cosalpure.mini" or "diffpure.official".

    The result is called with a group or images, and with the group's concept if the purifier needs one. It returns what it
    was given, purified.

    Args:
        name: an entry or method, with or without a tag.
        model: the text-to-image model as in `learn_concept`; default: that of the tag.
        settings: of the purifier, such as timestep=40.

    Raises:
        UserError: for an unknown name or setting; it lists the choices.
    """
    tag = split_tag(name)[1] if isinstance(name, str) else ""
    made = _make("purifiers", name, settings, model or (tag if tag in EXPERIMENTS else "paper"))

    def purify(images: Images, concept: Concept | None = None) -> Any:
        group, back = group_of(images)
        given = made.given(group, range(len(group)), group.draws("purify"), concept)
        purified = made.method(group.images, given)
        purified = checked(purified, tuple(group.images.shape), made.who, group.name, group.files)
        return back(group.with_images(purified))

    return purify


def create_detector(name: str, **settings: Any) -> Callable[[Images], Tensor]:
    """Create a co-saliency detector, such as "gicd.mini" or "gicd.official", which downloads and verifies its weights.

    The result is called with a group or images and returns maps (N, 1, H, W), float32, [0, 1].

    Raises:
        UserError: for an unknown name or setting; it lists the choices.
    """
    made = _make("detectors", name, settings)

    def detect(images: Images) -> Tensor:
        group, _ = group_of(images)
        maps = made.method(group.images, made.given(group, range(len(group)), ()))
        shape = (len(group), 1, *group.images.shape[-2:])
        return checked_maps(maps, shape, made.who, group.name, group.files)

    return detect


def evaluate(maps: Tensor, group: ImageGroup, per_image: bool = False) -> "pd.DataFrame":
    """Score maps against the ground truth of a group, as the workflow does: on 8-bit maps.

    Args:
        maps: (N, 1, H, W), [0, 1].
        group: the group with ground truth.
        per_image: a row for each image; default: the means over all, the attacked and the clean images.

    Returns:
        A table with the columns success, ap, f_beta, mae, iou.

    Raises:
        UserError: if the group has no ground truth.
    """
    import pandas as pd

    from cosalpure.detect.stage import truncated
    from cosalpure.score import score_map

    if not isinstance(group, ImageGroup):
        raise UserError(f"evaluate: expected maps and their group, found a {type(group).__name__} as the group")
    if group.ground_truth is None:
        raise UserError(f"{group.name}: the group has no ground truth, so there is nothing to score")
    predictions = map(
        truncated, checked(maps, tuple(group.ground_truth.shape), "what made the maps", group.name, group.files)
    )
    truths = (group.ground_truth[:, 0] * 255).byte().numpy()
    rows = [score_map(*pair) for pair in zip(predictions, truths, strict=True)]
    table = pd.DataFrame(rows, index=pd.Index(group.files, name="file"))[list(SUMMARY)].astype(float)
    if per_image:
        return table.assign(attacked=group.attacked)
    parts = {"all": np.ones(len(table), bool), "attacked": np.array(group.attacked)}
    parts["clean"] = ~parts["attacked"]
    return pd.DataFrame({name: table[chosen].mean() for name, chosen in parts.items() if chosen.any()}).T


def list_attacks(pattern: str = "*") -> list[str]:
    """List the names of degradations that match a pattern, such as "*.mini"."""
    return _matching("degradations", pattern)


def list_purifiers(pattern: str = "*") -> list[str]:
    """List the names of purifiers that match a pattern, such as "*.mini"."""
    return _matching("purifiers", pattern)


def list_detectors(pattern: str = "*") -> list[str]:
    """List the names of detectors that match a pattern, such as "*.mini"."""
    return _matching("detectors", pattern)


def text_to_image(model: str | TextToImageSettings) -> "TextToImage":
    """Load a text-to-image model once: "mini", "paper", a folder of a diffusers pipeline, or its settings."""
    if isinstance(model, str):
        model = experiment_of(model).text_to_image if model in EXPERIMENTS else TextToImageSettings(path=model)
    if not isinstance(model, TextToImageSettings):
        raise UserError(f"model: expected mini, paper, a folder or its settings, found {model!r}")
    return _load_model(model.model_copy(update={"path": local(model.path)}))


@cache
def _load_model(settings: TextToImageSettings) -> "TextToImage":
    from cosalpure.diffusion.text_to_image import TextToImage

    return TextToImage.of(settings)


@dataclass(frozen=True)
class _Made:
    """A method that was made, with what it needs."""

    who: str
    method: Callable[..., Any]
    needs: frozenset[Need]

    def given(
        self,
        group: ImageGroup,
        chosen: Sequence[int],
        draws: Sequence[torch.Generator],
        concept: Concept | None = None,
    ) -> Given:
        """Collect what the method needs for some images of a group."""
        if concept is not None and not isinstance(concept, Concept):
            raise UserError(f"{self.who}: expected a concept of learn_concept, found a {type(concept).__name__}")
        if "ground_truth" in self.needs and group.ground_truth is None:
            raise UserError(f"{group.name}: {self.who} needs ground truth, and the group has none")
        truth = None if group.ground_truth is None else group.ground_truth[list(chosen)]
        evaluation = self._evaluation(group, concept) if "evaluation" in self.needs else None
        return only(self.needs, Given(draws, concept, group.name, group.images, truth, evaluation))

    def _evaluation(self, group: ImageGroup, concept: Concept | None) -> Evaluation:
        """Say what the purifier and the detector of the group are going to see."""
        if group.ground_truth is None:
            raise UserError(f"{group.name}: {self.who} needs ground truth, and the group has none")
        return Evaluation(
            group.images, group.attacked, group.ground_truth, lambda: Given(group.draws("purify"), concept, group.name)
        )


def _make(family: Family, name: str, changes: dict[str, Any], model: str | TextToImageSettings | None = None) -> _Made:
    registry = METHODS[family]
    method, base = resolve(family, name)
    entry = registry.get(method)
    tags = [changes[key].rpartition(".")[2] for key in entry.names if isinstance(changes.get(key), str)]
    model = model or next((tag for tag in tags if tag in EXPERIMENTS), "paper")
    changes = {key: _chosen(entry.names[key], its) if key in entry.names else its for key, its in changes.items()}
    settings: Model = validated(type(base), base.model_dump() | changes, f"{registry.kind} '{name}': ")
    settings = with_files(settings, entry.files)
    made = registry.make(method, settings, lambda: text_to_image(model))
    return _Made(f"{registry.kind} '{name}'", made, entry.needs_of(settings))


def _chosen(family: Family, name: Any) -> Any:
    """Put what is behind the name of an entry, or of a method, in the place of the name."""
    if not isinstance(name, str):
        return name
    method, settings = resolve(family, name)
    settings = with_files(settings, METHODS[family].get(method).files)
    found = {"family": family, "method": method, "settings": settings.model_dump()}
    if family != "purifiers":
        return found
    plain, tag = split_tag(name)
    average = tag in EXPERIMENTS and experiment_of(tag).purifiers[plain].average_maps
    # The concept is given where the attack is called.
    return found | {"average_maps": average, "concepts_from": "the call"}


def _matching(family: Family, pattern: str) -> list[str]:
    return [name for name in names_with_tags(family) if fnmatch(name, pattern)]
