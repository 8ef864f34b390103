import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bots.simulator.kimi import (
    Account,
    Faults,
    KimiSimulator,
    after_refusals,
    answer_with,
    in_turn,
    per_question,
)
from bots.simulator.kimi.refusal import OVERLOADED
from tests.virtual_time import LoopClock

Ask = Callable[..., dict[str, Any]]


async def test_a_whole_reply_has_the_documented_shape(client: httpx.AsyncClient, ask: Ask) -> None:
    """Without ``stream`` one JSON body holds content, thinking, finish reason and usage."""
    script = answer_with("Hello!", reasoning="Greet.", chunks_per_s=1000)
    async with KimiSimulator(script=script) as kimi:
        response = await client.post(f"{kimi.base_url}/chat/completions", json=ask("Hi!"))

    body = response.json()
    assert response.headers["msh-request-id"] == kimi.requests[0].request_id
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("cmpl-")
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "reasoning_content": "Greet."},
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (1, 4, 5)


@pytest.mark.parametrize(
    ("headers", "kind", "text"),
    [
        ({"authorization": ""}, "incorrect_api_key_error", "Incorrect API key provided"),
        ({"authorization": "Basic x"}, "incorrect_api_key_error", "Incorrect API key provided"),
        ({"authorization": "Bearer sk-other"}, "invalid_authentication_error", "Invalid Authentication"),
    ],
)
@pytest.mark.parametrize("path", ["models", "chat/completions", "users/me/balance"])
async def test_a_key_is_asked_for_everywhere(
    client: httpx.AsyncClient, headers: dict[str, str], kind: str, text: str, path: str
) -> None:
    """A missing and a wrong key are 401 with their own types and a request id."""
    async with KimiSimulator() as kimi:
        method = "POST" if path == "chat/completions" else "GET"
        response = await client.request(method, f"{kimi.base_url}/{path}", headers=headers)

    assert response.status_code == 401
    assert response.json() == {"error": {"message": text, "type": kind}}
    assert response.headers["msh-request-id"]
    assert kimi.refusals == [(401, kind)]


async def test_the_catalogue_tells_what_models_can_do(client: httpx.AsyncClient) -> None:
    """``GET /models`` lists contexts, abilities and efforts of the served models only."""
    async with KimiSimulator() as kimi:
        body = (await client.get(f"{kimi.base_url}/models")).json()

    models = {model["id"]: model for model in body["data"]}
    assert body["object"] == "list"
    assert models["kimi-k2.6"]["context_length"] == 262_144
    assert models["kimi-k2.6"]["supports_thinking_type"] == "both"
    assert models["kimi-k3"]["think_efforts"] == {
        "support": True,
        "valid_efforts": ["low", "high", "max"],
        "default_effort": "max",
    }
    assert "kimi-k2.5" not in models


async def test_tokens_are_estimated_and_the_balance_is_told(client: httpx.AsyncClient, ask: Ask) -> None:
    """The two small endpoints answer in their own shapes."""
    async with KimiSimulator(account=Account(cash=-1.5, voucher=5.0)) as kimi:
        count = await client.post(f"{kimi.base_url}/tokenizers/estimate-token-count", json=ask("x" * 240))
        balance = await client.get(f"{kimi.base_url}/users/me/balance")

    assert count.json() == {"data": {"total_tokens": 80}}
    assert balance.json() == {
        "code": 0,
        "data": {"available_balance": 3.5, "voucher_balance": 5.0, "cash_balance": -1.5},
        "scode": "0x0",
        "status": True,
    }


async def test_the_estimate_keeps_the_rules(client: httpx.AsyncClient, ask: Ask) -> None:
    """A retired model is not found there either, and no JSON is no request."""
    async with KimiSimulator() as kimi:
        url = f"{kimi.base_url}/tokenizers/estimate-token-count"
        retired = await client.post(url, json=ask(model="kimi-k2.5"))
        nonsense = await client.post(url, content=b"{")

    assert (retired.status_code, nonsense.status_code) == (404, 400)


async def test_a_rule_is_kept_over_http(client: httpx.AsyncClient, ask: Ask) -> None:
    """A refused request is recorded with its refusal and answered in the service's words."""
    async with KimiSimulator() as kimi:
        response = await client.post(f"{kimi.base_url}/chat/completions", json=ask(temperature=0.7))

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "invalid temperature: only 1 is allowed for this model"
    assert kimi.refusals == [(400, "invalid_request_error")]
    assert kimi.requests[0].refusal is not None
    assert kimi.requests[0].order is None


async def test_an_unknown_address_is_answered_like_moonshots_front(client: httpx.AsyncClient) -> None:
    """A wrong path has a body whose ``error`` is a bare string."""
    async with KimiSimulator() as kimi:
        response = await client.post(f"{kimi.base_url}/completions")

    assert response.status_code == 404
    assert response.json()["error"] == "url.not_found"


@pytest.mark.virtual_time
async def test_a_minute_of_the_clock_makes_room(
    client: httpx.AsyncClient, ask: Ask, loop_clock: LoopClock
) -> None:
    """Requests per minute are counted on the injected clock."""
    account = replace(Account.tier(0), counts_refused=False)
    async with KimiSimulator(clock=loop_clock, account=account, script=answer_with("ok")) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        statuses = [(await client.post(url, json=ask())).status_code for _ in range(4)]
        await loop_clock.sleep(61)
        later = await client.post(url, json=ask())

    assert statuses == [200, 200, 200, 429]
    assert later.status_code == 200


async def test_the_default_completion_counts_against_the_minute(client: httpx.AsyncClient, ask: Ask) -> None:
    """K3's default of 131,072 tokens lets tier 0 ask three times a minute only."""
    account = replace(Account.tier(0), rpm=100)
    async with KimiSimulator(account=account, script=answer_with("ok")) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        statuses = [(await client.post(url, json=ask(model="kimi-k3"))).status_code for _ in range(4)]
        small = await client.post(url, json=ask(model="kimi-k3", max_completion_tokens=1000))

    assert statuses == [200, 200, 200, 429]
    assert small.status_code == 200


async def test_a_running_stream_takes_a_place_until_it_ends(client: httpx.AsyncClient, ask: Ask) -> None:
    """Concurrency is given back when the client leaves a stream."""
    script = answer_with("Hello there", faults=Faults(stall_after_chars=5))
    async with KimiSimulator(account=Account(concurrency=1), script=script) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        async with client.stream("POST", url, json=ask(stream=True)) as stream:
            await anext(stream.aiter_bytes())
            beside = await client.post(url, json=ask())
        kimi.script = answer_with("free", chunks_per_s=1000)
        await kimi.requests[0].ended.wait()
        afterwards = await client.post(url, json=ask())

    assert beside.status_code == 429
    assert "max organization concurrency: 1" in beside.json()["error"]["message"]
    assert afterwards.json()["choices"][0]["message"]["content"] == "free"


async def test_one_at_a_time_can_be_kept(client: httpx.AsyncClient, ask: Ask) -> None:
    """Who asks again on seeing ``[DONE]`` finds the place free, without a race."""
    account = Account(concurrency=1)
    async with KimiSimulator(account=account, script=answer_with("ok", chunks_per_s=1000)) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        for _ in range(20):
            async with client.stream("POST", url, json=ask(stream=True)) as stream:
                async for line in stream.aiter_lines():
                    if line == "data: [DONE]":
                        break

    assert kimi.refusals == []
    assert len(kimi.requests) == 20


async def test_the_account_may_change_while_it_runs(client: httpx.AsyncClient, ask: Ask) -> None:
    """An account that runs dry refuses from then on."""
    async with KimiSimulator(script=answer_with("ok", chunks_per_s=1000)) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        before = await client.post(url, json=ask())
        kimi.account = replace(kimi.account, cash=0.0)
        after = await client.post(url, json=ask())

    assert (before.status_code, after.status_code) == (200, 429)
    assert kimi.refusals == [(429, "exceeded_current_quota_error")]


async def test_a_queue_of_replies_ends_loudly(client: httpx.AsyncClient, ask: Ask) -> None:
    """Each reply is given once; a request too many is a 500."""
    async with KimiSimulator(script=in_turn("one", OVERLOADED, "two", chunks_per_s=1000)) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        responses = [await client.post(url, json=ask()) for _ in range(4)]

    assert [response.status_code for response in responses] == [200, 429, 200, 500]
    assert responses[2].json()["choices"][0]["message"]["content"] == "two"


async def test_replies_are_found_by_question(client: httpx.AsyncClient, ask: Ask) -> None:
    """The longest key within the question wins; a question without a key is a 500."""
    script = per_question({"tea": "Green.", "tea or coffee": "Coffee."}, chunks_per_s=1000)
    async with KimiSimulator(script=script) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        responses = [await client.post(url, json=ask(q)) for q in ("Ann: tea or coffee?", "tea", "milk")]

    contents = [response.json()["choices"][0]["message"]["content"] for response in responses[:2]]
    assert contents == ["Coffee.", "Green."]
    assert responses[2].status_code == 500


async def test_an_overload_passes(client: httpx.AsyncClient, ask: Ask) -> None:
    """So many requests are refused as overloaded, then the script goes on."""
    script = after_refusals(OVERLOADED, 2, answer_with("fine", chunks_per_s=1000))
    async with KimiSimulator(script=script) as kimi:
        url = f"{kimi.base_url}/chat/completions"
        statuses = [(await client.post(url, json=ask())).status_code for _ in range(3)]

    assert statuses == [429, 429, 200]
    assert kimi.refusals == [(429, "engine_overloaded_error")] * 2


async def test_closing_ends_what_still_runs(client: httpx.AsyncClient, ask: Ask) -> None:
    """A stalled stream does not hold the stand-in up, and its client sees it break off."""
    script = answer_with("Hello there", faults=Faults(stall_after_chars=5))
    async with KimiSimulator(script=script) as kimi, asyncio.timeout(100):
        url = f"{kimi.base_url}/chat/completions"
        async with client.stream("POST", url, json=ask(stream=True)) as stream:
            chunks = stream.aiter_bytes()
            await anext(chunks)
            await kimi.close()
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in chunks:
                    pass

    assert not kimi.requests[0].finished
