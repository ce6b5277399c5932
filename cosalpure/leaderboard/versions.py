"""Versions of the benchmark: entries are ranked together only where the data and the metrics are the same."""

SCHEMA_VERSION = 1  # of an entry's JSON file
METRIC_VERSION = 1  # of the definitions in cosalpure.score.metrics; a change of any number there is a new version
LEVEL = 0.95  # of all intervals

# The sha256 of a dataset's manifest (`scores.manifest_hash`), the present version last. A dataset that is not listed is
# compared with entries of the same hash alone.
MANIFESTS: dict[str, tuple[str, ...]] = {
    "mini": ("544397ff6f60294aa033c748d158b5991ef476cd5b5ae17b1eb67a486a3c8baf",),
}


def is_present(dataset: str, manifest: str, metrics: int) -> bool:
    """Tell whether data and metrics are those of the present version; of an unknown dataset, whether the metrics are."""
    known = MANIFESTS.get(dataset)
    return metrics == METRIC_VERSION and (known is None or known[-1] == manifest)
