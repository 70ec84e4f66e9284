"""Panels as one SVG: each is drawn from what Prometheus answered to its queries, and from nothing else."""

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.dashboard import Panel
from testbed.prometheus import Series

COLUMN, ROW, GAP = 50, 30, 8
"""Pixels of a unit of Grafana's grid, which has 24 columns."""
COLOURS = ("#2f6f9f", "#c8553d", "#3a7d44", "#b08900", "#6a4c93", "#1b998b", "#8d5a3a", "#d1495b", "#5c6b73", "#e07a5f")
TEXT = 'font-family="DejaVu Sans, Verdana, sans-serif"'
MOST_LEGEND = 6


@dataclass(frozen=True)
class Answer:
    """What a query gave: over time for a graph, now for the other panels."""

    legend: str
    series: Sequence[Series]


def draw(panels: Sequence[Panel], answers: Mapping[str, Sequence[Answer]], caption: str) -> str:
    """The dashboard as SVG; `answers` are by the title of the panel."""
    height = max(panel.y + panel.height for panel in panels) * ROW + 60
    width = 24 * COLUMN
    parts = [
        f'<rect width="{width}" height="{height}" fill="#f4f5f5"/>',
        _text(GAP, 24, "Adobe IMS operator", 17, bold=True),
    ]
    parts.append(_text(GAP, height - 10, caption, 11, "#555"))
    for panel in panels:
        x, y = panel.x * COLUMN, panel.y * ROW + 34
        if panel.kind == "row":
            parts.append(_text(x + GAP, y + 20, panel.title, 13, bold=True))
            continue
        parts.append(_panel(panel, answers[panel.title], x + GAP / 2, y + GAP / 2))
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {TEXT}>'
    return "\n".join([head, *parts, "</svg>", ""])


def _panel(panel: Panel, answers: Sequence[Answer], x: float, y: float) -> str:
    width, height = panel.width * COLUMN - GAP, panel.height * ROW - GAP
    inside = {"stat": _stat, "table": _table, "timeseries": _graph}[panel.kind](panel, answers, width, height)
    frame = f'<rect width="{width}" height="{height}" fill="#fff" stroke="#dcdcdc"/>'
    title = _text(8, 18, _cut(panel.title, width), 12, bold=True)
    return f'<g transform="translate({x:.0f} {y:.0f})">{frame}{title}{inside}</g>'


def _stat(panel: Panel, answers: Sequence[Answer], width: float, height: float) -> str:
    values = [(_named(answer.legend, labels), values[-1][1]) for answer in answers for labels, values in answer.series]
    step = width / max(len(values), 1)
    parts = []
    for number, (name, value) in enumerate(values):
        middle = step * (number + 0.5)
        parts.append(_text(middle, height - 36, _value(value, panel.unit), 30, anchor="middle"))
        parts.append(_text(middle, height - 12, name, 11, "#555", anchor="middle"))
    return "".join(parts)


def _table(panel: Panel, answers: Sequence[Answer], width: float, height: float) -> str:
    parts = []
    fits = int((height - 34) // 18)
    for number, (labels, values) in enumerate(answers[0].series[:fits]):
        line = 40 + number * 18
        name = f"{labels.get('namespace', '')}/{labels.get('name', '')}"
        right = labels.get("reason") or _value(values[-1][1], panel.unit)
        parts.append(_text(8, line, _cut(name, width * 0.62), 11))
        parts.append(_text(width - 8, line, right, 11, anchor="end"))
    return "".join(parts)


def _graph(panel: Panel, answers: Sequence[Answer], width: float, height: float) -> str:
    lines = [(_named(answer.legend, labels), values) for answer in answers for labels, values in answer.series]
    points = [point for _, values in lines for point in values if not math.isnan(point[1])]
    if not points:
        return ""
    lines.sort(key=lambda line: -max((value for _, value in line[1]), default=0))
    legend = min(len(lines), MOST_LEGEND)
    left, top, bottom = 54.0, 30.0, height - 24 - 14 * legend
    first, last = min(point[0] for point in points), max(point[0] for point in points)
    most = max(1e-9, *(point[1] for point in points))
    parts = []
    for share in (0.0, 0.5, 1.0):
        level = bottom - (bottom - top) * share
        parts.append(f'<path d="M{left} {level:.1f}H{width - 8}" stroke="#e6e6e6"/>')
        parts.append(_text(left - 5, level + 4, _value(most * share, panel.unit), 10, "#555", anchor="end"))
    seconds = last - first
    parts.append(_text(left, bottom + 13, f"-{seconds:.0f} s", 10, "#555"))
    parts.append(_text(width - 8, bottom + 13, "now", 10, "#555", anchor="end"))
    for number, (name, values) in reversed(list(enumerate(lines))):
        colour = COLOURS[number % len(COLOURS)]
        across, up = (width - 8 - left) / max(seconds, 1e-9), (bottom - top) / most
        path = _path([(left + (when - first) * across, bottom - value * up) for when, value in values])
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if number < legend:
            line = bottom + 28 + 14 * number
            more = f" (and {len(lines) - legend} more)" if number == legend - 1 and len(lines) > legend else ""
            parts.append(f'<rect x="8" y="{line - 8:.0f}" width="9" height="9" fill="{colour}"/>')
            parts.append(_text(22, line, _cut(name, width - 30 - 6 * len(more)) + more, 10, "#333"))
    return "".join(parts)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Lines from point to point, with a gap where there is no value."""
    steps, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        steps.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(steps)


def _named(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


def _value(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        return f"{value:.0f} s" if abs(value) >= 10 else f"{value * 1000:.0f} ms"
    if unit in ("reqps", "ops"):
        return f"{value:.2g}/s"
    return f"{value:.3g}"


def _cut(text: str, width: float) -> str:
    fits = max(int(width / 7), 4)
    return text if len(text) <= fits else f"{text[: fits - 1]}…"


def _text(
    x: float, y: float, text: str, size: int, colour: str = "#222", *, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}"{place}{weight}>{html.escape(text)}</text>'
