"""The overview figure: one group as it came and as each purifier leaves it, each with its co-saliency maps.

The group is chosen by a rule, never by hand: the one whose gain in IoU on its attacked images (on all of them, where none
is attacked), last purifier over first, is the median of all groups (of two, the lower one). Without ground truth it is the
first one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cosalpure.data import Group, read_groups, read_manifest
from cosalpure.experiment.layout import Layout
from cosalpure.io import read_pixels
from cosalpure.labels import Entries
from cosalpure.report.sheet import Row, draw_sheet, open_picture
from cosalpure.score import score_map

COLUMNS = 10  # images of a long group that are shown
MAPS = "    co-saliency maps"


def draw(
    results: str | Path,
    dataset: str,
    degradation: str,
    detector: str,
    purifiers: Sequence[str],
    output: str | Path,
    entries: Entries,
) -> None:
    """Write the figure of a condition to the PNG file `output`; a pair of rows a purifier."""
    layout, titles = Layout(str(results)), entries.labels("purifiers", list(purifiers))
    scored = read_manifest(layout.stage("data", dataset)).truth.all()
    if scored:
        group, note = median_group(layout, dataset, degradation, detector, titles)
    else:
        group = read_groups(layout.stage("data", dataset))[0]
        note = "the first group: there is no ground truth to choose by"
    places = [("Ground truth", layout.masks(dataset)) if scored else ("As it came", layout.images("data", dataset))]
    files = group.files[:COLUMNS]
    for purifier, title in titles.items():
        places.append((title, layout.images("purify", dataset, degradation, purifier)))
        places.append((MAPS, layout.maps(dataset, degradation, purifier, detector)))
    attacked = group.attacked[:COLUMNS]
    rows = [
        Row(title, [open_picture(folder / group.slug / file) for file in files], attacked) for title, folder in places
    ]
    its = entries.label("degradations", degradation)
    heading = f"{group.name}: {dataset}, {its}, maps of {entries.label('detectors', detector)}"
    draw_sheet(output, heading, f"{note}; attacked images framed in red", rows)


def median_group(
    layout: Layout, dataset: str, degradation: str, detector: str, purifiers: Mapping[str, str]
) -> tuple[Group, str]:
    """Choose the group by the rule above, and say why; IoU as the official evaluation computes it.

    `purifiers` maps names to labels.
    """
    groups, names = read_groups(layout.stage("data", dataset)), list(purifiers)
    any_attacked, gains = any(any(group.attacked) for group in groups), []
    for group in groups:
        chosen = group.attacked if any_attacked else (True,) * len(group.files)
        truths = group.paths(layout.masks(dataset))
        ends = (layout.maps(dataset, degradation, purifier, detector) for purifier in (names[0], names[-1]))
        first, last = (_mean_iou(chosen, group.paths(maps), truths) for maps in ends)
        if first is not None and last is not None:
            gains.append((last - first, group.slug, group))
    gain, _, group = sorted(gains)[(len(gains) - 1) // 2]
    gained = f"{purifiers[names[-1]]} over {purifiers[names[0]]}: {round(gain, 2) + 0.0:+.2f} IoU"
    of = "attacked images" if any_attacked else "no image is attacked"
    return group, f"group with the median gain, {gained}, {of}"


def _mean_iou(chosen: Sequence[bool], maps: Sequence[Path], truths: Sequence[Path]) -> float | None:
    """Average the IoU of a group's chosen images; None if there are none."""
    rows = zip(maps, truths, chosen, strict=True)
    values: list[float] = [
        score_map(read_pixels(m, "L"), read_pixels(t, "L"))["iou"] for m, t, wanted in rows if wanted
    ]
    return sum(values) / len(values) if values else None
