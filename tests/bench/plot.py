"""One picture of the word delays, written as SVG by hand."""

from collections.abc import Sequence
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
