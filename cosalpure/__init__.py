"""CosalPure: a benchmark of robustness in co-salient object detection (CoSOD).

    import cosalpure as cp

    group = cp.load_group("mini", 0)
    attacked = cp.create_attack("jadena.mini")(group)
    maps = cp.create_detector("gicd.mini")(attacked)
    cp.evaluate(maps, group)

The public names are those of `cosalpure.api`; torch is loaded when the first of them is used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Concept",
    "ImageGroup",
    "create_attack",
    "create_detector",
    "create_purifier",
    "evaluate",
    "learn_concept",
    "list_attacks",
    "list_detectors",
    "list_purifiers",
    "load_group",
    "text_to_image",
]

if TYPE_CHECKING:
    from cosalpure.api import (
        Concept,
        ImageGroup,
        create_attack,
        create_detector,
        create_purifier,
        evaluate,
        learn_concept,
        list_attacks,
        list_detectors,
        list_purifiers,
        load_group,
        text_to_image,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from cosalpure import api

        return getattr(api, name)
    raise AttributeError(f"module 'cosalpure' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
