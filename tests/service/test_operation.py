"""What operators see of a running service: pages, figures, and that they agree with what people saw."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text as sql

from bots.observability import metrics as m
from bots.simulator.kimi import answer_with

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(60)) + " and THE END."
FOR_REPLICAS = {
    m.QUEUE_TAKEOVERS,
    m.LEASES_LOST,
    m.TURNS_LOST,
    m.TURNS_TAKEN_OVER,
}  #: fed by another process's death
FOR_FAULTS = {m.WATCHDOG_RESTARTS, m.PLATFORM_ERRORS}
FOR_POLLING = {m.POLL_LEADER}
FOR_TOOLS = {m.MCP_SERVER_UP}


async def page(world: Any, path: str) -> httpx.Response:
    """Fetch one of the service's pages."""
    async with httpx.AsyncClient(base_url=world.service.web.url, trust_env=False) as stranger:
        return await stranger.get(path)


def samples(text: str) -> dict[str, float]:
    """Return every sample of a metrics page, as ``name{labels}``."""
    return {
        name: float(value)
        for name, value in re.findall(r"^(moonthread\S+(?: [^{}\n]*)?) (\S+)$", text, re.MULTILINE)
    }


async def ready(world: Any) -> None:
    """Wait until the service says that it is ready."""
    async with asyncio.timeout(25.0):
        while (await page(world, "/readyz")).status_code != 200:  # noqa: ASYNC110 (a page tells no event)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_the_figures_are_those_of_what_happened(world: Any) -> None:
    """Events, turns, frames, calls, tokens and cost add up to what Kimi and the platform saw."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=60)
    await world.start(web=True, kimi_model="kimi-k2.6", kimi_concurrency=4)
    await ready(world)
    room = world.direct("Ann")
    for number in range(3):
        await room.ask(f"Question {number}?")
        await world.done(number + 1)
    await room.order("help")
    await world.done(4)
    await asyncio.sleep(1.2)

    seen = samples((await page(world, "/metrics")).text)
    name, model = world.name, "kimi-k2.6"
    assert seen[f'moonthread_events_total{{platform="{name}",result="new",type="message"}}'] == 3
    assert seen[f'moonthread_events_total{{platform="{name}",result="new",type="command"}}'] == 1
    assert seen[f'moonthread_turns_total{{outcome="complete",platform="{name}",type="question"}}'] == 3
    assert seen[f'moonthread_turns_total{{outcome="notice",platform="{name}",type="command"}}'] == 1
    for each in (m.INGEST_TIME, m.QUEUE_WAIT):
        assert seen[f'{each.name}_count{{platform="{name}"}}'] == 4
    for each in (m.TIME_TO_FIRST_TOKEN, m.TURN_TIME):
        assert seen[f'{each.name}_count{{platform="{name}"}}'] == 3
    assert 0 < seen[f'{m.TEXT_TO_SCREEN_LATENCY.name}_sum{{platform="{name}"}}'] < 60
    frames = [frame for frame in world.screen.frames if frame.kind != "status" and frame.message.by_bot]
    told = sum(
        value
        for sample, value in seen.items()
        if sample.startswith("moonthread_platform_calls_total{") and 'action="status"' not in sample
    )
    assert told == len(frames)
    assert seen[f'moonthread_platform_calls_total{{action="post",platform="{name}"}}'] >= 4
    assert seen[f'moonthread_kimi_calls_total{{model="{model}",outcome="ok",provider="kimi"}}'] == 3
    used = await world.rows("SELECT prompt_tokens, completion_tokens, cost_usd FROM usage")
    assert seen[f'moonthread_kimi_tokens_total{{model="{model}",type="prompt"}}'] == sum(r[0] for r in used)
    assert seen[f'moonthread_kimi_tokens_total{{model="{model}",type="completion"}}'] == sum(
        r[1] for r in used
    )
    assert seen[f'moonthread_kimi_cost_usd_total{{model="{model}"}}'] == pytest.approx(
        sum(r[2] for r in used)
    )
    assert seen["moonthread_queue_events"] == seen["moonthread_running_turns"] == 0
    assert seen['moonthread_provider_up{provider="kimi"}'] == 1
    assert seen["moonthread_loop_lag_seconds_count"] >= 1
    assert (
        seen['moonthread_component_ready{component="database"}']
        == seen[f'moonthread_component_ready{{component="{name}"}}']
        == 1
    )
    fed = {re.split(r"_bucket|_count|_sum|_created|\{", sample)[0] for sample in seen}
    missing = {metric.name for metric in m.ALL} - fed
    assert missing <= {metric.name for metric in FOR_REPLICAS | FOR_FAULTS | FOR_POLLING | FOR_TOOLS}


async def test_states_while_an_answer_runs(world: Any) -> None:
    """Waiting and running questions, the account's line and its limits are shown as they are."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=4)
    await world.start(web=True, kimi_concurrency=1)
    await ready(world)
    rooms = [world.direct("Ann"), world.direct("Ben")]
    for room in rooms:
        await room.ask("How?")
    await world.until(lambda: len(world.requests) >= 1, "Kimi is asked")
    async with asyncio.timeout(20.0):
        while True:
            seen = samples((await page(world, "/metrics")).text)
            if (
                seen["moonthread_running_turns"] == 2
                and seen['moonthread_limiter_waiting{provider="kimi"}'] == 1
            ):
                break
            await asyncio.sleep(0.02)
    assert seen["moonthread_queue_events"] == 2
    assert seen["moonthread_queue_oldest_seconds"] > 0
    assert seen['moonthread_limiter_running{provider="kimi"}'] == 1
    assert seen['moonthread_limiter_limit{limit="concurrency",provider="kimi"}'] == 1


async def test_refusals_are_counted_by_reason(world: Any) -> None:
    """A call that the platform refused for its limits is a refusal, not a frame."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=60)
    await world.start(web=True)
    await ready(world)
    room = world.direct("Ann")
    method = "sendMessage" if world.name == "telegram" else "chat.postMessage"
    world.fault(method, "429", seconds=1.0)
    await room.ask("Hello?")
    await world.done(1)

    seen = samples((await page(world, "/metrics")).text)
    assert seen[f'moonthread_platform_errors_total{{platform="{world.name}",reason="rate_limited"}}'] == 1


async def test_readiness_names_each_part(world: Any) -> None:
    """Ready is said when database, engine and platform are; the body names them."""
    await world.start(web=True)
    await ready(world)

    answer = await page(world, "/readyz")

    assert answer.json() == {
        "ready": True,
        "components": {"process": "ok", "database": "ok", "work_queue": "ok", world.name: "ok"},
        "waiting_for": [],
    }
    assert (await page(world, "/healthz")).json() == {"status": "ok"}
    seen = samples((await page(world, "/metrics")).text)
    assert seen.get('moonthread_poll_leader{platform="telegram"}') == (
        1 if world.name == "telegram" else None
    )


async def test_readiness_goes_first_when_the_service_ends(world: Any) -> None:
    """While running answers are drained, the pages stand: alive, figures, and not ready."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=12)
    await world.start(web=True, shutdown_grace_s=60.0)
    await ready(world)
    room = world.direct("Ann")
    await room.ask("Hello?")
    await room.shows("It begins")
    service = world.service

    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0.2)
    answer = await page(world, "/readyz")
    alive = await page(world, "/healthz")
    figures = samples((await page(world, "/metrics")).text)
    await stopping

    assert (answer.status_code, answer.json()) == (
        503,
        {"ready": False, "components": {"process": "stopping"}, "waiting_for": ["process"]},
    )
    assert alive.status_code == 200
    assert figures["moonthread_running_turns"] == 1
    world.service = None
    assert room.texts[-1] == TEXT


async def test_a_lost_connection_is_not_ready(world: Any) -> None:
    """While the platform cannot be reached, the page names it and says 503."""
    await world.start(web=True)
    await ready(world)
    if world.name == "telegram":
        world.sim.faults.next("getUpdates", "502", times=200)
        await world.direct("Ann").ask("Wakes the poll.")
    else:
        world.sim.faults.next("apps.connections.open", "503", times=200)
        await world.sim.drop_sockets()

    async with asyncio.timeout(20.0):
        while (answer := await page(world, "/readyz")).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    assert answer.json()["waiting_for"] == [world.name]
    (world.sim.faults.waiting if world.name == "telegram" else world.sim.faults).clear()


async def test_turns_that_change_hands_are_counted(world: Any) -> None:
    """A turn that a restart goes on with is taken over; one that another run took is fenced."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=6)
    await world.start(shutdown_grace_s=0.0)
    room = world.direct("Ann")
    await room.ask("How?")
    await room.shows("It begins")
    await world.stop()
    await world.start()
    metrics = world.service.components.base.metrics
    await world.until(lambda: len(world.requests) == 2, "Kimi is asked to go on")
    assert metrics.value(m.TURNS_TAKEN_OVER.name, platform=world.name) == 1
    assert metrics.value(m.TURNS_LOST.name) == 0

    async with world.service.database.begin() as tx:
        await tx.execute(sql("UPDATE turns SET attempt = attempt + 1"))

    await world.until(lambda: metrics.value(m.TURNS_LOST.name) == 1, "the turn is fenced")
