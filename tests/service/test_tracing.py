"""Traces of the whole service: one for each event, from its coming in to its last frame."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bots.composition.service import Service
from bots.observability.tracing import Tracer
from bots.simulator.kimi import answer_with
from core.domain.errors import StoreUnavailable
from core.store import inbox

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(40)) + " and THE END."


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Where spans go."""
    return InMemorySpanExporter()


@pytest.fixture
async def traced(world: Any, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The world, whose service makes traces."""
    tracer = Tracer(exporter, synchronous=True)
    made = Service.__init__

    def init(self: Service, *given: Any, **how: Any) -> None:
        made(self, *given, **how, tracer=tracer)

    monkeypatch.setattr(Service, "__init__", init)
    yield world
    await world.stop()
    tracer.close()


def tree(exporter: InMemorySpanExporter) -> dict[int, list[Any]]:
    """Return the finished spans by trace."""
    found: dict[int, list[Any]] = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.context.trace_id, []).append(span)
    return found


async def test_one_trace_from_the_event_to_its_frames(traced: Any, exporter: InMemorySpanExporter) -> None:
    """The event's span holds the turn's, which holds Kimi's call and every frame; no word is in it."""
    world = traced
    world.kimi.script = answer_with(TEXT, chunks_per_s=60)
    await world.start()
    room = world.direct("Ann")
    await room.ask("Quibblewick?")
    await world.done(1)
    await world.stop()

    (spans,) = tree(exporter).values()
    by_name: dict[str, list[Any]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    (event,), (turn,), (call,) = by_name["event"], by_name["turn"], by_name["kimi"]
    assert event.parent is None
    assert turn.parent.span_id == event.context.span_id
    assert call.parent.span_id == turn.context.span_id
    assert len(by_name["platform_call"]) >= 2
    assert {span.parent.span_id for span in by_name["platform_call"]} == {turn.context.span_id}
    assert dict(event.attributes) == {"platform": world.name, "type": "message", "result": "new"}
    assert dict(turn.attributes) == {"platform": world.name, "turn": 1, "attempt": 1, "outcome": "complete"}
    assert (call.attributes["outcome"], call.attributes["provider"]) == ("ok", "kimi")
    assert call.attributes["completion_tokens"] > 0
    assert all(span.start_time >= turn.start_time for span in (call, *by_name["platform_call"]))
    told = " ".join(span.to_json() for span in spans)
    assert not any(word in told for word in ("Quibblewick", "begins", "word3", "Ann", "sk-test"))
    assert event.resource.attributes["service.name"] == "moonthread"


async def test_a_turn_of_another_process_belongs_to_the_same_trace(
    traced: Any, exporter: InMemorySpanExporter
) -> None:
    """A restart goes on in the trace that the first process began: ids are made of the event's own."""
    world = traced
    world.kimi.script = answer_with(TEXT, chunks_per_s=6)
    await world.start(shutdown_grace_s=0.0)
    room = world.direct("Ann")
    await room.ask("How?")
    await room.shows("It begins")
    await world.stop()
    world.kimi.script = answer_with(TEXT, chunks_per_s=200)
    await world.start()
    await world.done(1)
    await world.stop()

    (spans,) = tree(exporter).values()
    runs = sorted(span.attributes["attempt"] for span in spans if span.name == "turn")
    (event,) = (span for span in spans if span.name == "event")
    assert runs == [1, 2]
    assert {span.parent.span_id for span in spans if span.name == "turn"} == {event.context.span_id}


async def test_an_event_that_could_not_be_stored_is_an_error(
    traced: Any, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error's kind is told, not its text; the redelivery writes into the same trace."""
    world = traced
    await world.start()
    add = inbox.add

    async def fail(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(inbox, "add", add)
        raise StoreUnavailable("Quibblewick")

    monkeypatch.setattr(inbox, "add", fail)
    room = world.direct("Ann")
    await room.ask("How?")
    await world.done(1)
    await world.stop()

    (spans,) = tree(exporter).values()
    failed, stored = (span for span in spans if span.name == "event")
    assert (failed.status.description, failed.attributes["result"]) == ("StoreUnavailable", "failed")
    assert stored.attributes["result"] == "new"
    assert "Quibblewick" not in failed.to_json()
