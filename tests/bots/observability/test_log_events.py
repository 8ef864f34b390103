"""Log events have one grammar, ``area.what_happened``, so that one prefix finds an area on every platform.

We chose the grammar and the areas; bots/observability/README.md, "Logs", explains each event to operators.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[3]
AREAS: Final = frozenset(
    {
        "access", "answer", "approval", "backfill", "button", "channel", "command", "concurrency", "console",
        "delivery", "digest", "event",
        "file", "flood", "handoff", "intent", "kimi", "knowledge", "leader", "limiter", "llm",
        "mcp", "outbox",
        "periodic_task", "persona", "platform", "privacy", "prompt", "quota", "retention", "rules",
        "service", "settings", "slack", "staff", "store", "summary", "telegram", "tool", "turn",
        "watchdog", "web", "work_queue",
    }
)  # fmt: skip
METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_GRAMMAR: Final = re.compile(rf"({'|'.join(sorted(AREAS))})\.[a-z]+(_[a-z]+)*")


def sources() -> list[Path]:
    """Return our production modules, without the stand-ins."""
    files = [file for top in ("core", "bots", "migrations") for file in sorted((ROOT / top).rglob("*.py"))]
    return [file for file in files if "simulator" not in file.parts]


def log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call of a structlog logger's method, and of ``log`` of the limiter's context."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if method in METHODS:
                yield node
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="get_logger")), attr=method)
            ) if method in METHODS:
                yield node
            case ast.Call(func=ast.Attribute(value=ast.Name(id="context"), attr="log")):
                yield node


@functools.cache
def logged_events() -> list[tuple[str, str]]:
    """Return (place, event) of every log call; the event's source if it is not a literal."""
    return [
        (f"{file.relative_to(ROOT)}:{call.lineno}", _event_of(call))
        for file in sources()
        for call in log_calls(ast.parse(file.read_text(encoding="utf-8")))
    ]


def _event_of(call: ast.Call) -> str:
    match call.args:
        case [ast.Constant(value=str(event))]:
            return event
        case _:
            return ast.unparse(call)


def test_an_event_is_an_area_and_what_happened() -> None:
    """The event is a literal, its area is a known one, and details are fields of the line."""
    events = logged_events()

    assert len(events) > 150
    assert [(place, event) for place, event in events if not _GRAMMAR.fullmatch(event)] == []


def test_every_area_is_used() -> None:
    """The list holds no area that a rename has left behind."""
    assert {event.partition(".")[0] for _, event in logged_events()} == AREAS


def test_the_check_would_notice() -> None:
    """An f-string, another grammar and an unknown area are found."""
    program = 'log.info(f"turn.{x}")\nlog.info("turn_done")\nstructlog.get_logger().info("poetry.written")'

    events = [_event_of(call) for call in log_calls(ast.parse(program))]

    assert len(events) == 3
    assert not any(_GRAMMAR.fullmatch(event) for event in events)


def test_the_readme_explains_every_event() -> None:
    """The table has one row for each event that is logged, in order, and none for another."""
    readme = (ROOT / "bots/observability/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.+) \|$", readme, re.MULTILINE)

    assert [event for event, _ in rows] == sorted({event for _, event in logged_events()})
    assert all(meaning.endswith(".") for _, meaning in rows)
