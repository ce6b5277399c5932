"""The report page's plots, as SVG that follows the page's colours."""

import math
from html import escape

LEFT, PLOT, ROW, GAP = 250, 560, 14, 10  # px
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
    parts = [f'<line x1="60" y1="{height - 40}" x2="{LEFT + PLOT}" y2="{height - 40}" stroke="var(--line)"/>']
    parts.append(f'<text x="{LEFT + PLOT}" y="{height - 8}" text-anchor="end">seconds an image</text>')
    parts.append('<text x="0" y="14">success, attacked half</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = height - 40 - share * (height - 70)
        parts.append(f'<line x1="60" y1="{y:.0f}" x2="{LEFT + PLOT}" y2="{y:.0f}" stroke="var(--line)"/>')
        parts.append(f'<text x="52" y="{y + 4:.0f}" text-anchor="end">{share:g}</text>')
        x = 60 + share * (LEFT + PLOT - 60)
        parts.append(f'<text x="{x:.0f}" y="{height - 24}" text-anchor="middle">{share * longest:.2g}</text>')
    for i, (method, seconds, success) in enumerate(sorted(points, key=lambda point: point[1])):
        x, y = 60 + seconds / longest * (LEFT + PLOT - 60), height - 40 - success * (height - 70)
        anchor = "end" if x > (LEFT + PLOT) * 0.7 else "start"
        shift = -8 if anchor == "end" else 8
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--mark2)"><title>{escape(method)}</title></circle>'
        )
        parts.append(
            f'<text x="{x + shift:.1f}" y="{y + (-8, 16)[i % 2]:.1f}" text-anchor="{anchor}">{escape(method)}</text>'
        )
    return _svg(height, parts, "Success rate on the attacked half against the time of purification")


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
    width = LEFT + PLOT + 30
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
