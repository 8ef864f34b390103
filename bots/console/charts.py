"""Small charts as SVG, without script and without style attributes."""

from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 240
HEIGHT: Final = 48
MARGIN: Final = 2

_PICTURE: Final = Markup(
    '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
)

_LINE: Final = Markup('<polyline points="{}"/>')
_DOT: Final = Markup('<polyline class="dot" points="{}"/>')


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """Return a chart of values in order of time; a missing value interrupts the line.

    ``label`` is read out in place of the picture.
    """
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    segments: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            segments.append([])
            continue
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top
        segments[-1].append(f"{MARGIN + index * step:.1f},{y:.1f}")
    lines = Markup("").join(
        (_LINE if len(points) > 1 else _DOT).format(" ".join(points if len(points) > 1 else points * 2))
        for points in segments
        if points
    )
    return _PICTURE.format(WIDTH, HEIGHT, label, lines)


BAR_WIDTH: Final = 320
BAR_HEIGHT: Final = 120
_AXIS: Final = 18  #: height of the names below the bars
_TOP: Final = 16  #: room for the greatest value
_MAX_NAME_CHARS: Final = 12  #: of a name below the bars; the rest is read by pointing at the bar
_CHAR_WIDTH: Final = 7

_BARS: Final = Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_BAR: Final = Markup(
    '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>'
)
_NAME: Final = Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>')


def bar_chart(
    bars: Sequence[tuple[str, float | None]], label: str, *, shown: Callable[[float], str] = "{:,.6g}".format
) -> Markup:
    """Return a chart with a bar for each name, in order; a missing value leaves its place empty.

    ``label`` is read out in place of the picture, with the greatest value, which stands above its bar.
    ``shown`` returns a value as text.
    """
    top = max((value for _, value in bars if value is not None), default=0.0)
    step = BAR_WIDTH / max(1, len(bars))
    longest = max((min(len(name), _MAX_NAME_CHARS) for name, _ in bars), default=1)
    every = max(1, -(-longest * _CHAR_WIDTH // int(step)))  # the names that fit below the bars
    room = BAR_HEIGHT - _AXIS - _TOP
    parts: list[Markup] = []
    for index, (name, value) in enumerate(bars):
        if value is not None:
            height = room * value / top if top else 0.0
            y = BAR_HEIGHT - _AXIS - height
            parts.append(_BAR.format(index * step + step * 0.1, y, step * 0.8, height, name, shown(value)))
        if index % every == 0:
            short = name if len(name) <= _MAX_NAME_CHARS else f"{name[: _MAX_NAME_CHARS - 1]}…"
            parts.append(_NAME.format(index * step + step / 2, BAR_HEIGHT - 4, short))
    if top:
        highest = next(index for index, (_, value) in enumerate(bars) if value == top)
        half = len(shown(top)) * _CHAR_WIDTH / 2
        x = min(max(highest * step + step / 2, half), BAR_WIDTH - half)
        parts.append(_NAME.format(x, _TOP - 4, shown(top)))
    return _BARS.format(BAR_WIDTH, BAR_HEIGHT, f"{label}; ≤ {shown(top)}", Markup("").join(parts))
