"""Run the stages of the workflow on the photos of one folder, and write the results at the photos' own sizes."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from tqdm import tqdm

from cosalpure import record
from cosalpure.bundled import is_bundled
from cosalpure.concept import stage as concept_stage
from cosalpure.data import COLUMNS, MANIFEST, Group, file_hash, read_groups, slugify
from cosalpure.data.layouts import shown
from cosalpure.data.normalise import safe_stem
from cosalpure.data.problems import counted
from cosalpure.degrade import stage as degrade_stage
from cosalpure.detect import stage as detect_stage
from cosalpure.errors import UserError, choose
from cosalpure.experiment.experiment import Experiment, MethodEntry, PurifierEntry
from cosalpure.io import read_pixels, whole_file, whole_folder, write_image
from cosalpure.methods import METHODS
from cosalpure.purify import stage as purify_stage
from cosalpure.purify_folder import paste
from cosalpure.purify_folder.files import Photo, as_png, read_photos, read_picture, tell, write_picture
from cosalpure.purify_folder.sheet import Step, draw
from cosalpure.tags import local, with_files

ALL = "0:1"  # the span of the only group
SHEET = "before-after.png"
RUN = "run.json"  # what the results were made with
AnyEntry = TypeVar("AnyEntry", bound=MethodEntry)
SMALL_MODELS = (
    "The bundled models are small ones, trained on composed sprites of 64 px: with photographs they demonstrate the method, "
    "they do not protect. For the published models, add --config config/paper.yaml (docs/how-to/published-weights.md)."
)


@dataclass(frozen=True)
class Chosen:
    """What photos are treated with: entries of an experiment."""

    experiment: Experiment
    purifier: PurifierEntry
    detector: MethodEntry
    attack: MethodEntry | None
    keep_detail: bool

    @property
    def side(self) -> int:
        """The side in px at which the purifier works."""
        return getattr(self.purifier.settings, "resolution", None) or self.experiment.text_to_image.resolution

    @property
    def detail(self) -> str:
        """What becomes of detail that is finer than the resolution at which the purifier works."""
        if self.keep_detail:
            return f"purified at {self.side} px; finer detail is kept, and so is a finer attack"
        return (
            f"purified at {self.side} px; no finer detail is left (--keep-detail keeps it, and a finer attack with it)"
        )

    def facts(self, photos: Sequence[Photo]) -> dict[str, Any]:
        """List what the results depend on, as values of JSON."""
        entries = {"purifier": self.purifier, "detector": self.detector, "attack": self.attack}
        return {
            "photos": {shown(photo.path.name): file_hash(photo.path) for photo in photos},
            **{kind: its and f"{its.method} {its.compared_text}" for kind, its in entries.items()},
            "text_to_image": self.experiment.text_to_image.as_json(speed=False),
            "concept": self.experiment.concept.as_json(speed=False),
            "seed": self.experiment.seed,
            "keep_detail": self.keep_detail,
        }

    def fetched(self) -> "Chosen":
        """Download and verify the published weights that the entries name, unless they are here."""
        model = self.experiment.text_to_image
        return Chosen(
            replace(self.experiment, text_to_image=model.model_copy(update={"path": local(model.path)})),
            _with_weights(self.purifier),
            _with_weights(self.detector),
            self.attack and _with_weights(self.attack),
            self.keep_detail,
        )


def purify_folder(
    photos: str | Path,
    output: str | Path,
    experiment: Experiment,
    purifier: str = "cosalpure",
    detector: str | None = None,
    attack: str | None = None,
    keep_detail: bool = False,
) -> Path:
    """Purify the photos of one folder.

    Every photo is squeezed to a square of the purifier's resolution, purified, and stretched back to its own size and
    aspect ratio by the continuous representation, if the purifier is set to use one. All of the result comes from the
    models, so it has no finer detail than their resolution.

    Args:
        photos: the folder. Subfolders are not read.
        output: the folder of the results. One that holds anything but the results of the same run is not written to.
        experiment: whose entries are used.
        purifier: the entry that purifies.
        detector: the entry that detects. Default: the first one.
        attack: an entry of `degradations` that changes the first half of the photos before anything else.
        keep_detail: change each photo at its full size as its small image was changed. That keeps detail, and with it
            any attack that is finer than the purifier's resolution.

    Returns:
        The sheet's path.

    Raises:
        UserError: for an unknown entry, a folder without a photo, an output folder that holds something else.
    """
    if is_bundled(experiment.text_to_image.path):
        print(SMALL_MODELS, file=sys.stderr)
    chosen = _choose(experiment, purifier, detector, attack, keep_detail)
    taken, remarks = read_photos(photos, chosen.side)
    if not taken:
        tell(photos, remarks)
        raise UserError(f"{photos}: no picture in it that can be read")
    output = Path(output)
    claim(output, chosen.facts(taken))
    chosen = chosen.fetched()
    steps = _run_stages(taken, Path(photos).resolve().name, output, chosen)
    _write_photos(taken, output, chosen)
    label = experiment.entries.label("detectors", chosen.detector.name)
    note = f"purified at {chosen.side} px; maps of {label}" + "; attacked photos framed in red" * bool(chosen.attack)
    draw(output / SHEET, shown(Path(photos).resolve().name), note, taken, steps)
    tell(photos, remarks)
    print(f"{output / 'purified'}: {counted(len(taken), 'photo')}; {chosen.detail}", file=sys.stderr)
    return output / SHEET


def _choose(
    experiment: Experiment, purifier: str, detector: str | None, attack: str | None, keep_detail: bool
) -> Chosen:
    choose("purifier", purifier, list(experiment.purifiers))
    detector = choose("detector", detector or next(iter(experiment.detectors)), list(experiment.detectors))
    if attack is not None:
        choose("attack", attack, list(experiment.degradations))
        if unknown := sorted(experiment.degradations[attack].needs - {"group"}):
            raise UserError(f"attack '{attack}' needs {' and '.join(unknown)}, which a folder of photos does not have")
    return Chosen(
        experiment,
        experiment.purifiers[purifier],
        experiment.detectors[detector],
        experiment.degradations[attack] if attack else None,
        keep_detail,
    )


def _with_weights(entry: AnyEntry) -> AnyEntry:
    return replace(entry, settings=with_files(entry.settings, METHODS[entry.family].get(entry.method).files))


def claim(output: Path, facts: dict[str, Any]) -> None:
    """Make the folder of the results, or take it over from an equal run, which may have been interrupted.

    Raises:
        UserError: if it holds anything else.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; choose a new folder")
    if (output / RUN).is_file():
        try:
            before = json.loads((output / RUN).read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        if other := [key for key, value in facts.items() if before.get(key, ...) != value]:
            raise UserError(f"{output}: holds results of other {', '.join(other)}; choose a new folder")
    elif output.exists() and any(output.iterdir()):
        raise UserError(f"{output}: holds other files; choose a new folder")
    with whole_file(output / RUN) as temporary:
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _run_stages(photos: Sequence[Photo], name: str, output: Path, chosen: Chosen) -> list[Step]:
    """Run the stages on the small images; write the maps; list what the sheet shows."""
    its, model, stages = chosen.experiment, chosen.experiment.text_to_image, output / "stages"
    # 1. The photos as a dataset of one group
    data = images = stages / "data"
    attacked = [bool(chosen.attack) and index < max(1, len(photos) // 2) for index in range(len(photos))]
    _write_data(photos, name, attacked, data, its.seed)
    steps = [Step("Original", None, output / "maps" / "original")]
    _detect(chosen, photos, data, data, steps[0].maps)
    # 2. Attacked, if that is asked for
    if chosen.attack:
        images = stages / "attacked"
        degrade_stage.run(chosen.attack.method, chosen.attack.settings, data, images, ALL, its.seed)
        label = its.entries.label("degradations", chosen.attack.name)
        steps.append(Step(label, output / "attacked", output / "maps" / "attacked", attacked))
        _detect(chosen, photos, data, images, steps[-1].maps)
    # 3. What they have in common, if the purifier asks for it
    concepts = stages / "concept" if chosen.purifier.reads_concept else None
    if concepts:
        concept_stage.run(its.concept, model, data, images, concepts, ALL, its.seed)
    # 4. Purified
    its_settings, purified = chosen.purifier.settings, stages / "purified"
    purify_stage.run(chosen.purifier.method, its_settings, model, data, images, concepts, purified, ALL, its.seed)
    label = its.entries.label("purifiers", chosen.purifier.name)
    steps.append(Step(label, output / "purified", output / "maps" / "purified"))
    _detect(chosen, photos, data, purified, steps[-1].maps)
    return steps


def _write_data(photos: Sequence[Photo], name: str, attacked: Sequence[bool], data: Path, seed: int) -> None:
    """Write the small images in the layout of a dataset's folder."""
    job = record.begin("data", data, seed=seed)
    label = shown(name) or "photos"
    slug, width = slugify(label), max(3, len(str(len(photos) - 1)))
    rows = []
    with whole_folder(data) as folder:
        (folder / "images" / slug).mkdir(parents=True)
        for index, photo in enumerate(photos):
            file = f"{index:0{width}d}_{safe_stem(photo.path)}.png"
            path = folder / "images" / slug / file
            write_image(path, photo.small)
            original = shown(photo.path.name)
            rows.append(("photos", label, slug, index, file, file_hash(path), attacked[index], original, False, 0))
        record.write(pd.DataFrame(rows, columns=list(COLUMNS)), folder / MANIFEST, job)


def _detect(chosen: Chosen, photos: Sequence[Photo], data: Path, images: Path, maps: Path) -> None:
    """Detect on small images, and write the maps at the photos' sizes."""
    found = data.parent / "maps" / maps.name
    detect_stage.run(chosen.detector.method, chosen.detector.settings, data, images, found, ALL)
    (group,) = read_groups(data)
    for photo, path in zip(photos, group.paths(found / "maps"), strict=True):
        write_picture(maps / as_png(photo.name), paste.map_at(path, photo.size))


def _write_photos(photos: Sequence[Photo], output: Path, chosen: Chosen) -> None:
    """Write attacked and purified photos at their own sizes, under their own names."""
    represent = None if chosen.keep_detail else paste.representation_of(chosen.purifier.settings)
    (group,) = read_groups(output / "stages" / "data")
    small = {kind: _small_images(output / "stages" / kind, group) for kind in ("attacked", "purified")}
    for index, photo in enumerate(tqdm(photos, desc="write photos", unit="photo")):
        purified = small["purified"][index]
        if group.attacked[index]:
            attacked = paste.transfer(read_picture(photo.path).pixels, photo.small, small["attacked"][index])
            write_picture(output / "attacked" / photo.name, attacked, photo.profile)
        if chosen.keep_detail:
            pixels = paste.transfer(read_picture(photo.path).pixels, photo.small, purified)
        else:
            pixels = paste.enlarge(purified, photo.size, represent)
        write_picture(output / "purified" / photo.name, pixels, photo.profile)


def _small_images(folder: Path, group: Group) -> list[Any]:
    """Read the small images that a stage wrote, if there are any."""
    return [read_pixels(path, "RGB") for path in group.paths(folder / "images") if path.is_file()]
