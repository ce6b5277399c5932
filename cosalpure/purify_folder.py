"""One group of photos, without the workflow: learn its concept, purify it, detect, and show before beside after.

    purify_folder("my_photos", "out", experiment)   ->  out/before-after.png, out/purified/images/..., out/maps/...

The same stages as the workflow's, on a dataset of one group; what they leave lies under `out` in the same layout.
"""

import sys
from pathlib import Path

from cosalpure.concept import FILE
from cosalpure.concept import stage as concept_stage
from cosalpure.data import MANIFEST, Group, read_groups
from cosalpure.data import stage as data_stage
from cosalpure.data.layouts import find_groups
from cosalpure.data.settings import FolderDataset
from cosalpure.detect import stage as detect_stage
from cosalpure.errors import UserError, choose
from cosalpure.experiment.experiment import Experiment
from cosalpure.labels import Entries
from cosalpure.purify import stage as purify_stage
from cosalpure.report.overview import MAPS
from cosalpure.report.sheet import Row, draw_sheet, open_picture

ALL = "0:1"  # the span of the only group
SHEET = "before-after.png"


def purify_folder(
    photos: str | Path,
    output: str | Path,
    experiment: Experiment,
    purifier: str = "cosalpure",
    detector: str | None = None,
) -> Path:
    """Purify the photos of one folder with the entry `purifier` of an `Experiment`; the sheet's path.

    `detector` is an entry, too (default: the first one). Nothing is degraded: the photos are taken as they are. A
    folder that holds something else is not written to.
    """
    output = Path(output)
    choose("purifier", purifier, list(experiment.purifiers))
    detector = choose("detector", detector or next(iter(experiment.detectors)), list(experiment.detectors))
    _check_folders(photos, output)

    # 1. The photos, at the side that the text-to-image model works at
    data, purified, model = output / "data", output / "purified", experiment.text_to_image
    taken = FolderDataset(path=str(photos), size=model.resolution, attacked_fraction=0)
    data_stage.run("photos", taken, data, experiment.seed)

    # 2. What they have in common, if the purifier asks for it
    chosen = experiment.purifiers[purifier]
    concepts = output / "concept" if chosen.reads_concept else None
    if concepts:
        concept_stage.run(experiment.concept, model, data, data, concepts, ALL, experiment.seed)

    # 3. Purified, and what the detector sees before and after
    purify_stage.run(chosen.method, chosen.settings, model, data, data, concepts, purified, ALL, experiment.seed)
    seeing = experiment.detectors[detector]
    for images, where in ((data, "before"), (purified, "after")):
        detect_stage.run(seeing.method, seeing.settings, data, images, output / "maps" / where, ALL)
    (group,) = read_groups(data)
    if concepts:
        print(f"{concepts / 'groups' / group.slug / FILE}: the learned concept", file=sys.stderr)
    return draw(output, group, purifier, detector, experiment.entries)


def _check_folders(photos: str | Path, output: Path) -> None:
    """Refuse photos that are not of one group, and a folder for results that holds something else."""
    labels = [group.label for group in find_groups(photos)[0]]
    if len(labels) != 1:
        raise UserError(
            f"{photos}: {len(labels)} groups of photos{': ' if labels else ''}{', '.join(labels[:3])}; one is purified "
            "here; for more, name the folder as a dataset in config.yaml (docs/how-to/data.md)"
        )
    if output.exists() and any(output.iterdir()) and not (output / "data" / MANIFEST).is_file():
        raise UserError(f"{output}: holds other files; choose a new folder")


def draw(output: Path, group: Group, purifier: str, detector: str, entries: Entries) -> Path:
    """Draw the sheet: photos, their maps, the purified photos, their maps."""
    places = [
        ("As they came", output / "data/images"),
        (MAPS, output / "maps/before/maps"),
        (entries.label("purifiers", purifier), output / "purified/images"),
        (MAPS, output / "maps/after/maps"),
    ]
    rows = [Row(title, [open_picture(path) for path in group.paths(folder)]) for title, folder in places]
    draw_sheet(
        output / SHEET,
        group.name,
        f"before and after purification, maps of {entries.label('detectors', detector)}",
        rows,
    )
    return output / SHEET
