"""Do the scores of a run agree with the stored results of the default experiment?

    outcome = verify("results")
    outcome.status      0: they agree, 1: they differ, 3: there is no reference for what was run
    outcome.lines       the sentence to print, and the rows or settings that differ

The reference is a table of means and the settings that the jobs recorded, both written by `cosalpure verify --write` from
a run. Importing this needs the standard library; verifying reads Parquet files with pyarrow, in a fraction of a second.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cosalpure import provenance
from cosalpure.bundled import ASSETS
from cosalpure.concept.settings import ConceptLearning
from cosalpure.diffusion.settings import TextToImage
from cosalpure.errors import UserError, one_line
from cosalpure.experiment.layout import KEYS, Layout
from cosalpure.io import whole_file
from cosalpure.methods import METHODS
from cosalpure.schema import Model
from cosalpure.tables import Condition, Split

REFERENCE = ASSETS / "reference/mini"
SPREAD = 0.011  # largest difference of a success rate between CPU models that was seen, with the same settings and code
SPLITS: Mapping[Split, tuple[bool, ...]] = {"avg": (True, False), "adv": (True,), "clean": (False,)}
METRICS = ("success", "iou", "ap", "f_beta", "mae")
MAIN = METRICS[0]  # what the main table shows
DIGITS = 6  # of a mean; two that agree in them are called equal
AGREES, DIFFERS, NO_REFERENCE = 0, 1, 3  # exit status; 2 is that of a misused command
SHOWN = 10  # settings that are listed

Cell = tuple[Condition, Split]
Pair = tuple[Mapping[str, float], Mapping[str, float]]  # ours, the reference's
Means = dict[Cell, dict[str, float]]  # of each metric, and the number of `images`
Settings = dict[str, set[str]]  # {"purify/mini/jadena/cosalpure: timestep": {"40"}}: JSON of all values that were used


@dataclass(frozen=True)
class Outcome:
    """What was found: the exit status, and lines for a reader."""

    status: int
    lines: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The first line, which stands alone."""
        return self.lines[0]


def run(results: str, write: bool) -> int:
    """Print whether the scores below `results` agree with the reference, or write them as the reference."""
    if write:
        write_reference(results)
        print(f"verify: wrote {REFERENCE}")
        return 0
    outcome, page = verify(results), Layout(results).page
    print("\n".join([f"report: {page}", *outcome.lines] if Path(page).is_file() else outcome.lines))
    return outcome.status


def verify(results: str, reference: Path = REFERENCE) -> Outcome:
    """Compare the scores of a run with the reference."""
    layout = Layout(results)
    expected, found = read_means(reference / "means.csv"), means_of(layout.scores)
    pairs = {cell: (found[cell], theirs) for cell, theirs in expected.items() if cell in found}
    if not pairs:
        sentence = "verify: there is no reference for these datasets and methods, only for the default experiment"
        return Outcome(NO_REFERENCE, (sentence,))
    changed = _changed_settings(read_settings(reference / "settings.json"), layout)
    if changed:
        more = [f"  and {len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
        sentence = (
            f"verify: there is no reference for these settings; {len(changed)} differ from the default experiment:"
        )
        return Outcome(NO_REFERENCE, (sentence, *changed[:SHOWN], *more))
    return _compared(pairs, len(expected))


def _compared(pairs: Mapping[Cell, Pair], known: int) -> Outcome:
    """Say how the means of a run differ from those of the reference."""
    part = "" if len(pairs) == known else f" ({len(pairs)} of {known} means; the others were not run)"
    if all(ours == theirs for ours, theirs in pairs.values()):
        return Outcome(AGREES, (f"verify: all mean scores equal the reference of the default experiment{part}",))
    far = {cell: pair for cell, pair in pairs.items() if not _within(*pair)}
    if far:
        sentence = f"verify: {len(far)} of {len(pairs)} success rates differ from the reference by more than {SPREAD}:"
        return Outcome(DIFFERS, (sentence, *(_row(cell, *pair) for cell, pair in far.items())))
    largest = {key: max(abs(ours[key] - theirs[key]) for ours, theirs in pairs.values()) for key in METRICS}
    others = max(value for key, value in largest.items() if key != MAIN)
    sentence = (
        f"verify: the success rates agree with the reference of the default experiment{part}: they differ by at most "
        f"{largest[MAIN]:.3f}, and {SPREAD} is known between CPU models; other metrics differ by at most {others:.3f}"
    )
    return Outcome(AGREES, (sentence,))


def _within(ours: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    return ours["images"] == theirs["images"] and abs(ours[MAIN] - theirs[MAIN]) <= SPREAD


def _row(cell: Cell, ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    condition, split = cell
    images = "" if ours["images"] == theirs["images"] else f", {ours['images']:.0f} images, not {theirs['images']:.0f}"
    return f"  {'/'.join(condition)} {split}: {ours[MAIN]:.3f}, reference {theirs[MAIN]:.3f}{images}"


def means_of(scores: str) -> Means:
    """Read a run's score rows, and average each metric over the images of each condition and split."""
    import pyarrow.parquet

    if not Path(scores).is_file():
        raise UserError(f"{scores}: no scores yet; run the workflow first: snakemake")
    try:
        table = pyarrow.parquet.read_table(scores, columns=[*KEYS, "attacked", *METRICS])
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{scores}: not a table of scores ({one_line(error, 200)})") from None
    sums = table.group_by([*KEYS, "attacked"], use_threads=False).aggregate(
        [("attacked", "count"), *((metric, kind) for metric in METRICS for kind in ("sum", "count"))]
    )
    parts = {(tuple(row[key] for key in KEYS), row["attacked"]): row for row in sums.to_pylist()}
    found: Means = {}
    for condition in dict.fromkeys(condition for condition, _ in parts):
        for split, attacked in SPLITS.items():
            rows = [parts[condition, its] for its in attacked if (condition, its) in parts]
            if rows:
                found[condition, split] = _mean(rows)
    return found


def _mean(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    rows = list(rows)
    values = {"images": float(sum(row["attacked_count"] for row in rows))}
    for metric in METRICS:
        count = sum(row[f"{metric}_count"] for row in rows)
        values[metric] = round(sum(row[f"{metric}_sum"] or 0.0 for row in rows) / max(count, 1), DIGITS)
    return values


def read_means(path: Path) -> Means:
    """Read the reference's table of means."""
    with open(path, encoding="utf-8", newline="") as file:
        return {
            (tuple(row[key] for key in KEYS), row["split"]): {key: float(row[key]) for key in ("images", *METRICS)}  # type: ignore[misc]
            for row in csv.DictReader(file)
        }


def settings_of(layout: Layout) -> Settings:
    """Read from the records which settings and seeds the jobs of a run had; a record's absence says nothing."""
    found: Settings = {}
    for its in (made.record for made in provenance.read(layout) if made.record):
        entry = "/".join((its.stage, *its.names))
        for key, value in {**plain_settings(its.settings), "method": its.method, "seed": its.seed}.items():
            found.setdefault(f"{entry}: {key}", set()).add(_text(value))
    return found


def read_settings(path: Path) -> dict[str, Any]:
    """Read the reference's settings: {"purify/mini/jadena/cosalpure: timestep": 40}."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings as one level, without those of speed alone, and without the folders of paths."""
    speed = _speed_keys()
    return {
        key: value.rsplit("/", 1)[-1] if isinstance(value, str) else value  # where a file lies changes no result
        for key, value in _flat(settings).items()
        if key.rpartition(".")[2] not in speed
    }


@cache
def _speed_keys() -> set[str]:
    """Name the settings of speed alone, on which results do not depend."""
    classes: list[type[Model]] = [cls for its in METHODS.values() for cls in its.settings_classes().values()]
    classes += [TextToImage, ConceptLearning]
    return {key for cls in classes for key in cls.speed_keys()}


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Give nested settings as one level: {"text_to_image.resolution": 64}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return found


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _changed_settings(expected: Mapping[str, Any], layout: Layout) -> list[str]:
    """List the settings in which a run is not the reference's, of the entries that both have."""
    return [
        f"  {key} is {', '.join(sorted(values))}, in the reference {_text(expected[key])}"
        for key, values in settings_of(layout).items()
        if key in expected and values != {_text(expected[key])}
    ]


def write_reference(results: str, reference: Path = REFERENCE) -> None:
    """Write the means and the settings of a finished run as the reference."""
    layout = Layout(results)
    settings = settings_of(layout)
    if not settings or any(len(values) > 1 for values in settings.values()):
        raise UserError(f"{results}: no reference can be made of it: its jobs have no records, or different settings")
    reference.mkdir(parents=True, exist_ok=True)
    with whole_file(reference / "means.csv") as path, open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([*KEYS, "split", "images", *METRICS])
        for (condition, split), values in means_of(layout.scores).items():
            rows.writerow(
                [*condition, split, f"{values['images']:.0f}", *(f"{values[key]:.{DIGITS}f}" for key in METRICS)]
            )
    lines = ",\n".join(f"  {_text(key)}: {next(iter(values))}" for key, values in sorted(settings.items()))
    with whole_file(reference / "settings.json") as path:
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
