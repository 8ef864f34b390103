"""Replies that never end, or come all at once."""

from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from core.kimi import ChatRequest, Finished, Message, ReasoningDelta, ReplyEvent, TextDelta, ToolCall
from core.llm.bounded_model import (
    CHARS_PER_TOKEN,
    EVENTS_PER_TOKEN,
    MAX_DELTA_CHARS,
    SPARE_CHARS,
    SPARE_EVENTS,
    BoundedModel,
)
from core.ports.chat_model import CallContext

REQUEST = ChatRequest(
    model="kimi", messages=[Message(role="user", content="Why?")], max_completion_tokens=100
)
MAX_CHARS = 100 * CHARS_PER_TOKEN + SPARE_CHARS
MAX_EVENTS = 100 * EVENTS_PER_TOKEN + SPARE_EVENTS
END = Finished(reason="stop", usage=None, request_id="1", model="kimi")


class Upstream:
    """A model that plays events and knows whether it was closed."""

    def __init__(self, events: Callable[[], Iterator[ReplyEvent]]) -> None:
        self._events = events
        self.sent = 0
        self.closed = False

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the events."""
        try:
            for event in self._events():
                self.sent += 1
                yield event
        finally:
            self.closed = True


def endless(event: ReplyEvent) -> Callable[[], Iterator[ReplyEvent]]:
    """Return a reply that is one event again and again."""

    def events() -> Iterator[ReplyEvent]:
        while True:
            yield event

    return events


async def replay(upstream: Upstream) -> tuple[list[ReplyEvent], CallContext]:
    """Return the events that come through, and the context of the call."""
    context = CallContext()
    return [event async for event in BoundedModel(upstream).stream(REQUEST, context)], context


@pytest.mark.parametrize(
    "event",
    [
        TextDelta("abc"),
        ReasoningDelta("abc"),
        TextDelta("x" * 10_000_000),
        ReasoningDelta("x" * 1_000_000),
        TextDelta("x"),
        ToolCall(id="1", name="search", arguments="{}"),
        ToolCall(id="1", name="search", arguments=" " * 1_000_000),
    ],
)
async def test_an_endless_reply_ends_as_too_long(event: ReplyEvent) -> None:
    """We chose: beyond what the asked tokens can mean a reply is "length", kept so far, and not continued."""
    upstream = Upstream(endless(event))
    events, context = await replay(upstream)
    *kept, end = events
    assert isinstance(end, Finished)
    assert end.reason == "length"
    assert context.overran
    assert upstream.closed
    assert upstream.sent <= MAX_EVENTS + 1
    texts = [one.text for one in kept if isinstance(one, TextDelta | ReasoningDelta)]
    assert sum(map(len, texts)) <= MAX_CHARS
    assert max(map(len, texts), default=0) <= MAX_DELTA_CHARS


async def test_a_reply_within_bounds_comes_through_unchanged() -> None:
    """What a model writes, thinks and calls is handed on as it is."""
    own = [ReasoningDelta("Hm."), TextDelta("Because."), ToolCall(id="1", name="f", arguments="{}"), END]
    events, context = await replay(Upstream(lambda: iter(own)))
    assert events == own
    assert not context.overran


async def test_a_reply_that_ends_just_beyond_the_bound_keeps_its_end() -> None:
    """The last event is the upstream's own if it comes in time, with its usage."""
    events, context = await replay(Upstream(lambda: iter([TextDelta("x" * MAX_CHARS), END])))
    assert events[-1] is END
    assert not context.overran
