"""Trying a registered method's promises, one line each: `cosalpure contract METHOD`."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from cosalpure.contract.promises import KINDS, outcomes
from cosalpure.contract.subject import Subject
from cosalpure.diffusion.settings import TextToImage as TextToImageSettings
from cosalpure.errors import UserError
from cosalpure.method_files import told
from cosalpure.methods import METHODS
from cosalpure.protocols import Kind
from cosalpure.schema import Model

if TYPE_CHECKING:
    from cosalpure.diffusion.text_to_image import TextToImage

SMALL = "--text-to-image '{path: bundled:mini/models/text-to-image, resolution: 64}'"


def run(kind: Kind, name: str, settings: Model, text_to_image: TextToImageSettings | None) -> int:
    """Print whether a method keeps each of its promises; exit status 1 if it breaks one."""
    registry = METHODS[KINDS[kind]]
    if "model" in registry.needs(name, settings) and text_to_image is None:
        raise UserError(f"{kind} '{name}' needs the text-to-image model; name a small one: {SMALL}")
    try:
        subject = Subject.make(registry, name, settings, _loader(text_to_image) if text_to_image else None)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{kind} '{name}' cannot be made: {told(error, registry.get(name).path)}") from None
    broken = total = 0
    for its in outcomes(subject):
        print(its, flush=True)
        broken, total = broken + (its.kept is False), total + 1
    print(f"{subject.who} " + (f"breaks {broken} of {total} promises" if broken else f"keeps all {total} promises"))
    return 1 if broken else 0


def _loader(settings: TextToImageSettings) -> "Callable[[], TextToImage]":
    @cache
    def load() -> Any:
        from cosalpure.diffusion.text_to_image import TextToImage

        return TextToImage.of(settings)

    return load
