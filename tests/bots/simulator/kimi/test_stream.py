import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bots.simulator.kimi import Faults, KimiSimulator, ScriptedCall, ScriptedReply, answer_with
from bots.simulator.kimi.refusal import BARE_STRING, EMPTY_BODY, GATEWAY_TIMEOUT, UNAVAILABLE, Refusal
from tests.virtual_time import LoopClock

Ask = Callable[..., dict[str, Any]]

TEXT = "Hello 世界, how are you?"
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


async def streamed(client: httpx.AsyncClient, script: Any, body: dict[str, Any]) -> bytes:
    """Return the raw bytes of the whole stream."""
    async with KimiSimulator(script=script) as kimi:
        response = await client.post(f"{kimi.base_url}/chat/completions", json=body)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        return response.content


async def until_failure(
    client: httpx.AsyncClient, kimi: KimiSimulator, body: dict[str, Any]
) -> tuple[bytes, httpx.HTTPError | None]:
    """Return what arrived, and how the response failed."""
    url, received = f"{kimi.base_url}/chat/completions", b""
    try:
        async with client.stream("POST", url, json=body, timeout=60) as response:
            async for chunk in response.aiter_bytes():
                received += chunk
    except httpx.HTTPError as exc:
        return received, exc
    return received, None


def events(raw: bytes) -> list[dict[str, Any]]:
    """Return the parsed events of a well-formed stream, without ``[DONE]``."""
    blocks = [block for block in raw.decode().split("\n\n") if block]
    assert all(block.startswith("data: ") for block in blocks)
    return [json.loads(block[6:]) for block in blocks if block != "data: [DONE]"]


def content(parsed: list[dict[str, Any]]) -> str:
    """Return the content of all deltas."""
    return "".join(choice["delta"].get("content", "") for event in parsed for choice in event["choices"])


def fast(text: str = TEXT, **fields: Any) -> Any:
    """Return a script that says ``text`` quickly."""
    return answer_with(text, chunks_per_s=2000, **fields)


async def test_a_stream_has_role_thinking_content_finish_and_done(
    client: httpx.AsyncClient, ask: Ask
) -> None:
    """Events come in the documented order, one for each word, and ``[DONE]`` is last."""
    raw = await streamed(client, fast(reasoning="Greet them."), ask(stream=True))

    parsed = events(raw)
    deltas = [event["choices"][0]["delta"] for event in parsed]
    assert raw.endswith(b"data: [DONE]\n\n")
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[1:3] == [{"reasoning_content": "Greet"}, {"reasoning_content": " them."}]
    assert [delta["content"] for delta in deltas[3:-1]] == [
        "Hello",
        " 世",
        "界",
        ",",
        " how",
        " are",
        " you?",
    ]
    assert deltas[-1] == {}
    assert parsed[-1]["choices"][0]["finish_reason"] == "stop"


async def test_usage_comes_in_a_chunk_of_its_own_where_asked_for(client: httpx.AsyncClient, ask: Ask) -> None:
    """With ``include_usage`` other chunks say null, and the last has no choices."""
    parsed = events(await streamed(client, fast(), ask(**WITH_USAGE)))

    assert parsed[-1]["choices"] == []
    assert parsed[-1]["usage"]["completion_tokens"] == 8
    assert all(event["usage"] is None for event in parsed[:-1])


async def test_usage_stands_in_the_last_choice_where_not_asked_for(
    client: httpx.AsyncClient, ask: Ask
) -> None:
    """Without ``include_usage`` it is in the finish chunk's choice, with ``cached_tokens``."""
    parsed = events(await streamed(client, fast(), ask(stream=True)))

    assert parsed[-1]["choices"][0]["usage"]["cached_tokens"] == 0
    assert "usage" not in parsed[-1]


@pytest.mark.parametrize(("shape", "places"), [("A", "choice"), ("B", "top"), ("C", "extra"), ("D", "")])
async def test_usage_can_be_forced_into_every_shape(
    client: httpx.AsyncClient, ask: Ask, shape: Any, places: str
) -> None:
    """A fault puts usage at one of its four places, whatever was asked for."""
    parsed = events(await streamed(client, fast(faults=Faults(usage=shape)), ask(**WITH_USAGE)))

    last = parsed[-1]
    found = {
        "choice": any("usage" in choice for choice in last["choices"]),
        "top": bool(last.get("usage")) and bool(last["choices"]),
        "extra": bool(last.get("usage")) and not last["choices"],
    }
    assert [name for name, there in found.items() if there] == ([places] if places else [])


async def test_a_tool_call_is_streamed_in_fragments(client: httpx.AsyncClient, ask: Ask) -> None:
    """Fragments put together give the call's name and arguments."""
    call = ScriptedCall(name="look", arguments='{"at": "the moon tonight"}')
    reply = ScriptedReply("", chunks_per_s=2000, tool_calls=(call,))
    parsed = events(await streamed(client, lambda request: reply, ask(stream=True)))

    deltas = [event["choices"][0]["delta"] for event in parsed]
    parts = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert (parts[0]["id"], parts[0]["function"]["name"]) == ("look:0", "look")
    assert "".join(part["function"]["arguments"] for part in parts) == call.arguments
    assert parsed[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.virtual_time
async def test_chunks_are_never_early_and_end_on_time(
    client: httpx.AsyncClient, ask: Ask, loop_clock: LoopClock
) -> None:
    """Pieces are written by the schedule of the clock, and their times are kept."""
    script = answer_with("a " * 40, chunks_per_s=10, first_after_s=1.0)
    async with KimiSimulator(clock=loop_clock, script=script) as kimi:
        await client.post(f"{kimi.base_url}/chat/completions", json=ask(stream=True))

    (seen,) = kimi.requests
    since = [at - seen.at for at, _ in seen.words]
    assert len(since) == 41
    assert all(at >= 1.0 + index * 0.1 - 0.05 for index, at in enumerate(since))
    assert since[-1] < 5.1
    assert seen.finished


async def test_each_chunk_is_sent_by_itself(client: httpx.AsyncClient, ask: Ask) -> None:
    """A slow stream arrives event by event."""
    script = answer_with("one two three", chunks_per_s=30)
    async with KimiSimulator(script=script) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        async with client.stream("POST", url, json=ask(stream=True)) as stream:
            arrived = [chunk async for chunk in stream.aiter_raw()]

    assert sum(b'"content":" t' in chunk for chunk in arrived) == 2


async def test_a_client_that_leaves_stops_the_reply(client: httpx.AsyncClient, ask: Ask) -> None:
    """Nothing more is written after the connection is gone, and it is recorded."""
    async with KimiSimulator(script=answer_with("word " * 500, chunks_per_s=100)) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        async with client.stream("POST", url, json=ask(stream=True)) as stream:
            await anext(stream.aiter_bytes())
        (seen,) = kimi.requests
        await seen.ended.wait()
        written = len(seen.chunk_times)
        await asyncio.sleep(0.05)

    assert seen.disconnected
    assert written < 500
    assert len(seen.chunk_times) == written
    assert not seen.finished


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cut_reply_breaks_the_connection(client: httpx.AsyncClient, ask: Ask, stream: bool) -> None:
    """The client sees the body end before its end."""
    async with KimiSimulator(script=fast(faults=Faults(cut_after_chars=7))) as kimi:
        received, failure = await until_failure(client, kimi, ask(stream=stream))

    assert isinstance(failure, httpx.RemoteProtocolError)
    assert not kimi.requests[0].finished
    if stream:
        assert content(events(received)) == TEXT[:7]


async def test_a_cut_reply_is_continued_by_partial_mode(client: httpx.AsyncClient, ask: Ask) -> None:
    """What was received and what partial mode adds is exactly the scripted text."""
    begun = {"role": "assistant", "content": TEXT[:7], "partial": True}
    messages = [*ask()["messages"], begun]
    rest = content(events(await streamed(client, fast(), ask(stream=True, messages=messages))))

    assert TEXT[:7] + rest == TEXT


@pytest.mark.virtual_time
async def test_a_stalled_stream_stays_open_and_silent(
    client: httpx.AsyncClient, ask: Ask, loop_clock: LoopClock
) -> None:
    """After the stall's place nothing comes until the client gives up."""
    async with KimiSimulator(clock=loop_clock, script=fast(faults=Faults(stall_after_chars=0))) as kimi:
        received, failure = await until_failure(client, kimi, ask(stream=True))

    assert isinstance(failure, httpx.ReadTimeout)
    assert content(events(received)) == ""
    assert len(events(received)) == 1


async def test_a_short_stall_goes_on_in_full(client: httpx.AsyncClient, ask: Ask) -> None:
    """After the stall the rest follows."""
    faults = Faults(stall_after_chars=5, stall_s=0.05)

    assert content(events(await streamed(client, fast(faults=faults), ask(stream=True)))) == TEXT


async def test_an_error_can_come_within_a_stream(client: httpx.AsyncClient, ask: Ask) -> None:
    """An error object is the last event; neither finish nor ``[DONE]`` follows."""
    raw = await streamed(client, fast(faults=Faults(error_after_chars=5)), ask(stream=True))

    parsed = events(raw)
    assert content(parsed[:-1]) == "Hello"
    assert parsed[-1]["error"]["type"] == "engine_overloaded_error"
    assert b"[DONE]" not in raw


async def test_done_can_be_missing(client: httpx.AsyncClient, ask: Ask) -> None:
    """The body ends well and the finish reason was said, but the terminator never came."""
    raw = await streamed(client, fast(faults=Faults(no_done=True)), ask(stream=True))

    assert b"[DONE]" not in raw
    assert events(raw)[-1]["choices"][0]["finish_reason"] == "stop"


async def test_dressed_up_streams_carry_the_same_text(client: httpx.AsyncClient, ask: Ask) -> None:
    """CRLF, comments, split characters and an empty first chunk change the bytes only."""
    faults = Faults(crlf=True, comments=True, split_utf8=True, empty_choices_first=True)
    raw = await streamed(client, fast(faults=faults), ask(stream=True))

    assert raw.startswith(b'data: {"id":')
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b": keep-alive\r\n\r\n\r\n" in raw
    plain = raw.replace(b"\r\n", b"\n").replace(b": keep-alive\n\n\n", b"")
    assert events(plain)[0]["choices"] == []
    assert content(events(plain)) == TEXT


async def test_a_character_is_split_across_writes(client: httpx.AsyncClient, ask: Ask) -> None:
    """No single write holds the two halves of a CJK character."""
    async with KimiSimulator(script=fast("世", faults=Faults(split_utf8=True))) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        async with client.stream("POST", url, json=ask(stream=True)) as stream:
            arrived = [chunk async for chunk in stream.aiter_raw()]

    assert "世".encode() in b"".join(arrived)
    assert not any("世".encode() in chunk for chunk in arrived)


async def test_a_leading_space_and_doubled_thinking(client: httpx.AsyncClient, ask: Ask) -> None:
    """The older hosts' habits: a space first, and thinking's end beside the first content."""
    faults = Faults(leading_space=True, beside=True)
    parsed = events(await streamed(client, fast(reasoning="So so.", faults=faults), ask(stream=True)))

    deltas = [event["choices"][0]["delta"] for event in parsed]
    assert content(parsed) == " " + TEXT
    assert deltas[2] == {"reasoning_content": " so.", "reasoning": " so.", "content": " Hello"}


@pytest.mark.parametrize("refusal", [GATEWAY_TIMEOUT, UNAVAILABLE, EMPTY_BODY, BARE_STRING])
async def test_a_reply_can_be_an_error(client: httpx.AsyncClient, ask: Ask, refusal: Refusal) -> None:
    """HTML pages, bare strings and empty bodies come as they are, with a request id."""
    async with KimiSimulator(script=fast(faults=Faults(refuse=refusal))) as kimi:
        response = await client.post(f"{kimi.base_url}/chat/completions", json=ask(stream=True))

    assert response.status_code == refusal.status
    assert response.content == refusal.moonshot_body()
    assert response.headers["content-type"] == refusal.content_type
    assert response.headers["msh-request-id"]
    assert kimi.refusals == [(refusal.status, refusal.type)]
