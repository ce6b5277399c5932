"""The success rate against one setting of the attack: a line a detector, on the attacked images and on the others.

Bars are intervals by bootstrap over groups, dashed lines the same images without any degradation. The numbers of the
figure stand in a CSV file beside it.
"""

from pathlib import Path

import pandas as pd

from cosalpure.errors import UserError
from cosalpure.io import whole_file
from cosalpure.tables.build import cell, in_split, read_scores

PANELS = {"adv": "attacked images", "clean": "the other images of their groups"}
COLUMNS = ("detector", "split", "dataset", "degradation", "x", "sr", "low", "high", "images", "sr_clean")


def draw(files, points, axis, settings, output, seed, entries):
    """Writes the PNG file `output` and its CSV; `points` are "DATASET/DEGRADATION=VALUE", `settings` a `Statistics`."""
    numbers = sweep_numbers(read_scores(files), list(map(parse, points)), settings, seed, entries)
    with whole_file(Path(output).with_suffix(".csv")) as path:
        numbers.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    with whole_file(output) as path:
        figure(numbers, axis, entries).savefig(path, format="png", dpi=120, metadata={"Software": None})


def parse(point):
    """ "mini/jadena=16" -> ("mini", "jadena", 16.0)."""
    pair, _, value = point.rpartition("=")
    dataset, _, degradation = pair.partition("/")
    try:
        x = float(value)
    except ValueError:
        x = None
    if x is None or not degradation:
        raise UserError(f"--points: expected DATASET/DEGRADATION=VALUE such as mini/jadena=16, found '{point}'")
    return dataset, degradation, x


def sweep_numbers(scores, points, settings, seed, entries):
    """A row a detector, split and point: success rate, interval, and the rate of the same images left alone."""
    options = {"seed": seed, "samples": settings.samples, "level": settings.level}
    roles = scores["degradation"].map(lambda name: entries.role("degradations", name))
    rows = []
    for detector in scores["detector"].unique():
        for split in PANELS:
            for dataset, degradation, x in points:
                here = scores[(scores["dataset"] == dataset) & (scores["detector"] == detector)]
                its, clean = here[here["degradation"] == degradation], here[roles[here.index] == "reference"]
                key = (dataset, degradation, *its["purifier"].unique()[:1], detector)
                value, low, high, _, done, *_ = cell(its, key, "sr", split, 0, **options)
                reference = clean["success"][in_split(clean, split)].mean()
                rows.append((detector, split, dataset, degradation, x, value, low, high, done, reference))
    return pd.DataFrame(rows, columns=COLUMNS)


def figure(numbers, axis, entries):
    """The matplotlib figure of `sweep_numbers`; a split without images has no panel."""
    from matplotlib.figure import Figure

    shown = [split for split in PANELS if numbers[numbers["split"] == split]["images"].any()]
    labels = entries.labels("detectors", list(numbers["detector"].unique()))
    sheet = Figure(figsize=(4.6 * len(shown), 3.6), layout="constrained")
    panels = sheet.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for panel, split in zip(panels, shown, strict=True):
        for number, (detector, rows) in enumerate(numbers[numbers["split"] == split].groupby("detector", sort=False)):
            rows, color = rows[rows["images"] > 0], f"C{number}"
            bars = [(rows["sr"] - rows["low"]).clip(lower=0), (rows["high"] - rows["sr"]).clip(lower=0)]
            panel.errorbar(rows["x"], rows["sr"], bars, marker="o", capsize=3, color=color, label=labels[detector])
            panel.plot(rows["x"], rows["sr_clean"], linestyle="--", linewidth=1, color=color)
        panel.set(xlabel=axis, title=PANELS[split], ylim=(0, 1))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("success rate (IoU > .5)")
    panels[0].legend(title="dashed: no attack", fontsize="small", title_fontsize="small")
    return sheet
