"""Renders charts as Markdown, so that the numbers in them are read. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from typing import Any

from bots.slack.rich_text import Json, mappings


def chart_markdown(chart: Any) -> str:
    """Return a chart's numbers: a list for segments of a pie, a table with a row for each label of series."""
    if not isinstance(chart, dict):
        return ""
    if segments := list(mappings(chart.get("segments"))):
        return "\n".join(f"- {_cell(one.get('label'))}: {_cell(one.get('value'))}" for one in segments)
    series = list(mappings(chart.get("series")))
    if not series:
        return ""
    columns = [_points(one) for one in series]
    axis = chart.get("axis_config")
    label = _cell(axis.get("x_label")) if isinstance(axis, dict) else ""
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [
        [label, *(_cell(one.get("name")) for one in series)],
        *([name, *(column.get(name, "") for column in columns)] for name in names),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines)


def _points(series: Json) -> dict[str, str]:
    """Return the values of a series by their labels."""
    return {_cell(one.get("label")): _cell(one.get("value")) for one in mappings(series.get("data"))}


def _cell(value: Any) -> str:
    """Return a label or number on one line."""
    known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return " ".join(str(value).replace("|", "\\|").split()) if known else ""
