"""Small charts as SVG, without script and without style attributes."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 240
HEIGHT: Final = 48
MARGIN: Final = 2

_PICTURE: Final = Markup(
    '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
)


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
        Markup('<polyline points="{}"/>').format(" ".join(points if len(points) > 1 else points * 2))
        for points in segments
        if points
    )
    return _PICTURE.format(WIDTH, HEIGHT, label, lines)
