"""Pictures of the word delays and of the growth of costs, written as SVG by hand."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Row = dict[str, Any]

WIDTH, LABEL, BAR, GAP, GROUP_GAP = 860, 240, 13, 3, 16
PLOT = WIDTH - LABEL - 90
COLOURS = {"moonthread": "#3b5bdb", "1 s loop": "#adb5bd", "edit per 20 chunks": "#dee2e6"}
INK, QUIET, MARK = "#212529", "#868e96", "#e8590c"


def svg(rows: Sequence[Row]) -> str:
    """Return bars of the mean word delay for each scenario and bot, with the optimum as a mark."""
    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    parts: list[str] = []
    y = 74
    for scenario in scenarios:
        group = [row for row in rows if row["scenario"] == scenario]
        parts += _group(scenario, group, y)
        y += len(group) * (BAR + GAP) + GROUP_GAP
    height = y + 30
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" role="img" '
        'aria-label="Mean word delay of Moonthread and of two plain bots">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(16, 26, "Mean delay of a word: from Kimi to the screen", size=16, weight="600"),
            *_legend(16, 48),
            *parts,
            _text(
                16,
                height - 12,
                "Own scale each. Strict stand-ins, real time. Slack's optimum: for our share of its window.",
                fill=QUIET,
            ),
            "</svg>",
            "",
        ]
    )


def growth_svg(curves: Mapping[str, Row]) -> str:
    """Return a plot of each curve: cost against work, both logarithmic, with a line of what were linear."""
    side, margin = 220, 60
    width = len(curves) * (side + margin) + margin
    parts = []
    for number, (name, curve) in enumerate(curves.items()):
        parts += _curve(name, curve, x=margin + number * (side + margin), y=50, side=side)
    height = side + 130
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    look = 'font-family="system-ui, sans-serif" role="img" aria-label="Cost against work, with exponents"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            _text(16, 26, "Cost against work, logarithmic; dashed: linear", size=16, weight="600"),
            *parts,
            "</svg>",
            "",
        ]
    )


def _curve(name: str, curve: Row, *, x: float, y: float, side: float) -> list[str]:
    points = [(math.log10(size), math.log10(cost)) for size, cost in curve["points"]]
    (left, low), right = points[0], points[-1][0]
    lowest = min(low, *(cost for _, cost in points))
    span = right - left

    def place(size: float, cost: float) -> str:
        return f"{x + side * (size - left) / span:.1f},{y + side - side * (cost - lowest) / span:.1f}"

    drawn = " ".join(place(*point) for point in points)
    labels = [
        _text(x, y + side + 18, f"{curve['points'][0][0]:,}", fill=QUIET),
        _text(x + side, y + side + 18, f"{curve['points'][-1][0]:,}", fill=QUIET, anchor="end"),
        _text(x, y + side + 36, f"{name}: exponent {curve['exponent']:.2f}", weight="600"),
        _text(x, y + side + 52, f"{curve['cost']}", fill=QUIET),
        _text(x, y + side + 68, f"by {curve['size']}", fill=QUIET),
    ]
    dots = [
        f'<circle cx="{at.split(",")[0]}" cy="{at.split(",")[1]}" r="3" fill="{COLOURS["moonthread"]}"/>'
        for at in drawn.split()
    ]
    linear = f"{place(left, low)} {place(right, low + span)}"
    return [
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" stroke="#dee2e6"/>',
        f'<polyline points="{linear}" fill="none" stroke="{MARK}" stroke-dasharray="4 4"/>',
        f'<polyline points="{drawn}" fill="none" stroke="{COLOURS["moonthread"]}" stroke-width="2"/>',
        *dots,
        *labels,
    ]


def _group(scenario: str, rows: Sequence[Row], y: float) -> list[str]:
    most = max(max(row["mean_s"] for row in rows), *(row["optimum_s"] for row in rows))
    parts = [_text(16, y + BAR - 3, scenario, weight="600")]
    for index, row in enumerate(rows):
        top = y + index * (BAR + GAP)
        width = max(1.0, PLOT * row["mean_s"] / most)
        told = f"{row['mean_s']:.2f} s"
        if row["bot"] == "moonthread":
            told += f" = {row['ratio']:.2f} × optimum"
        notes = [f"{row['refused']} × 429"] if row["refused"] else []
        notes += [] if row["complete"] else ["not whole"]
        told += "".join(f", {note}" for note in notes)
        colour = COLOURS.get(row["bot"], QUIET)
        parts.append(
            f'<rect x="{LABEL}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
        )
        inside = width > PLOT * 0.6
        parts.append(
            _text(
                LABEL + (width - 6 if inside else width + 6),
                top + BAR - 3,
                told,
                fill="#ffffff" if inside and row["bot"] == "moonthread" else INK,
                anchor="end" if inside else "start",
            )
        )
    mark = LABEL + PLOT * rows[0]["optimum_s"] / most
    bottom = y + len(rows) * (BAR + GAP) - GAP
    place = f'x1="{mark:.1f}" x2="{mark:.1f}" y1="{y - 3}" y2="{bottom + 3}"'
    parts.append(f'<line {place} stroke="{MARK}" stroke-width="2"/>')
    return parts


def _legend(x: float, y: float) -> list[str]:
    parts = []
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(_text(x + 18, y, name, fill=QUIET))
        x += 34 + 7 * len(name)
    parts.append(
        f'<line x1="{x + 4}" x2="{x + 4}" y1="{y - 11}" y2="{y + 3}" stroke="{MARK}" stroke-width="2"/>'
    )
    parts.append(_text(x + 14, y, "optimum for someone who knows all word times", fill=QUIET))
    return parts


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    weight: str = "400",
    fill: str = INK,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
