"""The console of a running service, over its own socket."""

import re
from typing import Any

import httpx

from bots.simulator.kimi import answer_with
from bots.web_limits import MAX_BODY_BYTES
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


async def test_a_file_of_some_megabytes_is_read(world: Any) -> None:
    """The bound on events of platforms is not that of files: this one is refused for what it is."""
    await world.start(console="on", console_port=0)
    async with world.service.database.begin() as tx:
        token = await console_access.create_link(tx, "shell:ann")
    async with httpx.AsyncClient(base_url=world.service.console.url, trust_env=False) as browser:
        await browser.post(f"/sign-in/{token}")
        page = (await browser.get("/knowledge")).text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf is not None
        answer = await browser.post(
            "/knowledge/upload?new_set=x&name=a.txt",
            content=b"\x01" * (3 * MAX_BODY_BYTES),
            headers={"x-csrf-token": csrf[1]},
        )
    assert answer.status_code == 422
    assert "a.txt" in answer.text


async def test_it_is_off_unless_it_is_switched_on(world: Any) -> None:
    """Nobody's words are shown to a browser by default."""
    await world.start()

    assert world.service.console is None


async def test_console_gives_an_admin_a_link_once(world: Any) -> None:
    """The link in the direct message opens the console with the admin's name; a second use does not."""
    ann = world.direct("Ann")
    person = ann.people[0]
    admin = f"{world.name}:{getattr(person, 'id', person)}"
    await world.start(console="on", console_port=0, console_url="https://bot.test/x", admins=(admin,))

    await ann.order("console")
    reply = await ann.shows("https://bot.test/x/sign-in/")

    token = re.search(r"/sign-in/([\w-]+)", reply.text)
    assert token is not None
    async with httpx.AsyncClient(base_url=world.service.console.url, trust_env=False) as browser:
        first = await browser.post(f"/sign-in/{token[1]}")
        assert first.headers["location"] == "/x/"
        assert "path=/x/" in first.headers["set-cookie"].lower()
        assert (await browser.post(f"/sign-in/{token[1]}")).status_code == 403
        page = await browser.get("/", headers={"cookie": first.headers["set-cookie"].split(";")[0]})
    assert admin in page.text
    assert 'href="/x/conversations"' in page.text
    world.assert_calm()


async def test_console_tells_others_that_it_is_not_for_them(world: Any) -> None:
    """No link without rights, and none where others read it."""
    ann, group = world.direct("Ann"), world.group()
    await world.start(console="on", console_port=0, admins=_everybody_in(world, group))

    await ann.order("console")
    await ann.shows("for admins and members of the team only")
    await group.order("console")

    def shown() -> str:
        return "\n".join(one.text for one in world.screen.messages.values())

    await world.until(lambda: "for you alone" in shown(), "the group reads where to ask")
    assert "sign-in/" not in shown()


def _everybody_in(world: Any, room: Any) -> tuple[str, ...]:
    return tuple(f"{world.name}:{getattr(person, 'id', person)}" for person in room.people)
