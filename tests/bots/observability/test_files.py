"""The dashboard and the alerts name only metrics and labels that exist; README tells of all."""

import json
import re
from pathlib import Path

import pytest
import yaml

import bots.observability
from bots.observability.metrics import ALL
from bots.observability.metrics_registry import Metrics
from bots.readme_tables import render_metrics

FOLDER = Path(bots.observability.__file__).parent
README = (Path(__file__).parents[3] / "bots/observability/README.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
OF_PROMETHEUS = {"instance", "job"}  #: labels that whoever collects adds

_NAME = re.compile(r"\b((?:moonthread|process|python)_[a-z_]+)(?:\{([^}]*)\})?")


def expressions() -> list[tuple[str, str]]:
    """Return every expression with the panel or alert that it belongs to."""
    panels = [
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    ]
    return [*panels, *((rule["alert"], rule["expr"]) for rule in RULES)]


def samples() -> dict[str, set[str]]:
    """Return the labels of every sample that a replica can show, by the sample's name."""
    found: dict[str, set[str]] = {}
    for metric in ALL:
        labels = set(metric.labels)
        if metric.kind == "histogram":
            found[f"{metric.name}_bucket"] = labels | {"le"}
            found[f"{metric.name}_sum"] = found[f"{metric.name}_count"] = labels
        else:
            found[metric.name] = labels
    for line in Metrics().render().decode().splitlines():
        if match := re.match(r"((?:process|python)_\w+)", line):
            found[match[1]] = set()
    return found


KNOWN = samples()


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=lambda value: value[:40])
def test_what_is_asked_for_exists(where: str, expression: str) -> None:
    """Every sample, every label of a selector and every label that is summed by is a real one."""
    named = _NAME.findall(expression)
    assert named, where
    labels = set(OF_PROMETHEUS)
    for name, selector in named:
        assert name in KNOWN, name
        labels |= KNOWN[name]
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            assert label in KNOWN[name] | OF_PROMETHEUS, (name, label)
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {label.strip() for label in group.split(",")} <= labels
    assert expression.count("(") == expression.count(")")
    for name, _ in named:
        if name.endswith(("_total", "_bucket")):
            assert re.search(rf"(rate|increase)\({name}", expression), f"{name} only ever grows"


def kept_by(expression: str) -> set[str]:
    """Return the labels that an expression's result has."""
    groups = re.findall(r"by \(([^)]*)\)", expression)
    if groups:
        return {label.strip() for group in groups for label in group.split(",")} - {"le"}
    if re.match(r"(?:sum|max|min|count|absent)\(", expression):
        return set()
    return OF_PROMETHEUS | KNOWN[_NAME.findall(expression)[0][0]]


def test_what_is_shown_of_an_alert_or_a_line_is_known_to_it() -> None:
    """Each label in a text or a legend is one that the expression keeps."""
    for rule in RULES:
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert told <= kept_by(rule["expr"]), rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            told = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert told <= kept_by(target["expr"]), panel["title"]


def test_values_that_are_asked_for_are_ones_that_occur() -> None:
    """Reasons, results and types in the rules are those that the code uses."""
    code = " ".join(
        path.read_text(encoding="utf-8")
        for folder in ("core", "bots/observability")
        for path in (Path(bots.observability.__file__).parents[2] / folder).rglob("*.py")
    )
    for _, expression in expressions():
        for values in re.findall(
            r'\b(?:result|reason|type|outcome|limit)(?:=~|!~|!=|=)"([^"]+)"', expression
        ):
            for value in values.split("|"):
                assert f'"{value.removesuffix(".*")}' in code, value


def test_the_dashboard_can_be_read() -> None:
    """Panels have ids of their own, do not overlap and say what they show; every metric is on one."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["description"].endswith(".")
    shown = " ".join(expression for _, expression in expressions())
    assert [metric.name for metric in ALL if metric.name not in shown] == []


def test_the_readme_tells_of_every_metric_and_alert() -> None:
    """The table is the one that the metrics give; each alert has a line on what to do."""
    assert render_metrics() in README
    assert all(f"`{metric.name}`" in README for metric in ALL)
    assert re.findall(r"^\| `(Moonthread\w+)` \|", README, re.MULTILINE) == [rule["alert"] for rule in RULES]
