"""Which code computes a result, as a short text: a rule's parameter, so that a change of code reruns what depends on it.

    code_of("score")                                        "code 9f2c81d07b5e"
    method_code(DETECTORS, "gicd", GICDSettings())          "code 03ab55c1f2aa"
    method_code(DETECTORS, "mine", settings)                "code 7d61e0029c3f of my-package 1.2"

The hash is that of the definitions (functions, classes, constants) that a stage and its method reach from where they start,
by the names that they use, from module to module; imports inside functions count. These rules say what is reached:

1. Prose is not: comments, docstrings, formatting, annotations of functions, imports that nothing uses (`cosalpure.syntax`).
2. A name that is imported leads to its definition, through a package's `__init__`; other definitions there do not count.
3. `LEFT_OUT` computes no results: it refuses, describes, records, downloads, prints or chooses jobs.
4. Of settings classes only methods count that are no validators. The values of settings are parameters of the rule already.
5. Registries, such as `cosalpure.networks.NETWORKS`, load a module by name. Of those only the entries count whose name is
   given in a call (`networks.load("gicd", ...)`) or is a value of the settings; all of them if there is no such name.
6. What a purifier does not need (the model, the concept) does not count, nor do photos for the mini dataset or its sprites
   for photos.
7. Files that stand beside a module and are named in it (`paper_tables.csv`) count by their bytes.
8. Of a plug-in whole modules of its own package or its one file count, since nothing is known about its style, and the
   version of its distribution. What it uses of CosalPure is followed as here. Other packages are not looked into.

No module is imported for this, and a module's file is read once as long as it stays the same.
"""

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure.code_cache import Known
from cosalpure.reach import OWN, Search

if TYPE_CHECKING:
    from cosalpure.registry import Registry
    from cosalpure.schema import Model

ROOT = Path(__file__).parent
LEFT_OUT = tuple(  # a module with all that is below it, or a definition
    f"{OWN}.{name}"
    for name in (
        "__version__ bench bundled check cli code_cache contract doctor environment errors experiment extras file_kinds fingerprint labels method_files methods plan "
        "protocols provenance reach record registry schema staging status syntax timing weights workflow diffusion.pipeline_checks data.write_index "
        "data.problems.write_problems degrade.DEGRADATIONS purify.PURIFIERS detect.DETECTORS"
    ).split()
)
STAGES = {"degradation": "degrade", "purifier": "purify", "detector": "detect"}  # of the kind of a method
STARTS = {  # of a stage or a figure: "module:name", or files by a pattern
    **{stage: (f"{OWN}.{stage}.stage:run",) for stage in ("data", "concept", "tables", *STAGES.values())},
    "score": (f"{OWN}.score.condition:score_condition", f"{OWN}.score.condition:write_scores"),
    "draws": (f"{OWN}.draws:folder", f"{OWN}.draws:seed_of", f"{OWN}.score.draws:with_draws"),
    "curves": (f"{OWN}.score.curves:measure_condition",),
    "dataset_curves": (f"{OWN}.tables.dataset:run",),
    "words": (f"{OWN}.concept.words:measure",),
    "words_table": (f"{OWN}.tables.words:run",),
    "complete": (f"{OWN}.tables.complete:run",),
    "gate": (f"{OWN}.train.gate:gate",),
    "overview": (f"{OWN}.report.overview:draw",),
    "comparison": (f"{OWN}.report.comparison:draw_comparison",),
    "failures": (f"{OWN}.report.comparison:draw_failures",),
    "sweep": (f"{OWN}.report.sweep:draw",),
    "concepts": (f"{OWN}.report.concepts:draw_previews",),
    "attention": (f"{OWN}.report.concepts:draw_attention",),
    "page": (f"{OWN}.report.page:run", "report/templates/*", "assets/references.bib", "assets/limitations.csv"),
}
OF_NEEDS = {"model": f"{OWN}.diffusion.text_to_image", "concept": f"{OWN}.concept"}  # not for a method without the need
OF_PHOTOS = tuple(f"{OWN}.data.stage.{name}" for name in ("take_photos", "_origin", "_as_folder"))
OF_MINI = (f"{OWN}.data.stage.compose_mini",)


def code_of(
    stage: str, *more: str | Callable[..., Any], values: Iterable[str] = (), without: Iterable[str] = ()
) -> str:
    """Fingerprint the code of a stage.

    Args:
        stage: a key of `STARTS`; another name has no start of its own.
        more: further starts, "module:name", or a class or function.
        values: values of settings, which may be names in registries.
        without: further modules and definitions to leave out.
    """
    return f"code {_hash(stage, *more, values=values, without=without)}"


def search(
    stage: str, *more: str | Callable[..., Any], values: Iterable[str] = (), without: Iterable[str] = ()
) -> Search:
    """Find all definitions that a stage reaches; arguments as for `code_of`."""
    return Search({OWN: ROOT}, [*STARTS.get(stage, ()), *more], frozenset(values), (*LEFT_OUT, *without))


def method_code(registry: "Registry", name: str, settings: "Model") -> str:
    """Fingerprint the code of a method under its settings, with its stage."""
    point = registry.plugin(name)
    distribution = f" of {point.dist.name} {point.dist.version}" if point and point.dist else ""
    stage, starts, values, unneeded = _of_method(registry, name, settings)
    return f"code {_hash(stage, *starts, values=values, without=unneeded)}{distribution}"


def method_search(registry: "Registry", name: str, settings: "Model") -> Search:
    """Find all definitions that a method reaches under its settings, with its stage."""
    stage, starts, values, unneeded = _of_method(registry, name, settings)
    return search(stage, *starts, values=values, without=unneeded)


def _of_method(
    registry: "Registry", name: str, settings: "Model"
) -> tuple[str, list[str | Callable[..., Any]], set[str], list[str]]:
    """Give the stage of a method, its start and those of the methods that it names, its settings' values, what is unneeded."""
    method = registry.get(name)
    chosen = method.chosen(settings)
    needs = method.needs_of(settings).union(*(its.needs for its in chosen))
    starts = [method.implementation, *(its.registered.implementation for its in chosen)]
    unneeded = [module for need, module in OF_NEEDS.items() if need not in needs]
    return STAGES[registry.kind], starts, _texts(settings.model_dump()), unneeded


def _hash(stage: str, *more: str | Callable[..., Any], values: Iterable[str], without: Iterable[str]) -> str:
    """Hash what a stage reaches, or take the hash from an earlier run if it is about this package alone."""

    def compute() -> str:
        return search(stage, *more, values=values, without=without).hash()

    starts = [its for its in more if isinstance(its, str) and its.startswith(f"{OWN}.")]
    if len(starts) < len(more):
        return compute()
    return _known(ROOT).get(json.dumps([stage, starts, sorted(values), sorted(without)]), compute)


@cache
def _known(root: Path) -> Known:
    return Known(root)


def data_code(source: str) -> str:
    """Fingerprint the code that makes a dataset of a source: mini, folder, or a published one."""
    return code_of("data", without=OF_PHOTOS if source == "mini" else OF_MINI)


def _texts(value: Any) -> set[str]:
    """Collect the texts in nested settings."""
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {text for its in inner for text in _texts(its)}
