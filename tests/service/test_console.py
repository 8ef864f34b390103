"""The console of a running service, over its own socket."""

from typing import Any

import httpx

from bots.simulator.kimi import answer_with
from core.store import console_access

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(60)) + " and THE END."


async def test_an_answer_is_watched_while_it_grows_and_found_afterwards(world: Any) -> None:
    """The overview shows the text so far; the conversation shows the whole answer with its model."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=4)
    await world.start(console="on", console_port=0)
    async with world.service.database.begin() as tx:
        token = await console_access.create_link(tx, "shell:ann")
    async with httpx.AsyncClient(base_url=world.service.console.url, trust_env=False) as browser:
        await browser.post(f"/sign-in/{token}")
        room = world.direct("Ann")
        await room.ask("How does it begin?")
        await room.shows("It begins")
        while "It begins here" not in (await browser.get("/live/now")).text:  # stored every two seconds
            await world.clock.sleep(0.2)

        assert "How does it begin?" in (await browser.get("/")).text
        await room.shows("THE END")
        await world.done(1)
        page = (await browser.get("/conversations/1")).text
        assert "and THE END." in page
        assert "kimi-k2.6" in page
        assert "No answer is growing." in (await browser.get("/live/now")).text


async def test_it_is_off_unless_it_is_switched_on(world: Any) -> None:
    """Nobody's words are shown to a browser by default."""
    await world.start()

    assert world.service.console is None
