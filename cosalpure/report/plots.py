"""The plots of a run, drawn by matplotlib: one function a plot, for a PNG file and for the report page (`svg.inline`).

Colours are those of the page (`page.css`), which `svg.inline` replaces by the page's variables, so that plots on the page
follow its light and its dark colours. A dot carries a text that the page shows under the mouse.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform, offset_copy

from cosalpure.labels import Entries

COLOURS = {  # the variables of page.css: their values in light
    "--ink": "#1c1e21",
    "--soft": "#62676e",
    "--line": "#d9dce0",
    "--mark": "#c2255c",
    "--mark2": "#1864ab",
    "--mark3": "#2b8a3e",
}
INK, LINE = COLOURS["--ink"], COLOURS["--line"]
LINES = [COLOURS[name] for name in ("--mark2", "--mark", "--mark3", "--soft")]  # of the first, second, ... series
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # names from outside are text: a $ in them begins no formula
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "grid.color": LINE,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.5,
    "lines.markersize": 5,
    "lines.linewidth": 1.2,
}
WIDTH, NARROW = 8.4, 4.2  # inches, of a figure as a file, and of one that also fits a phone
MARKERS = "osD^"  # of the first, second, ... series
TIP = "tip:"  # before the text of a dot, in its id
LONGEST = 48  # characters of a name
HALVES = {"adv": "attacked images", "clean": "clean images"}
SPLITS = {"adv": (HALVES["adv"], COLOURS["--mark"]), "clean": (HALVES["clean"], COLOURS["--mark2"])}

Pair = tuple[float, float]
Interval = tuple[float, float, float]  # value, low, high; NaN where there is none


class SweepRow(Protocol):
    """A row of `sweep.COLUMNS`, as `itertuples` gives it."""

    detector: str
    split: str
    x: float
    sr: float
    low: float
    high: float


def sweep_rows(numbers: pd.DataFrame) -> list[SweepRow]:
    """List the rows of a sweep's numbers."""
    return [cast(SweepRow, row) for row in numbers.itertuples(index=False)]


@matplotlib.rc_context(STYLE)
def success_by_method(
    rows: Sequence[tuple[str, Mapping[str, Interval]]], series: Mapping[str, tuple[str, str]] = SPLITS
) -> Figure:
    """Draw two success rates of every method, a line each; by default that of its attacked and of its clean images.

    Args:
        rows: a method's name and its intervals by series; values lie in [0, 1].
        series: name and colour of each of the two.
    """
    figure = Figure(figsize=(NARROW, 0.75 + 0.44 * len(rows)), layout="constrained")
    panel = figure.subplots()
    for (key, (title, colour)), shift in zip(series.items(), (0.52, 0.76), strict=True):
        panel.plot([], [], "o", color=colour, label=printed(title))
        for place, (method, values) in enumerate(rows):
            value, low, high = values.get(key, (math.nan,) * 3)
            _bar(panel, (low, high), (place + shift,) * 2, colour)
            _dot(panel, value, place + shift, colour, f"{method}, {title}: {_interval(value, low, high)}")
    for place, (method, _) in enumerate(rows):
        panel.text(0, place + 0.22, printed(method), va="center")
    panel.set(xlim=(0, 1), ylim=(len(rows), -0.1), xticks=(0, 0.25, 0.5, 0.75, 1), yticks=[])
    _bare(panel, "x")
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, borderpad=0.2)
    return figure


@matplotlib.rc_context(STYLE)
def paired_differences(rows: Sequence[tuple[str, Mapping[str, Interval]]]) -> Figure:
    """Draw what every purifier changes with every detector, in points, with a line at 0: a forest plot.

    Args:
        rows: a purifier's name and its paired differences by detector; values lie in [-1, 1].
    """
    detectors = list(dict.fromkeys(name for _, values in rows for name in values))
    step = 1 / (len(detectors) + 1.4)  # of a purifier's height, which its name begins
    height = 0.75 + len(rows) * (0.26 + 0.13 * len(detectors))
    figure = Figure(figsize=(NARROW, height), layout="constrained")
    panel = figure.subplots()
    for number, detector in enumerate(detectors):
        colour, marker = LINES[number % len(LINES)], MARKERS[number % len(MARKERS)]
        panel.plot([], [], marker, color=colour, label=printed(detector))
        for place, (purifier, values) in enumerate(rows):
            value, low, high = (100 * its for its in values.get(detector, (math.nan,) * 3))
            y = place + (number + 1.4) * step
            _bar(panel, (low, high), (y, y), colour)
            bounds = "" if math.isnan(low) else f" [{low:+.1f}, {high:+.1f}]"
            _dot(panel, value, y, colour, f"{purifier}, {detector}: {value:+.1f}{bounds}", marker)
    for place, (purifier, _) in enumerate(rows):
        panel.text(0, place + 0.5 * step, printed(purifier), transform=panel.get_yaxis_transform(), va="center")
        panel.plot([0, 0], [place + step, place + 1], color=INK, linewidth=1, zorder=1)  # not through the name
    panel.set(ylim=(len(rows), -0.2), yticks=[], xlabel="points")
    _bare(panel, "x")
    columns = min(len(detectors), 3)
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0, borderpad=0.2)
    return figure


@matplotlib.rc_context(STYLE)
def time_against_robustness(points: Sequence[tuple[str, float, float]]) -> Figure:
    """Draw the success rate on the attacked images over the time of purification.

    Args:
        points: methods: name, seconds an image, success rate in [0, 1].
    """
    figure = Figure(figsize=(NARROW, 2.6 + 0.16 * len(points)), layout="constrained")
    panel = figure.subplots()
    longest = max([seconds for _, seconds, _ in points] + [1e-9]) * 1.1
    panel.set(xlim=(0, longest), ylim=(0, 1), yticks=(0, 0.25, 0.5, 0.75, 1))
    panel.set(xlabel="seconds an image", ylabel="success rate, attacked images")
    for number, (method, seconds, success) in enumerate(sorted(points, key=lambda point: point[1])):
        colour, marker = LINES[number % len(LINES)], MARKERS[number // len(LINES) % len(MARKERS)]
        panel.plot([], [], marker, color=colour, label=printed(method))
        _dot(panel, seconds, success, colour, f"{method}: {success:.3f} in {seconds:.3g} s", marker)
    figure.legend(loc="outside upper left", borderaxespad=0, borderpad=0.2)
    _bare(panel, "y")
    return figure


@matplotlib.rc_context(STYLE)
def success_by_setting(numbers: pd.DataFrame, axis: str, entries: Entries, stacked: bool = False) -> Figure:
    """Draw the success rate against a setting, a panel a half and a line a detector, dashed without any degradation.

    Args:
        numbers: rows of `sweep.COLUMNS`; a half without images has no panel.
        axis: what the setting is called.
        entries: labels of the detectors.
        stacked: whether the panels are below each other, as a phone needs them.
    """
    shown = [split for split in HALVES if numbers.loc[numbers["split"] == split, "images"].any()]
    labels = entries.labels("detectors", list(numbers["detector"].unique()))
    size = (NARROW, 2.8 * len(shown)) if stacked else (WIDTH, 3.2)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(*((len(shown), 1) if stacked else (1, len(shown))), sharey=True, squeeze=False)
    panels = grid.flatten()
    for panel, split in zip(panels, shown, strict=True):
        here = numbers[(numbers["split"] == split) & (numbers["images"] > 0)]
        for number, (detector, label) in enumerate(labels.items()):
            beside = 3 * (number - (len(labels) - 1) / 2)  # points; intervals at one value stand side by side
            shifted = offset_copy(panel.transData, figure, x=beside, units="points")
            _line(panel, here[here["detector"] == detector], LINES[number % len(LINES)], label, shifted)
        panel.set(xlabel=printed(axis), title=HALVES[split], ylim=(0, 1), yticks=(0, 0.25, 0.5, 0.75, 1))
        panel.set_xlim(left=min(0, here["x"].min()))
        _bare(panel, "y")
    panels[0].set_ylabel("success rate")
    panels[0].legend(title="dashed: no attack", title_fontsize="small", alignment="left", loc="best")
    return figure


def _line(panel: Axes, rows: pd.DataFrame, colour: str, name: str, shifted: Transform) -> None:
    """Draw one detector's line of `success_by_setting`, with its intervals and its rate without any degradation.

    Without rows there is but a name in the legend.
    """
    panel.plot(rows["x"], rows["sr"], "o-", color=colour, label=printed(name), transform=shifted)
    panel.plot(rows["x"], rows["sr_clean"], "--", linewidth=1, color=colour)
    for row in sweep_rows(rows):
        _bar(panel, (row.x,) * 2, (row.low, row.high), colour, transform=shifted)
        tip = f"{name}: {_interval(row.sr, row.low, row.high)}"
        _dot(panel, row.x, row.sr, colour, tip, transform=shifted)


def _bar(panel: Axes, x: Pair, y: Pair, colour: str, **more: Any) -> None:
    """Draw an interval, a thin line without ends; nothing where a number is missing."""
    if not any(map(math.isnan, (*x, *y))):
        panel.plot(x, y, color=colour, alpha=0.7, solid_capstyle="butt", **more)


def _dot(panel: Axes, x: float, y: float, colour: str, tip: str, marker: str = "o", **more: Any) -> None:
    """Draw a dot that says `tip` under the mouse; nothing where a number is missing."""
    if not math.isnan(x) and not math.isnan(y):
        panel.plot([x], [y], marker, color=colour, clip_on=False, gid=TIP + printed(tip, 200), **more)


def _bare(panel: Axes, axis: Any) -> None:
    """Leave of a panel's frame the lines across `axis`, "x" or "y"."""
    panel.grid(axis=axis)
    panel.tick_params(length=0)
    (panel.xaxis if axis == "x" else panel.yaxis).set_major_formatter("{x:g}")  # shares: 0, 0.25, ...
    panel.spines["left"].set_visible(axis == "y")
    panel.spines["bottom"].set_visible(axis == "y")


def _interval(value: float, low: float, high: float) -> str:
    """Write a value with its interval, if it has one."""
    return f"{value:.3f}" + ("" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]")


def printed(text: str, longest: int = LONGEST) -> str:
    """Make a name from outside fit to be drawn: one line, not too long, no character that XML forbids."""
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
