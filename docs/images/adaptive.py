"""Draw the success rate against the bound of the noise: python docs/images/adaptive.py

The numbers are those of docs/results/adaptive.md: the full gradient at each bound, and no attack at the bound 0.
"""

import csv
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from cosalpure.report.plots import INK, LINE, LINES, MARKERS, STYLE, WIDTH

DATA = Path(__file__).parents[1] / "results/data/mini"
BOUNDS = (0, 4, 8, 16)  # of 255
APART = 0.12  # of 255: intervals at one bound stand side by side
COLOURS = (INK, *LINES)


@matplotlib.rc_context(STYLE)
def draw(data: Path, output: Path) -> None:
    """Write the picture of the tables in the folder `data` to the PNG file `output`."""
    clean = {(row["detector"], row["purifier"]): row for row in read(data / "table5.csv")}
    rows = read(data / "table5-epsilon.csv")
    detectors, purifiers = (list(dict.fromkeys(row[key] for row in rows)) for key in ("detector", "purifier"))
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(1, len(detectors), sharey=True, squeeze=False)[0]
    for row in rows:
        number = purifiers.index(row["purifier"])
        columns = [
            (clean[row["detector"], row["purifier"]], "no attack"),
            *((row, f"{bound}/255") for bound in BOUNDS[1:]),
        ]
        values, low, high = ([float(its[name + part]) for its, name in columns] for part in ("", " low", " high"))
        x = [bound + APART * (number - (len(purifiers) - 1) / 2) for bound in BOUNDS]
        panel, colour = panels[detectors.index(row["detector"])], COLOURS[number % len(COLOURS)]
        panel.vlines(x, low, high, color=colour, linewidth=1, alpha=0.6)
        panel.plot(x, values, MARKERS[number % len(MARKERS)] + "-", color=colour, label=row["purifier"])
    for panel, detector in zip(panels, detectors, strict=True):
        panel.set(title=detector, xticks=BOUNDS, ylim=(0, 1))
        panel.grid(axis="y", color=LINE)
    figure.supxlabel("bound of the noise, of 255", fontsize="medium")
    panels[0].set_ylabel("success rate on attacked images")
    named = {text: line for panel in panels for line, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named, loc="outside upper left", ncols=3)
    figure.savefig(output, dpi=150)


def read(path: Path) -> list[dict[str, str]]:
    """Read the rows below the first line, which says what made the file."""
    with path.open(newline="") as file:
        file.readline()
        return list(csv.DictReader(file))


if __name__ == "__main__":
    draw(DATA, Path(__file__).with_name("adaptive.png"))
