"""A start while one of two platforms is out of reach."""

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette

from bots.simulator.kimi import answer_with


async def readyz(office: Any) -> tuple[int, list[str]]:
    """Return the status of /readyz and the components that it waits for."""
    app = Starlette(routes=office.service.monitoring.routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        answer = await client.get("/readyz")
        return answer.status_code, answer.json()["waiting_for"]


async def test_the_other_platform_is_served_and_the_first_one_follows(office: Any) -> None:
    """Slack is down at the start: Telegram is answered, /readyz names Slack; Slack is served once back."""
    office.kimi.script = answer_with("Here I am.", chunks_per_s=100)
    office.open_desk("slack")
    office.slack.faults.next("auth.test", "503", times=1000)
    starting = asyncio.create_task(office.start())
    ann = office.customer("telegram", direct=True)
    await ann.ask("Anybody there?")
    await office.until(lambda: "Here I am." in ann.texts, "Telegram is answered", within_s=90.0)
    assert await readyz(office) == (503, ["slack"])

    office.slack.faults.clear()
    await starting
    bob = office.customer("slack", "Bob", direct=True)
    await bob.ask("And here?")
    await bob.sees("Here I am.")
    assert await readyz(office) == (200, [])


async def test_words_from_an_outage_are_passed_on_after_it(office: Any) -> None:
    """Slack gives up after six minutes: words from a longer outage arrive once, a note does not."""
    office.kimi.script = answer_with("Here I am.", chunks_per_s=100)
    office.open_desk("slack")
    await office.start()
    ann, bob = office.customer("telegram", direct=True), office.customer("slack", "Bob")
    await ann.ask("talk to a human")
    await bob.ask("talk to a human")
    ours, bobs = await office.desk("Ann"), await office.desk("Bob")
    await office.stop()
    heard, office.slack.subscriptions = office.slack.subscriptions, frozenset()
    for words in ("On its way.", "// she is difficult", "It comes on Monday."):
        await ours.say(words)
    await bob.say("My parcel is 4711.")
    office.slack.subscriptions = heard

    await office.start()
    await ann.sees("It comes on Monday.")
    await bobs.sees("My parcel is 4711.")
    await ours.say("Bye.")
    await ann.sees("Bye.")
    assert [ann.count(words) for words in ("On its way.", "difficult", "It comes on Monday.")] == [1, 0, 1]
    assert bobs.count("My parcel is 4711.") == 1
