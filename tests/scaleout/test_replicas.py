"""Two replicas as processes: nothing lost, nothing doubled, whatever ends one of them."""

import asyncio
import itertools
import math
import random
import signal
from collections import defaultdict
from typing import Any

import pytest

from bots.simulator.kimi import ScriptedReply, SeenRequest
from bots.simulator.telegram.wire import message_json
from core.work_queue.postgres import ClusterTiming

pytestmark = pytest.mark.slow  # several processes

OUTAGE_S = 5.0
FROZEN_S = 10.0
TIMING = ClusterTiming()


def words_of(question: str, count: int) -> str:
    """The answer to a question: words that tell where they belong."""
    return " ".join(f"{question.rsplit(' ', 1)[-1]}-{number}" for number in range(count))


def slow(count: int, per_s: float) -> Any:
    """A Kimi that says ``count`` words, so many a second."""
    return lambda request: ScriptedReply(words_of(request.question, count), chunks_per_s=per_s)


def again(cluster: Any, chat: int, message: int) -> None:
    """Let Telegram deliver a message once more."""
    room = cluster.sim._room(chat, None)
    cluster.sim.bot.updates.push("message", str(chat), message_json(room, room.messages[message]))


def asked_in_order(requests: list[SeenRequest]) -> dict[str, list[int]]:
    """The numbers of the questions that Kimi was asked, by who asked."""
    asked: dict[str, list[int]] = defaultdict(list)
    for request in requests:
        who, number = request.question.rsplit(" ", 1)[-1].split(":")
        asked[who].append(int(number))
    return asked


async def test_many_events_on_two_replicas_keep_their_order(cluster: Any) -> None:
    """Hundreds of events with duplicates: each answered once, in its conversation's order, on both."""
    chats, each = 30, 6
    cluster.kimi.script = lambda request: ScriptedReply(
        f"Answer to {request.question.rsplit(' ', 1)[-1]}.", chunks_per_s=math.inf, first_after_s=0.3
    )
    replicas = await cluster.start(2)
    people = cluster.people(chats)
    dice = random.Random(7)  # noqa: S311 (no secret)
    for number in range(each):
        for index, (chat, person) in enumerate(people):
            message = await cluster.sim.say(chat, person, f"Question {index}:{number}")
            if dice.random() < 0.06:
                again(cluster, chat, message)
    wanted = [[f"Answer to {index}:{number}." for number in range(each)] for index in range(chats)]

    def shown() -> list[list[str]]:
        return [[message.text for message in cluster.answers(chat)] for chat, _ in people]

    await cluster.until(lambda: sum(map(len, shown())) >= chats * each, 60.0)
    await asyncio.sleep(1.0)
    assert shown() == wanted
    assert asked_in_order(cluster.kimi.requests) == {str(i): list(range(each)) for i in range(chats)}
    assert all(one.said("turn.finished") for one in replicas), "one replica did it all"
    assert await cluster.rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


async def _running(
    cluster: Any, chats: int, **environ: str
) -> tuple[list[tuple[int, int]], Any, Any, list[int]]:
    """Let answers run on both replicas; return the people, leader, other, and the leader's chats."""
    replicas = await cluster.start(2, **environ)
    people = cluster.people(chats)
    cluster.asked_at = cluster.sim.clock.time()
    await asyncio.gather(*(cluster.sim.say(chat, person, f"Question {chat}:0") for chat, person in people))
    await cluster.posted(chats)
    leader = next(one for one in replicas if one.leads)
    other = next(one for one in replicas if one is not leader)
    owners = await cluster.owners()
    return people, leader, other, [chat for chat, _ in people if owners.get(chat) is leader]


def _next_frame(cluster: Any, chat: int, after: float) -> float:
    return next(float(frame.at) for frame in cluster.frames(chat) if frame.at > after)


def _only_grow(texts: list[str]) -> bool:
    return all(later.startswith(earlier.rstrip()) for earlier, later in itertools.pairwise(texts))


def _first_frames_s(cluster: Any, chats: list[int]) -> float:
    """How long the slowest first frame took when all asked at once: what this machine can do now."""
    return max(float(cluster.frames(chat)[0].at) for chat in chats) - float(cluster.asked_at)


async def test_a_killed_replicas_answers_go_on_in_the_same_messages(cluster: Any) -> None:
    """After kill -9 of the replica that polls, its answers go on elsewhere, and so do events."""
    cluster.kimi.script = slow(100, 10.0)
    people, leader, other, chats = await _running(cluster, 12)
    assert chats, "the leader answers somewhere"
    usual_s = _first_frames_s(cluster, [chat for chat, _ in people])
    killed_at = cluster.sim.clock.time()
    leader.send(signal.SIGKILL)
    await _ask_anew(cluster, people)
    await cluster.until(lambda: all(_complete(cluster, chat, 100) for chat, _ in people), 60.0)
    waits = [_next_frame(cluster, chat, killed_at + 0.5) - killed_at for chat in chats]
    # A machine that is slow at first frames is slow at these too; tests/bench/scaleout.py has figures.
    assert max(waits) <= TIMING.stalled_s + TIMING.eviction_check_s + 1.5 + 2 * usual_s, (waits, usual_s)
    assert all(len(cluster.answers(chat)) == 1 for chat, _ in people)
    assert other.said("work_queue.replica_evicted")
    assert not other.said("work_queue.lease_lost")


async def test_a_rolling_restart_loses_and_doubles_nothing(cluster: Any) -> None:
    """One replica after another ends under running answers, which go on in the same messages at once."""
    cluster.kimi.script = slow(130, 10.0)
    people, leader, other, chats = await _running(cluster, 20, MOONTHREAD_SHUTDOWN_GRACE_S="1")
    assert chats
    usual_s = _first_frames_s(cluster, [chat for chat, _ in people])
    moved: list[tuple[float, list[int]]] = []
    for leaving, staying in ((leader, other), (other, None)):
        mine = [chat for chat, one in (await cluster.owners()).items() if one is leaving]
        assert mine, "it answers somewhere"
        leaving.send(signal.SIGTERM)
        await asyncio.wait_for(leaving.process.wait(), timeout=20.0)
        moved.append((cluster.sim.clock.time(), [one for one in mine if not _complete(cluster, one, 130)]))
        assert leaving.process.returncode == 0
        await _ask_anew(cluster, people)
        if staying is not None:
            await cluster.start(1, MOONTHREAD_SHUTDOWN_GRACE_S="1")
            assert not [line for line in staying.said("work_queue.replica_evicted") if line["workers"]]
    await cluster.until(lambda: all(_complete(cluster, chat, 130) for chat, _ in people), 60.0)
    assert all(len(cluster.answers(chat)) == 1 for chat, _ in people)
    shown = {chat: [one.message.text for one in cluster.frames(chat)] for chat, _ in people}
    assert [texts for texts in shown.values() if not _only_grow(texts)] == []
    waits = [_next_frame(cluster, chat, left_at) - left_at for left_at, chats in moved for chat in chats]
    assert max(waits) <= 2.0 + 2 * usual_s, (waits, usual_s)


async def _ask_anew(cluster: Any, people: list[tuple[int, int]]) -> None:
    """Let one more person ask, while a replica is going."""
    ((chat, person),) = cluster.people(1)
    people.append((chat, person))
    await cluster.sim.say(chat, person, f"Question {chat}:0")


def _complete(cluster: Any, chat: int, count: int) -> bool:
    return any(message.text == words_of(f"{chat}:0", count) for message in cluster.answers(chat))


async def test_a_frozen_replica_writes_nothing_when_it_wakes(cluster: Any) -> None:
    """Others go on with a stopped replica's answers, and it shows no old text when it continues."""
    cluster.kimi.script = slow(120, 8.0)
    people, leader, other, chats = await _running(cluster, 8)
    assert chats
    leader.send(signal.SIGSTOP)
    await asyncio.sleep(FROZEN_S)
    leader.send(signal.SIGCONT)
    woke_at = cluster.sim.clock.time()
    assert other.leads, "another replica polls by now"
    await cluster.until(lambda: all(_complete(cluster, chat, 120) for chat, _ in people), 60.0)
    await asyncio.sleep(1.0)
    for chat, _ in people:
        after = [frame.message.text for frame in cluster.frames(chat) if frame.at > woke_at - 4.0]
        assert _only_grow(after), after
        assert len(cluster.answers(chat)) == 1
        assert _complete(cluster, chat, 120)
    assert leader.said("work_queue.lease_lost")
    assert not leader.leads


async def test_an_outage_of_the_database_loses_nothing(own_server: Any, own_cluster: Any) -> None:
    """PostgreSQL goes down under running answers and comes back: all end, nobody was declared dead."""
    cluster = own_cluster
    cluster.kimi.script = slow(110, 8.0)
    people, leader, other, _ = await _running(cluster, 8)
    await own_server.down()
    late_chat, late = cluster.people(1)[0]
    await cluster.sim.say(late_chat, late, f"Question {late_chat}:0")
    await asyncio.sleep(OUTAGE_S)
    await own_server.up()
    people.append((late_chat, late))
    await cluster.until(lambda: all(_complete(cluster, chat, 110) for chat, _ in people), 60.0)
    assert all(len(cluster.answers(chat)) == 1 for chat, _ in people)
    for replica in (leader, other):
        assert replica.process.returncode is None
        assert not replica.said("work_queue.replica_evicted")
        assert not replica.said("work_queue.lease_lost")
        assert len(replica.workers) == 1, "the worker went on"
