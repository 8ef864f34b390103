"""The figures by themselves: bounded labels, sane names."""

import re

import pytest

from bots.observability.metrics import ALL, EVENTS, QUEUE_EVENTS
from bots.observability.metrics_registry import MAX_LABEL_VALUES, Metrics


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_names_end_in_their_unit(metric) -> None:  # type: ignore[no-untyped-def]
    """A counter ends in _total, a histogram in its unit, and each says what it is in a sentence."""
    assert re.fullmatch(r"moonthread(_[a-z]+)+", metric.name)
    assert metric.help.endswith(".")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")


def test_a_label_cannot_flood_who_collects() -> None:
    """Past the bound every further value of a label is counted as "other"."""
    metrics = Metrics(process=False)

    for number in range(MAX_LABEL_VALUES + 10):
        metrics.increment(EVENTS, f"p{number}", "message", "new")
    metrics.increment(EVENTS, "p0", "message", "new")

    assert metrics.value(EVENTS.name, platform="p0", type="message", result="new") == 2
    assert metrics.value(EVENTS.name, platform="other", type="message", result="new") == 10
    assert metrics.render().decode().count("moonthread_events_total{") == MAX_LABEL_VALUES + 1


def test_every_metric_without_labels_stands_on_the_page_at_once() -> None:
    """A figure that is still 0 is shown, so that nobody takes it for missing."""
    page = Metrics(process=False).render().decode()

    for metric in ALL:
        assert f"# HELP {metric.name} " in page.replace(
            metric.name.removesuffix("_total") + " ", metric.name + " "
        )
    assert f"\n{QUEUE_EVENTS.name} 0.0\n" in page
