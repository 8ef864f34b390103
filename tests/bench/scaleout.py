"""Two replicas on one PostgreSQL, at full size: order, latency, takeover, a frozen one, an outage.

``python -m tests.bench.scaleout [part ...]`` prints one JSON object a part; without names all run.
Replicas are processes; the stand-ins for Telegram and Kimi live in this one. Figures mean most on
a machine with nothing else to do.
"""

import asyncio
import itertools
import json
import math
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bots.simulator.kimi import Account, KimiSimulator, ScriptedReply
from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.limits import Limits
from bots.simulator.telegram.wire import message_json
from bots.telegram.limits import TelegramLimits
from tests.scaleout.conftest import Cluster, Server

WORDS = 200


def _words(question: str, count: int = WORDS) -> str:
    return " ".join(f"{question.rsplit(' ', 1)[-1]}-{number}" for number in range(count))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@asynccontextmanager
async def _stage(replicas: int = 2, *, paced: bool = False) -> AsyncIterator[tuple[Server, Cluster]]:
    server = await asyncio.to_thread(Server)
    try:
        async with _cluster(replicas, server.url, paced=paced) as cluster:
            yield server, cluster
    finally:
        await asyncio.to_thread(server.close)


@asynccontextmanager
async def _cluster(replicas: int, url: str = "", *, paced: bool = False) -> AsyncIterator[Cluster]:
    """Start replicas on ``url``; without one on a SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            KimiSimulator(account=Account.unlimited()) as kimi,
            TelegramSimulator(limits=Limits(enabled=False)) as sim,
        ):
            cluster = Cluster(
                url or f"sqlite:///{folder}/moonthread.db", kimi, sim, Path(folder), paced=paced
            )
            try:
                await cluster.start(replicas)
                yield cluster
            finally:
                await cluster.close()


async def events() -> dict[str, Any]:
    """1,000 events and 50 duplicates over 50 conversations: order, losses, doubles, events a second."""
    chats, each, duplicates = 50, 20, 50
    async with _stage() as (_, cluster):
        cluster.kimi.script = lambda request: ScriptedReply(
            f"Answer to {request.question.rsplit(' ', 1)[-1]}.", chunks_per_s=math.inf
        )
        people = cluster.people(chats)
        dice = random.Random(1)  # noqa: S311 (no secret)
        doubled = set(dice.sample(range(chats * each), duplicates))
        began = time.monotonic()
        for position in range(chats * each):
            number, index = divmod(position, chats)
            chat, person = people[index]
            message = await cluster.sim.say(chat, person, f"Question {index}:{number}")
            if position in doubled:
                room = cluster.sim._room(chat, None)
                cluster.sim.bot.updates.push("message", str(chat), message_json(room, room.messages[message]))
        shown = lambda: [[one.text for one in cluster.answers(chat)] for chat, _ in people]  # noqa: E731
        await cluster.until(lambda: sum(map(len, shown())) >= chats * each, 300.0)
        took_s = time.monotonic() - began
        await asyncio.sleep(2.0)
        wanted = [[f"Answer to {index}:{number}." for number in range(each)] for index in range(chats)]
        return {
            "events": chats * each,
            "duplicates": duplicates,
            "events_per_s": round(chats * each / took_s, 1),
            "conversations_out_of_order": sum(a != b for a, b in zip(shown(), wanted, strict=True)),
            "answers": sum(map(len, shown())),
            "kimi_requests": len(cluster.kimi.requests),
            "turns_by_replica": [len(one.said("turn.finished")) for one in cluster.replicas],
        }


async def latency() -> dict[str, Any]:
    """From an event to Kimi's request, idle and at 50 events a second; CPU of an idle replica."""
    async with _stage() as (_, cluster):
        two = await _latency_of(cluster)
    async with _cluster(1) as cluster:
        return {"postgresql_two_replicas": two, "sqlite_one_process": await _latency_of(cluster)}


async def _latency_of(cluster: Cluster) -> dict[str, Any]:
    cluster.kimi.script = lambda _: ScriptedReply("Yes.", chunks_per_s=math.inf)
    people = cluster.people(100)
    found: dict[str, Any] = {}
    processes = [psutil.Process(one.process.pid) for one in cluster.replicas]
    for name, count, gap_s in (("warm", 40, 0.1), ("idle", 100, 0.3), ("at_50_per_s", 500, 0.02)):
        cluster.kimi.requests.clear()
        said: dict[str, float] = {}
        used_s = _cpu_s(processes)
        for number in range(count):
            chat, person = people[number % len(people)]
            said[f"{name}:{number}"] = cluster.sim.clock.time()
            await cluster.sim.say(chat, person, f"Question {name}:{number}")
            await asyncio.sleep(gap_s)
        await cluster.until(lambda count=count: len(cluster.kimi.requests) >= count, 60.0)  # type: ignore[misc]
        waits = [(one.at - said[one.question.rsplit(" ", 1)[-1]]) * 1_000 for one in cluster.kimi.requests]
        found[name] = {
            "p50_ms": round(statistics.median(waits), 1),
            "p95_ms": round(_quantile(waits, 0.95), 1),
            "cpu_ms_per_turn": round((_cpu_s(processes) - used_s) / count * 1_000, 1),
        }
    await asyncio.sleep(3.0)
    before = [_cpu_s([one]) for one in processes]
    await asyncio.sleep(10.0)
    used = [_cpu_s([one]) - old for one, old in zip(processes, before, strict=True)]
    return {**found, "idle_cpu_percent": [round(seconds * 10, 2) for seconds in used]}


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in processes))


async def throughput() -> dict[str, Any]:
    """Turns a second with everybody asking at once, on one replica and on two."""
    found: dict[str, Any] = {}
    for replicas in (1, 2):
        async with _stage(replicas) as (_, cluster):
            cluster.kimi.script = lambda _: ScriptedReply("Yes.", chunks_per_s=math.inf)
            people = cluster.people(60)
            processes = [psutil.Process(one.process.pid) for one in cluster.replicas]
            began, used_s = time.monotonic(), _cpu_s(processes)
            for number in range(10):
                await asyncio.gather(
                    *(cluster.sim.say(chat, person, f"Question {number}") for chat, person in people)
                )
            shown = lambda cluster=cluster, people=people: sum(  # noqa: E731
                len(cluster.answers(chat)) for chat, _ in people
            )
            await cluster.until(lambda shown=shown: shown() >= 600, 300.0)  # type: ignore[misc]
            took_s = time.monotonic() - began
            found[f"{replicas}_replicas"] = {
                "turns_per_s": round(600 / took_s, 1),
                "cpu_ms_per_turn": round((_cpu_s(processes) - used_s) / 600 * 1_000, 1),
                "turns_by_replica": [len(one.said("turn.finished")) for one in cluster.replicas],
            }
    return found


async def rush() -> dict[str, Any]:
    """2,000 people ask in one moment: seconds until all are answered, beside what Telegram's pace allows."""
    count = 2_000
    async with _stage(paced=True) as (_, cluster):
        cluster.kimi.script = lambda request: ScriptedReply(_words(request.question, 25), chunks_per_s=25.0)
        people = cluster.people(count)
        processes = [psutil.Process(one.process.pid) for one in cluster.replicas]
        began, used_s = time.monotonic(), _cpu_s(processes)
        for first in range(0, count, 100):
            asking = (
                cluster.sim.say(chat, person, "Question 0") for chat, person in people[first : first + 100]
            )
            await asyncio.gather(*asking)
        whole = lambda chat: any(one.text == _words("0", 25) for one in cluster.answers(chat))  # noqa: E731
        left = [chat for chat, _ in people]
        while left:
            assert time.monotonic() - began < 300.0, cluster.told()
            await asyncio.sleep(0.5)
            left = [chat for chat in left if not whole(chat)]
        took_s = time.monotonic() - began
        least_s = count / TelegramLimits().overall_per_s
        return {
            "took_s": round(took_s, 1),
            "of_least": round(took_s / least_s, 2),
            "messages": sum(len(cluster.answers(chat)) for chat, _ in people),
            "cpu_ms_per_turn": round((_cpu_s(processes) - used_s) / count * 1_000, 1),
            "resident_mb": [round(one.memory_info().rss / 1e6) for one in processes],
        }


async def _running(cluster: Cluster, chats: int, per_s: float) -> tuple[list[int], Any, Any, list[int]]:
    cluster.kimi.script = lambda request: ScriptedReply(_words(request.question), chunks_per_s=per_s)
    people = cluster.people(chats)
    await asyncio.gather(*(cluster.sim.say(chat, person, f"Question {chat}:0") for chat, person in people))
    await cluster.posted(chats)
    leader = next(one for one in cluster.replicas if one.leads)
    other = next(one for one in cluster.replicas if one is not leader)
    owners = await cluster.owners()
    return (
        [chat for chat, _ in people],
        leader,
        other,
        [chat for chat, one in owners.items() if one is leader],
    )


async def _ended(cluster: Cluster, chats: list[int]) -> dict[str, Any]:
    complete = lambda chat: any(one.text == _words(f"{chat}:0") for one in cluster.answers(chat))  # noqa: E731
    await cluster.until(lambda: all(map(complete, chats)), 180.0)
    await asyncio.sleep(1.0)
    return {
        "answers": len(chats),
        "complete": sum(map(complete, chats)),
        "messages": sum(len(cluster.answers(chat)) for chat in chats),
    }


async def kill() -> dict[str, Any]:
    """Kill -9 with 30 answers running on the one that dies: seconds until each message goes on."""
    async with _stage() as (_, cluster):
        chats, leader, _, doomed = await _running(cluster, 60, 8.0)
        at = cluster.sim.clock.time()
        leader.send(signal.SIGKILL)
        found = await _ended(cluster, chats)
        waits = [
            next(frame.at for frame in cluster.frames(chat) if frame.at > at + 0.5) - at for chat in doomed
        ]
        figures = {"p50_s": statistics.median(waits), "p95_s": _quantile(waits, 0.95), "max_s": max(waits)}
        return {**found, "killed": len(doomed), **{name: round(one, 2) for name, one in figures.items()}}


async def freeze() -> dict[str, Any]:
    """SIGSTOP for 10 s and SIGCONT under 20 answers: frames that show older text than the one before."""
    async with _stage() as (_, cluster):
        chats, leader, _, frozen = await _running(cluster, 20, 8.0)
        leader.send(signal.SIGSTOP)
        await asyncio.sleep(10.0)
        leader.send(signal.SIGCONT)
        woke = cluster.sim.clock.time()
        found = await _ended(cluster, chats)
        stale = 0
        for chat in chats:
            texts = [frame.message.text for frame in cluster.frames(chat) if frame.at > woke - 4.0]
            stale += sum(not b.startswith(a.rstrip()) for a, b in itertools.pairwise(texts))
        return {
            **found,
            "frozen": len(frozen),
            "stale_frames": stale,
            "fenced": len(leader.said("work_queue.lease_lost")),
        }


async def outage() -> dict[str, Any]:
    """PostgreSQL down for 15 s under 20 answers: false takeovers, restarts, losses."""
    async with _stage() as (server, cluster):
        chats, *_ = await _running(cluster, 20, 5.0)
        await server.down()
        await asyncio.sleep(15.0)
        await server.up()
        back = cluster.sim.clock.time()
        found = await _ended(cluster, chats)
        waits = [
            next(frame.at for frame in cluster.frames(chat) if frame.at > back - 1.0) - back for chat in chats
        ]
        return {
            **found,
            "takeovers": sum(len(one.said("work_queue.replica_evicted")) for one in cluster.replicas),
            "fenced": sum(len(one.said("work_queue.lease_lost")) for one in cluster.replicas),
            "workers": sum(len(one.workers) for one in cluster.replicas),
            "kimi_requests": len(cluster.kimi.requests),
            "shown_again_after_s": round(max(waits), 2),
        }


PARTS: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
    "events": events,
    "latency": latency,
    "throughput": throughput,
    "rush": rush,
    "kill": kill,
    "freeze": freeze,
    "outage": outage,
}


async def main(names: list[str]) -> None:
    """Run the parts and print what they found."""
    for name in names or list(PARTS):
        sys.stdout.write(json.dumps({"part": name, **await PARTS[name]()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
