"""Versions of the benchmark: entries are ranked together only where the data and the metrics are the same."""

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA_VERSION = 1  # of an entry's JSON file
METRIC_VERSION = 1  # of the definitions in cosalpure.score.metrics; a change of any number there is a new version
LEVEL = 0.95  # of all intervals


@dataclass(frozen=True)
class Edition:
    """A dataset in a size that entries are compared on."""

    dataset: str  # its name in an experiment
    name: str  # as printed, and behind the entry's name in the names of its files if it is not the dataset
    manifests: tuple[str, ...]  # the sha256 of the manifest (`scores.manifest_hash`), the present version last
    variants: tuple[str, ...] = ()  # files of the repository that, behind config.yaml, make an experiment on it


# A dataset that is not listed is compared with entries of the same hash alone.
EDITIONS = (
    Edition("mini", "mini", ("544397ff6f60294aa033c748d158b5991ef476cd5b5ae17b1eb67a486a3c8baf",)),
    Edition(
        "mini",
        "mini-large",
        ("b304e9f61365fb653c16b614201e648c06d88edd968e245f3c609fbf70268f99",),
        ("config/variants/mini-large.yaml",),
    ),
)


def editions_of(dataset: str) -> list[Edition]:
    """List the editions of a dataset; none of one that is not known."""
    return [its for its in EDITIONS if its.dataset == dataset]


def edition_of(dataset: str, manifest: str) -> Edition | None:
    """Find the edition that a manifest is a version of."""
    return next((its for its in editions_of(dataset) if manifest in its.manifests), None)


def editions_in(manifests: Mapping[str, str]) -> list[Edition]:
    """List the known editions among datasets by the hash of their manifests."""
    found = [edition_of(dataset, manifest) for dataset, manifest in manifests.items()]
    return [its for its in found if its]


def is_present(dataset: str, manifest: str, metrics: int) -> bool:
    """Tell whether data and metrics are those of the present version; of an unknown dataset, whether the metrics are."""
    known = editions_of(dataset)
    return metrics == METRIC_VERSION and (not known or any(its.manifests[-1] == manifest for its in known))
