import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bots.simulator.kimi import Account, Faults, KimiSimulator, answer_with
from bots.simulator.kimi.refusal import OVERLOADED, SERVER_ERROR, Refusal

Ask = Callable[..., dict[str, Any]]

QUICK = answer_with("Hello!", reasoning="Greet.", chunks_per_s=2000)


async def test_a_whole_reply_has_aces_extras(client: httpx.AsyncClient, ask: Ask) -> None:
    """Thinking is doubled, empty fields are spelled out, and retired models answer."""
    async with KimiSimulator(script=QUICK) as kimi:
        response = await client.post(f"{kimi.ace_url}/chat/completions", json=ask(model="kimi-k2.5"))

    choice = response.json()["choices"][0]
    assert choice["logprobs"] is None
    assert choice["message"] == {
        "role": "assistant",
        "content": "Hello!",
        "reasoning_content": "Greet.",
        "reasoning": "Greet.",
        "refusal": None,
        "tool_calls": [],
    }
    assert response.json()["usage"]["prompt_tokens_details"] == {"cached_tokens_details": {}}


async def test_a_stream_tells_usage_without_being_asked(client: httpx.AsyncClient, ask: Ask) -> None:
    """Chunks say ``usage: null``, and one with ``choices: []`` tells it before ``[DONE]``."""
    async with KimiSimulator(script=QUICK) as kimi:
        url = f"{kimi.ace_url}/chat/completions"
        raw = (await client.post(url, json=ask(model="kimi-k3", stream=True))).text

    blocks = raw.strip().split("\n\n")
    parsed = [json.loads(block[6:]) for block in blocks[:-1]]
    assert blocks[-1] == "data: [DONE]"
    assert parsed[-1]["choices"] == []
    assert parsed[-1]["usage"]["total_tokens"] == 5
    assert all(event["usage"] is None for event in parsed[:-1])


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [("", 400, "no_token"), ("Bearer other", 401, "invalid_token")],
)
async def test_keys_are_refused_by_code(
    client: httpx.AsyncClient, ask: Ask, authorization: str, status: int, code: str
) -> None:
    """Errors carry a code and a trace id, and no type."""
    async with KimiSimulator() as kimi:
        url = f"{kimi.ace_url}/chat/completions"
        response = await client.post(url, json=ask(), headers={"authorization": authorization})

    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code)
    assert body["trace_id"]
    assert "type" not in body["error"]
    assert kimi.refusals == [(status, code)]


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(OVERLOADED, 429, "too_many_requests"), (SERVER_ERROR, 500, "api_error")],
)
async def test_troubles_have_codes(
    client: httpx.AsyncClient, ask: Ask, refusal: Refusal, status: int, code: str
) -> None:
    """Scripted errors are told in Ace's words."""
    async with KimiSimulator(script=answer_with("", faults=Faults(refuse=refusal))) as kimi:
        response = await client.post(f"{kimi.ace_url}/chat/completions", json=ask())

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_an_empty_balance_is_used_up(client: httpx.AsyncClient, ask: Ask) -> None:
    """Money is a 403 there."""
    async with KimiSimulator(account=replace(Account(), cash=0.0)) as kimi:
        response = await client.post(f"{kimi.ace_url}/chat/completions", json=ask())

    assert (response.status_code, response.json()["error"]["code"]) == (403, "used_up")


async def test_a_broken_rule_is_a_bad_request(client: httpx.AsyncClient, ask: Ask) -> None:
    """Rules hold there too, under one code."""
    async with KimiSimulator() as kimi:
        url = f"{kimi.ace_url}/chat/completions"
        empty = await client.post(url, json=ask(messages=[]))
        unknown = await client.post(url, json=ask(model="kimi-k9"))

    assert [reply.json()["error"]["code"] for reply in (empty, unknown)] == ["bad_request"] * 2
    assert [reply.status_code for reply in (empty, unknown)] == [400, 400]


async def test_there_is_no_catalogue(client: httpx.AsyncClient) -> None:
    """Other endpoints do not exist under ``/kimi``."""
    async with KimiSimulator() as kimi:
        response = await client.get(f"{kimi.ace_url}/models")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "no_api")
