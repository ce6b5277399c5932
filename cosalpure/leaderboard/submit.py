"""`cosalpure submit`: an entry and its scores file from the results of a run.

run("results", load_files(["config.yaml"]), "purifier", "cosalpure", facts, "leaderboard")
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure import __version__, provenance, record
from cosalpure.errors import UserError
from cosalpure.experiment.experiment import Experiment, MethodEntry
from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.io import whole_file
from cosalpure.leaderboard import check, measure, reported, rows, scores
from cosalpure.leaderboard.entry import Entry, Facts, Track, entry_text, stem_of
from cosalpure.leaderboard.versions import METRIC_VERSION, SCHEMA_VERSION, editions_in
from cosalpure.methods import METHODS
from cosalpure.report.citations import references
from cosalpure.schema import validated
from cosalpure.score.settings import Score
from cosalpure.tables import Condition
from cosalpure.tables.build import Bootstrap

if TYPE_CHECKING:
    import pandas as pd


def run(
    results: str, experiment: Experiment, track: Track, name: str, facts: Facts, output: str, status: str | None = None
) -> Path:
    """Write `output`/TRACK/NAME.json, or NAME.EDITION.json, and the scores file beside it, and check both.

    Args:
        results: folder of the results of a finished run.
        experiment: the experiment that was run.
        track: what the entry is.
        name: its name in the experiment.
        facts: what a person says of it.
        output: folder of the leaderboard.
        status: default: self-reported.

    Returns:
        The JSON file.

    Raises:
        UserError: for results that are not complete; nothing is left then.
    """
    _check_metrics(experiment)
    conditions = rows.conditions_of(experiment, track, name)
    found = scores.collect(Layout(results), conditions)
    data = {str(dataset): data_of(part) for dataset, part in found.groupby("dataset", sort=False)}
    stem = stem_of(name, editions_in({dataset: its["manifest_sha256"] for dataset, its in data.items()}))
    path = Path(output, track, f"{stem}.json")
    table = path.with_name(f"{stem}.parquet")
    with whole_file(table) as partial:
        scores.write(found, partial)
        values = _values(Layout(results), experiment, track, name, conditions, found, facts, data)
        values["scores"] = {"file": table.name, "sha256": _hash(partial.read_bytes()), "rows": len(found)}
        entry = validated(Entry, values | ({"status": status} if status else {}), f"{name}: ")
        if faults := check.faults_of(entry, found):
            raise UserError("\n".join(f"{name}: {fault}" for fault in faults))
    with whole_file(path) as partial:
        partial.write_text(entry_text(entry), encoding="utf-8")
    return path


def _check_metrics(experiment: Experiment) -> None:
    official = Score(further=experiment.score.further)
    if experiment.score != official:
        raise UserError(f"score: the leaderboard needs the official constants, {official.as_json()}")


def _values(
    layout: Layout,
    experiment: Experiment,
    track: Track,
    name: str,
    conditions: list[Condition],
    found: "pd.DataFrame",
    facts: Facts,
    data: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Collect all of an entry but its scores file."""
    its = rows.entry_of(experiment, track, name)
    settings = experiment.statistics
    bootstrap: Bootstrap = {"seed": experiment.seed, "samples": settings.samples, "level": settings.level}
    said = facts.model_dump(exclude={"reported"})
    claims = reported.claims(track, facts.reported) if facts.reported else []
    return said | {
        "claimed": [*said["claimed"], *claims],
        "bibtex": facts.bibtex or _bibtex(its),
        "schema_version": SCHEMA_VERSION,
        "metric_version": METRIC_VERSION,
        "track": track,
        "entry": name,
        "method": {
            "method": record.without_paths(its.method),
            "settings": record.plain(its.settings),
            "plugin": record.plugin(its.method, METHODS[its.family]),
            "needs": sorted(its.needs),
        },
        "data": data,
        "intervals": bootstrap,
        "measured": _measured(experiment, track, conditions, data, measure.means(found, conditions, bootstrap)),
        "differences": _differences(experiment, track, name, conditions, found, bootstrap),
        "environment": environment_of(layout, experiment, conditions),
    }


def _bibtex(its: MethodEntry) -> str | None:
    """Give the BibTeX of the method's own registry entry."""
    known = METHODS[its.family].get(its.method)
    shipped = references()
    return "\n\n".join([*(shipped[key] for key in known.cite), *filter(None, [known.bibtex.strip()])]) or None


def data_of(part: "pd.DataFrame") -> dict[str, Any]:
    """Describe the version of a dataset by its rows."""
    images = part.drop_duplicates(["slug", "file"])
    counts = {"groups": int(images["slug"].nunique()), "images": len(images), "left_out": int(part["left_out"].max())}
    return {"manifest_sha256": scores.manifest_hash(images), **counts}


def _measured(
    experiment: Experiment,
    track: Track,
    conditions: Sequence[Condition],
    data: Mapping[Any, Mapping[str, Any]],
    numbers: Sequence[measure.Numbers],
) -> list[dict[str, Any]]:
    return [
        {
            **dict(zip(KEYS, its, strict=True)),
            "role": rows.role_of(experiment, track, its),
            "label": rows.label_of(experiment, track, its),
            "detector_label": experiment.entries.label("detectors", its[3]),
            "groups": data[its[0]]["groups"],
            "images": data[its[0]]["images"],
            "metrics": cells,
        }
        for its, cells in zip(conditions, numbers, strict=True)
    ]


def _differences(
    experiment: Experiment,
    track: Track,
    name: str,
    conditions: list[Condition],
    found: "pd.DataFrame",
    bootstrap: Bootstrap,
) -> list[dict[str, Any]]:
    pairs = rows.pairs_of(experiment, track, name, conditions)
    numbers = measure.differences(found, pairs, bootstrap)
    return [
        {**dict(zip(KEYS, its, strict=True)), "minus_degradation": minus[0], "minus_purifier": minus[1], **cells}
        for (its, minus), cells in zip(pairs, numbers, strict=True)
    ]


def environment_of(layout: Layout, experiment: Experiment, conditions: Sequence[Condition]) -> dict[str, Any]:
    """Collect from the records of the jobs what measured some conditions; this machine is not asked."""
    made = provenance.read(layout, conditions)
    known = [its.record for its in made if its.record]
    last = provenance.dates(made)[1]
    return {
        "version": __version__,
        "commits": sorted({provenance.commit(its) for its in known}),
        "packages": {name: sorted(its) for name, its in provenance.versions(made).items()},
        "devices": sorted({provenance.device(its) for its in known if its.stage in provenance.SHARDED}),
        "config_sha256": _hash(experiment.result_text.encode()),
        "experiment": experiment.name,
        "seeds": [experiment.seed],
        "seconds": round(sum(its.seconds for its in known), 1) if known else None,
        "measured_on": last[:10] or None,
        "mixed": [text[:300] for text in provenance.mixtures(made)],
    }


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
