"""Bodies without an end, and compressed ones that grow a thousandfold: each read stops at a bound."""

import asyncio
import gzip
import itertools
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from core.kimi import (
    AsyncKimi,
    ChatRequest,
    Kimi,
    KimiError,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnreadableReply,
    RetryPolicy,
    Timeouts,
)
from core.kimi.body_decoder import BodyDecoder
from core.kimi.sse import MAX_EVENT_BYTES
from core.kimi.tool_calls import MAX_HELD_CHARS
from core.kimi.transport import MAX_BODY_BYTES
from tests.virtual_time import LoopClock

ONCE = RetryPolicy(max_attempts=1)
BOMB = gzip.compress(bytes(4 * MAX_BODY_BYTES), compresslevel=1)


async def explode(wire: Any, asked: Any) -> None:
    """Answer with a small body that is large once it is decoded."""
    await wire.answer(BOMB, content_encoding="gzip")


async def drip(wire: Any, asked: Any) -> None:
    """Send a body a byte at a time, for ever."""
    await wire.head(content_type="application/json", connection="close")
    while not wire.writer.is_closing():
        await wire.send(b" ")
        await asyncio.sleep(1)


async def drip_error(wire: Any, asked: Any) -> None:
    """Send the body of an error a byte at a time, for ever."""
    await wire.head("400 Bad Request", connection="close")
    while not wire.writer.is_closing():
        await wire.send(b" ")
        await asyncio.sleep(1)


def client(server: Any, **timeouts: float) -> AsyncKimi:
    """Return a client on virtual time."""
    return AsyncKimi(
        api_key="sk-test",
        base_url=server.url,
        clock=LoopClock(),
        timeouts=Timeouts(
            **{"connect_s": 1e5, "first_byte_s": 1e5, "idle_s": 1e5, "whole_s": 1e5} | timeouts
        ),
        retry=ONCE,
    )


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "call",
    [
        lambda kimi: kimi.models(),
        lambda kimi: kimi.request_json("POST", "/embeddings", {}),
        lambda kimi: kimi.files.content("1"),
    ],
)
async def test_a_body_that_grows_when_decoded_is_refused_before_it_fills_the_memory(
    server: Any, call: Callable[[AsyncKimi], Any]
) -> None:
    """Half a megabyte on the wire, 128 MB decoded: lists, vectors and the text of files alike."""
    server.will(explode)
    async with client(server) as kimi:
        tracemalloc.start()
        try:
            with pytest.raises(KimiUnreadableReply, match="more than"):
                await call(kimi)
            assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BODY_BYTES
        finally:
            tracemalloc.stop()


async def test_the_blocking_client_refuses_it_as_well(server: Any) -> None:
    """``moonthread check`` reads lists of models with it."""
    server.will(explode)

    def read() -> None:
        with Kimi(api_key="sk-test", base_url=server.url, retry=ONCE) as kimi:
            kimi.models()

    with pytest.raises(KimiUnreadableReply, match="more than"):
        await asyncio.to_thread(read)


@pytest.mark.virtual_time
async def test_a_body_that_arrives_for_ever_ends(server: Any) -> None:
    """A byte a second is a sign of life, and no reason to wait for hours."""
    server.will(drip)
    async with client(server, whole_s=50.0) as kimi:
        with pytest.raises(KimiTimeout):
            await kimi.models()


@pytest.mark.virtual_time
async def test_the_body_of_an_error_is_not_waited_for(server: Any) -> None:
    """Its status says enough."""
    server.will(drip_error)
    async with client(server) as kimi:
        with pytest.raises(KimiError) as caught:
            await kimi.models()
    assert caught.value.status == 400


def test_a_whole_reply_has_a_bound() -> None:
    """A body that begins as JSON yields no event before its end, which may never come."""
    decoder = BodyDecoder("application/json", request_id="", secrets=())
    decoder.feed(b"{")
    with pytest.raises(KimiUnreadableReply):
        decoder.feed(b" " * MAX_EVENT_BYTES)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "fragment", [lambda at: {"function": {"arguments": "a" * 1_000}}, lambda at: {"id": str(at)}]
)
async def test_calls_of_tools_without_an_end_interrupt_the_stream(
    server: Any, question: ChatRequest, fragment: Callable[[int], dict[str, Any]]
) -> None:
    """Fragments are no events, so that nothing else would count them."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.head(content_type="text/event-stream", connection="close")
        for event in itertools.count():
            calls = [fragment(event * 1_000 + at) for at in range(1_000)]
            chunk = {"choices": [{"delta": {"tool_calls": calls}}]}
            await wire.send(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    server.will(script)
    async with client(server) as kimi:
        with pytest.raises(KimiStreamInterrupted, match=f"{MAX_HELD_CHARS:,}"):
            async for _ in kimi.stream(question):
                pass
