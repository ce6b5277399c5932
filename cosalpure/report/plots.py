"""The report page's plots, as SVG that follows the page's colours."""

import math
from html import escape

LEFT, PLOT, ROW, GAP = 250, 560, 14, 10  # px
LINES = ("var(--mark2)", "var(--mark)", "var(--mark3)", "var(--soft)")  # of the first, second, ... series
HALVES = {"adv": ("var(--mark)", "attacked half"), "clean": ("var(--mark2)", "clean half")}


def success_by_method(rows):
    """SVG: a line a method and half. `rows`: [(method, {"adv": (value, low, high), "clean": ...}), ...]."""
    height = 40 + len(rows) * (2 * ROW + GAP)
    parts = [_axis(height)]
    for i, (color, title) in enumerate(HALVES.values()):
        x = LEFT + i * 140
        parts.append(f'<circle cx="{x}" cy="10" r="4" fill="{color}"/><text x="{x + 9}" y="14">{title}</text>')
    for i, (method, values) in enumerate(rows):
        top = 30 + i * (2 * ROW + GAP)
        parts.append(f'<text x="{LEFT - 10}" y="{top + ROW + 4}" text-anchor="end">{escape(method)}</text>')
        for j, (half, (color, _)) in enumerate(HALVES.items()):
            if half in values and not math.isnan(values[half][0]):
                parts.append(_interval(top + ROW // 2 + j * ROW, color, *values[half]))
    return _svg(height, parts, "Success rate by method, attacked and clean half, with intervals")


def time_against_robustness(points):
    """SVG: success on the attacked half over seconds an image. `points`: [(method, seconds, success), ...]."""
    height, longest = 260, max([seconds for _, seconds, _ in points] + [1e-9]) * 1.1
    parts = _grid(height, longest, "seconds an image")
    parts.append('<text x="0" y="14">success, attacked half</text>')
    for i, (method, seconds, success) in enumerate(sorted(points, key=lambda point: point[1])):
        x, y = _place(height, longest, seconds, success)
        anchor = "end" if x > (LEFT + PLOT) * 0.7 else "start"
        shift = -8 if anchor == "end" else 8
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--mark2)"><title>{escape(method)}</title></circle>'
        )
        parts.append(
            f'<text x="{x + shift:.1f}" y="{y + (-8, 16)[i % 2]:.1f}" text-anchor="{anchor}">{escape(method)}</text>'
        )
    return _svg(height, parts, "Success rate on the attacked half against the time of purification")


def success_by_setting(series, axis, title):
    """SVG: success against a setting, a line a series, dashed without any degradation.

    `series`: [(name, [(x, value, low, high, value without), ...]), ...], x not negative, the others in [0, 1].
    """
    height, longest = 280, max([point[0] for _, points in series for point in points] + [1e-9]) * 1.02
    parts = _grid(height, longest, escape(axis))
    for i, (name, points) in enumerate(series):
        color, shift = LINES[i % len(LINES)], 3 * (i - (len(series) - 1) / 2)  # bars of several lines side by side
        line, clean = ([(*_place(height, longest, point[0], point[k]),) for point in points] for k in (1, 4))
        line = [(x + shift, y) for x, y in line]
        parts.append(_path(line, color) + _path(clean, color, ' stroke-dasharray="5 4"'))
        for (x, y), (_, value, low, high, _) in zip(line, points, strict=True):
            y1, y2 = (_place(height, longest, 0, end)[1] for end in (low, high))
            if not math.isnan(low):
                parts.append(f'<line x1="{x:.1f}" y1="{y1:.1f}" x2="{x:.1f}" y2="{y2:.1f}" stroke="{color}"/>')
            text = f"<title>{escape(name)}: {value:.3f}</title>"
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}">{text}</circle>')
        x = 70 + i * 180
        parts.append(f'<circle cx="{x}" cy="10" r="4" fill="{color}"/><text x="{x + 9}" y="14">{escape(name)}</text>')
    return _svg(height, parts, escape(title, quote=True))


def _path(points, color, more=""):
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke="{color}"{more}/>'


def _place(height, longest, x, share):
    """Where (x, share) lies in the frame that `_grid` draws: x from 0 to `longest`, share from 0 to 1."""
    return 60 + x / longest * (LEFT + PLOT - 60), height - 40 - share * (height - 70)


def _grid(height, longest, axis):
    """Lines and numbers of a frame; `axis`, already escaped, is the title of its x axis."""
    parts = [f'<text x="{LEFT + PLOT}" y="{height - 8}" text-anchor="end">{axis}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _place(height, longest, 0, share)[1]
        parts.append(f'<line x1="60" y1="{y:.0f}" x2="{LEFT + PLOT}" y2="{y:.0f}" stroke="var(--line)"/>')
        parts.append(f'<text x="52" y="{y + 4:.0f}" text-anchor="end">{share:g}</text>')
    for value in ticks(longest):
        x = _place(height, longest, value, 0)[0]
        parts.append(f'<text x="{x:.0f}" y="{height - 24}" text-anchor="middle">{value:g}</text>')
    return parts


def ticks(longest):
    """Four to ten round numbers from 0 to `longest` (> 0), evenly spaced."""
    power = 10.0 ** math.floor(math.log10(longest))
    step = next(step for step in (power / 10, power / 5, power / 4, power / 2, power, 2 * power) if longest / step < 10)
    return [round(i * step, 12) for i in range(math.floor(longest / step + 1e-9) + 1)]


def _interval(y, color, value, low, high):
    """A dot at `value` on a line from `low` to `high`; all in [0, 1]."""
    x, x1, x2 = (LEFT + PLOT * number for number in (value, low, high))
    line = "" if math.isnan(low) else f'<line x1="{x1:.1f}" y1="{y}" x2="{x2:.1f}" y2="{y}" stroke="{color}"/>'
    return f'{line}<circle cx="{x:.1f}" cy="{y}" r="4" fill="{color}"><title>{value:.3f}</title></circle>'


def _axis(height):
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = LEFT + PLOT * share
        parts.append(f'<line x1="{x:.0f}" y1="24" x2="{x:.0f}" y2="{height - 16}" stroke="var(--line)"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 2}" text-anchor="middle">{share:g}</text>')
    return "".join(parts)


def _svg(height, parts, title):
    """The whole; on a narrow screen it keeps a size at which it can be read, in a box that scrolls by itself."""
    svg = f'<svg viewBox="0 0 {LEFT + PLOT + 30} {height}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
    return f'<div class="wide" tabindex="0" role="group" aria-label="{title}">{svg}</div>'
