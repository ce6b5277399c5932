"""The plots of the page: what is drawn, names from outside as text, and SVG that fits into a page."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from cosalpure.labels import Entries
from cosalpure.report import plots, svg, sweep

NAN = math.nan
HOSTILE = '<img src=x onerror="document.title=1"> $\\x$'
METHODS = [
    ("Source-Only", {"adv": (0.25, 0.125, 0.5), "clean": (1.0, 1.0, 1.0)}),
    (HOSTILE, {"adv": (0.5, NAN, NAN), "clean": (NAN, NAN, NAN)}),
]


def dots(figure):
    """The texts of a figure's dots, in order."""
    lines = [line for panel in figure.axes for line in panel.lines]
    return [line.get_gid().removeprefix(plots.TIP) for line in lines if line.get_gid()]


def test_colours_are_those_of_the_page_in_light():
    style = Path(plots.__file__).with_name("page.css").read_text()
    light = dict(re.findall(r"(--\w+): (#[0-9a-f]+);", style.partition("@media")[0]))
    assert {name: light[name] for name in plots.COLOURS} == plots.COLOURS


def test_every_method_has_a_dot_and_an_interval_a_half_where_they_are_known():
    figure = plots.success_by_method(METHODS)
    assert dots(figure) == [
        "Source-Only, attacked images: 0.250 [0.12, 0.50]",
        f"{HOSTILE}, attacked images: 0.500",
        "Source-Only, clean images: 1.000 [1.00, 1.00]",
    ]
    bars = [tuple(line.get_xdata()) for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert bars == [(0.125, 0.5), (1.0, 1.0)]


def test_two_series_of_any_name_can_be_drawn():
    series = {"before": ("unchanged images", plots.INK), "after": ("Jadena", plots.LINE)}
    figure = plots.success_by_method([("GICD (VGG16)", {"before": (0.75, NAN, NAN), "after": (0.5, NAN, NAN)})], series)
    assert dots(figure) == ["GICD (VGG16), unchanged images: 0.750", "GICD (VGG16), Jadena: 0.500"]


def test_names_from_outside_stay_text():
    figure = plots.success_by_method(METHODS)
    text = svg.inline(figure, HOSTILE)
    assert "<img" not in text and '&lt;img src=x onerror="document.title=1"&gt; $\\x$</text>' in text
    assert 'aria-label="&lt;img src=x onerror=&quot;document.title=1&quot;&gt; $\\x$"' in text


def test_a_long_or_unprintable_name_is_cut_and_cleaned():
    assert plots.printed("a\x00b\nc") == "a�b�c"
    assert plots.printed("x" * 48) == "x" * 48 and plots.printed("x" * 49) == "x" * 47 + "…"
    text = svg.inline(plots.time_against_robustness([("y\x00" * 500, 1.0, 0.5)]), "title")
    assert len(text) < 10_000


def test_the_same_plot_is_the_same_svg_without_anything_of_its_making():
    one, two = (svg.inline(plots.success_by_method(METHODS), "title") for _ in range(2))
    assert one == two
    assert not re.search(r"<style|metadata|font-family|#[0-9a-f]{6}|http|Matplotlib", one)
    assert "var(--mark)" in one and "var(--ink)" in one


def test_plots_of_one_page_share_no_id_and_refer_to_their_own():
    ids = []
    for title in ("one", "two"):
        text = svg.inline(plots.success_by_method(METHODS), title)
        found = re.findall(r' id="([^"]+)"', text)
        assert set(re.findall(r"#([\w-]+)", text)) == set(found) and found
        ids += found
    assert len(ids) == len(set(ids))


def test_a_sweep_is_the_same_figure_on_the_page_and_as_a_file():
    rows = [
        ("gicd", "adv", "mini", "weak", 4.0, 0.75, 0.5, 1.0, 6, 0.9),
        ("gicd", "adv", "mini", "strong", 16.0, 0.25, NAN, NAN, 6, 0.9),
        ("gicd", "clean", "mini", "weak", 4.0, NAN, NAN, NAN, 0, NAN),
    ]
    figure = plots.success_by_setting(pd.DataFrame(rows, columns=sweep.COLUMNS), "bound", Entries())
    (panel,) = figure.axes
    assert dots(figure) == ["GICD: 0.750 [0.50, 1.00]", "GICD: 0.250"]
    assert [line.get_linestyle() for line in panel.lines].count("--") == 1
    assert panel.get_xlabel() == "bound" and panel.get_xlim()[0] == 0


def test_a_detector_has_one_colour_in_both_panels():
    rows = [
        ("one", "adv", "mini", "weak", 4.0, NAN, NAN, NAN, 0, NAN),
        ("two", "adv", "mini", "weak", 4.0, 0.5, NAN, NAN, 6, 0.9),
        ("one", "clean", "mini", "weak", 4.0, 0.75, NAN, NAN, 6, 0.9),
        ("two", "clean", "mini", "weak", 4.0, 0.25, NAN, NAN, 6, 0.9),
    ]
    figure = plots.success_by_setting(pd.DataFrame(rows, columns=sweep.COLUMNS), "bound", Entries())
    colours = [{line.get_gid(): line.get_color() for line in panel.lines if line.get_gid()} for panel in figure.axes]
    assert colours[0] == {"tip:two: 0.500": plots.LINES[1]}
    assert colours[1] == {"tip:one: 0.750": plots.LINES[0], "tip:two: 0.250": plots.LINES[1]}
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["one", "two"]


@pytest.mark.parametrize("longest", [16.0, 1.0, 0.45, 9.0, 750.0, 0.0031])
def test_times_have_round_numbers_evenly_spaced(longest):
    panel = plots.time_against_robustness([("a", longest / 2, 0.5), ("b", longest, 0.25)]).axes[0]
    places = [place for place in panel.get_xticks() if 0 <= place <= panel.get_xlim()[1]]
    steps = [after - before for before, after in zip(places, places[1:], strict=False)]
    assert places[0] == 0 and 4 <= len(places) <= 11
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert f"{steps[0]:.0e}"[0] in "125" or f"{steps[0]:.1e}".startswith("2.5")


def test_paired_differences_are_in_points_around_a_line_at_zero():
    rows = [("JPEG", {"A": (0.0625, -0.02, 0.15), "B": (-0.03, NAN, NAN)}), (HOSTILE, {"B": (0.0, 0.0, 0.0)})]
    figure = plots.paired_differences(rows)
    assert dots(figure) == ["JPEG, A: +6.2 [-2.0, +15.0]", "JPEG, B: -3.0", f"{HOSTILE}, B: +0.0 [+0.0, +0.0]"]
    (panel,) = figure.axes
    zero = [line for line in panel.lines if list(line.get_xdata()) == [0, 0] and line.get_color() == plots.INK]
    assert len(zero) == 2, "a piece a purifier"
    low, high = panel.get_xlim()
    assert low < -2 and high > 15
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["A", "B"]
