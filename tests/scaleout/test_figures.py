"""What two replicas tell of themselves while one is the leader, dies, and the other stands still."""

import asyncio
import re
import signal
import socket
from typing import Any

import httpx
import pytest

from bots.simulator.kimi import ScriptedReply

WORDS = " ".join(f"word{number}" for number in range(120))

pytestmark = pytest.mark.slow  # several processes

FROZEN_S = 4.0


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pages:
    """The web server of one replica."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def get(self, path: str) -> httpx.Response:
        """Fetch a page."""
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=10.0) as client:
            return await client.get(path)

    async def figures(self) -> dict[str, float]:
        """Return every sample of ours."""
        text = (await self.get("/metrics")).text
        return {
            name: float(value) for name, value in re.findall(r"^(moonthread\S+) (\S+)$", text, re.MULTILINE)
        }

    async def ready(self) -> dict[str, str]:
        """Wait until the replica is ready; return its parts."""
        async with asyncio.timeout(30.0):
            while (answer := await self.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (a page)
                await asyncio.sleep(0.1)
        components: dict[str, str] = answer.json()["components"]
        return components


async def test_lead_death_and_standstill_are_told(cluster: Any) -> None:
    """One replica polls and the other stands by; takeovers and fences are counted by who did them."""
    cluster.kimi.script = lambda _: ScriptedReply(WORDS, chunks_per_s=15.0)
    ports = [free_port(), free_port()]
    replicas = [(await cluster.start(1, MOONTHREAD_HTTP_PORT=str(port)))[0] for port in ports]
    pages = [Pages(port) for port in ports]
    parts = [await one.ready() for one in pages]
    leader = next(index for index, one in enumerate(replicas) if one.leads)
    other = 1 - leader
    assert (parts[leader]["telegram"], parts[other]["telegram"]) == ("ok", "standby")
    leads = [(await one.figures())['moonthread_poll_leader{platform="telegram"}'] for one in pages]
    assert (leads[leader], leads[other]) == (1, 0)

    people = cluster.people(3)
    for chat, person in people:
        await cluster.sim.say(chat, person, "How?")
    await cluster.posted(3)
    owned = [chat for chat, one in (await cluster.owners()).items() if one is replicas[leader]]
    replicas[leader].send(signal.SIGKILL)
    await cluster.until(
        lambda: replicas[other].leads and bool(replicas[other].said("work_queue.replica_evicted")), 30.0
    )
    taken_over = 'moonthread_turns_taken_over_total{platform="telegram"}'
    async with asyncio.timeout(20.0):
        while (seen := await pages[other].figures()).get(taken_over, 0) < len(owned):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert owned
    assert seen[taken_over] == len(owned)
    assert seen["moonthread_queue_takeovers_total"] == len(owned)
    assert seen["moonthread_lease_lost_total"] == 0
    assert (await pages[other].ready())["telegram"] == "ok"

    replicas[other].send(signal.SIGSTOP)
    await asyncio.sleep(FROZEN_S)
    replicas[other].send(signal.SIGCONT)
    await cluster.until(lambda: bool(replicas[other].said("work_queue.lease_lost")), 10.0)
    assert (await pages[other].figures())["moonthread_lease_lost_total"] >= 1
    await cluster.until(
        lambda: all(cluster.answers(chat)[0].text.count("word") == 120 for chat, _ in people), 60.0
    )
    seen = await pages[other].figures()
    assert seen["moonthread_loop_lag_seconds_sum"] > FROZEN_S / 2
