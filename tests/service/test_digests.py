"""Digests of channels and groups, from a person's command or a chat's rule to what people read."""

from datetime import timedelta
from typing import Any

import pytest

from bots.simulator.kimi import Account, SeenRequest
from bots.simulator.kimi.models import SMALL, WITH_SMALL
from bots.simulator.screen import Shown
from core.chat_policy import ChatRules, parse_weekly_times
from core.store import rules
from core.store.clock import utc_now


def summing_up(request: SeenRequest) -> str:
    """Return a digest that cites the first and the last of the messages that the request shows."""
    lines = [one for one in str(request.messages[-1]["content"]).splitlines() if one.startswith("#")]
    if not lines:
        return "No messages."
    first, last = (one.split(" ", 1)[0] for one in (lines[0], lines[-1]))
    return f"{len(lines)} lines. It began with tea [{first}] and ended well [{last}]."


async def keep(world: Any, channel: str, **fields: Any) -> None:
    """Set a chat's rules."""
    async with world.service.database.begin() as tx:
        await rules.save(
            tx, ChatRules(**fields), platform=world.name, tenant="", channel=channel, changed_by=""
        )


async def say(world: Any, room: Any, person: Any, text: str) -> str:
    """Say something that is not for the bot."""
    channel = room.channel if world.name == "slack" else int(room.channel)
    return str(await world.sim.say(channel, person, text))


def said_by_bot(world: Any, room: Any) -> list[Shown]:
    """Return all that the bot has said in a room."""
    return list(world.screen.in_channel(room.channel, by_bot=True))


async def shows(world: Any, room: Any, text: str) -> Shown:
    """Wait until the bot has said something that holds ``text``."""

    def found() -> Shown | None:
        return next((one for one in said_by_bot(world, room) if text in one.text), None)

    shown: Shown = await world.until(found, f"the bot says {text!r}")
    return shown


async def ask(world: Any, room: Any, argument: str = "", person: int = 0) -> None:
    """Ask for a digest of a room."""
    await world.command(room, room.people[person], f"digest {argument}".rstrip())


def links_of(world: Any, shown: Shown) -> list[str]:
    """Return the addresses that a message links to."""
    if world.name == "slack":
        return [part.split(")")[0] for part in shown.text.split("](")[1:]]
    return [one["url"] for one in shown.entities if one["type"] == "text_link"]


def link_to(world: Any, room: Any, message_id: str) -> str:
    """Return the end of the address of a message."""
    if world.name == "slack":
        return f"/archives/{room.channel}/p{message_id.replace('.', '')}"
    return f"t.me/c/{room.channel.removeprefix('-100')}/{message_id}"


async def open_group(world: Any, **settings: Any) -> Any:
    """Start, and open a group in which the bot hears everything and, on Telegram, remembers it."""
    world.kimi.script = summing_up
    await world.start(**settings)
    room = world.group("Ann", "Bob")
    if world.name == "telegram":
        world.sim.promote_bot(int(room.channel))
        await keep(world, room.channel, remember=timedelta(hours=24))
        await shows(world, room, "From now on I keep new messages")
    return room


async def talk(world: Any, room: Any, messages: int) -> list[str]:
    """Let people talk by turns; return the ids of their messages."""
    return [
        await say(world, room, room.people[index % 2], f"Tea number {index} is sold out.")
        for index in range(messages)
    ]


@pytest.mark.parametrize("messages", [pytest.param(500, marks=pytest.mark.slow), 12])
async def test_messages_are_summed_up_with_links_to_them(world: Any, messages: int) -> None:
    """A digest is a growing message from all messages of the period; each citation links to its message."""
    room = await open_group(world)
    ids = await talk(world, room, messages)
    await ask(world, room, "24h")
    shown = await shows(world, room, f"{messages} messages since")
    assert f"{messages} lines. It began with tea" in shown.text
    first, last = links_of(world, shown)
    assert first.endswith(link_to(world, room, ids[0]))
    assert last.endswith(link_to(world, room, ids[-1]))
    asked = world.requests[-1]
    assert "tools" not in asked.body
    assert f"Bob: Tea number {messages - 1} is sold out." in str(asked.messages[-1]["content"])
    assert await world.outcomes() == ["complete"]
    world.assert_calm()


async def test_a_digest_can_be_asked_for_again_and_followed_up(world: Any) -> None:
    """Retry reads the same period anew; what is asked below the digest knows the digest, not the messages."""
    room = await open_group(world)
    await talk(world, room, 4)
    await ask(world, room, "3")
    await shows(world, room, "3 lines")
    world.kimi.script = lambda request: "Again: " + summing_up(request)
    await room_of(world, room).press("Retry")
    await shows(world, room, "Again: 3 lines")
    world.kimi.script = lambda request: "The tea." if "which?" in request.question else "?"
    await room_of(world, room).ask("which?")
    await shows(world, room, "The tea.")
    texts = [str(one["content"]) for one in world.requests[-1].messages]
    assert any("Again: 3 lines" in one for one in texts)
    assert not any("is sold out" in one for one in texts)


def room_of(world: Any, room: Any) -> Any:
    """Return the room with the digest as the conversation that goes on: on Slack that is a thread."""
    if world.name == "slack":
        room.root = said_by_bot(world, room)[-1].thread
    else:
        room.root = "a reply to the last message"
    return room


async def test_since_i_was_here_begins_after_ones_own_last_message(world: Any) -> None:
    """So does a digest for somebody who has just come back."""
    room = await open_group(world)
    await talk(world, room, 5)  # the last is Ann's
    await say(world, room, room.people[1], "The van is broken.")
    await ask(world, room, "since I was here")
    await shows(world, room, "1 message since")
    assert "The van is broken." in str(world.requests[-1].messages[-1]["content"])
    assert "Tea number 4" not in str(world.requests[-1].messages[-1]["content"])


async def test_without_messages_or_with_odd_words_kimi_is_not_asked(world: Any) -> None:
    """The bot itself says what there is to say."""
    room = await open_group(world)
    await ask(world, room, "today")
    await shows(world, room, "Nobody has written anything")
    await ask(world, room, "the weather")
    await shows(world, room, "`/digest 200`" if world.name == "slack" else "/digest 200")
    direct = world.direct("Eve")
    await direct.order("digest")
    await direct.shows("Send it in the channel or group")
    assert world.requests == []


@pytest.mark.parametrize("platform", ["telegram"])
async def test_telegram_shows_bots_no_history(world: Any) -> None:
    """Without the rule nothing is kept, and the bot says how that is changed."""
    await world.start()
    room = world.group("Ann", "Bob")
    world.sim.promote_bot(int(room.channel))
    await talk(world, room, 3)
    await ask(world, room)
    await shows(world, room, "Bots cannot read earlier messages on this platform")
    assert world.requests == []
    assert await world.rows("SELECT * FROM remembered_messages") == []


@pytest.mark.parametrize("platform", ["telegram"])
@pytest.mark.parametrize("is_admin", [False, True])
async def test_a_bot_that_does_not_see_every_message_says_so(world: Any, *, is_admin: bool) -> None:
    """Telegram's privacy mode: what the bot does not receive, no digest can hold."""
    await world.start()
    room = world.group("Ann", "Bob")
    if is_admin:
        world.sim.promote_bot(int(room.channel))
    await keep(world, room.channel, remember=timedelta(hours=24))
    told = await shows(world, room, "From now on I keep new messages")
    assert ("disable my privacy mode" in told.text) != is_admin


@pytest.mark.parametrize("platform", ["slack"])
@pytest.mark.parametrize("remembers", [False, True])
async def test_an_app_that_may_read_15_messages_a_minute_says_so(world: Any, *, remembers: bool) -> None:
    """Slack's word for commercial apps outside the Marketplace; what is kept of the chat serves instead."""
    world.sim.restrict_reads()
    room = await open_group(world)
    if remembers:
        await keep(world, room.channel, remember=timedelta(hours=24))
        await shows(world, room, "From now on I keep new messages")
    await talk(world, room, 20)
    await ask(world, room)
    if remembers:
        await shows(world, room, "20 messages since")
    else:
        shown = await shows(world, room, "15 messages since")
        assert "Slack lets this app read 15 messages a minute" in shown.text


@pytest.mark.parametrize("platform", ["slack"])
async def test_threads_are_part_of_a_channel_and_can_be_summed_up_alone(world: Any) -> None:
    """Replies are read too; within a thread a digest is about that thread, from its beginning."""
    room = await open_group(world)
    root = await say(world, room, room.people[0], "Which tea?")
    await world.sim.say(room.channel, room.people[1], "Oolong.", root)
    await say(world, room, room.people[0], "Lunch?")
    await ask(world, room)
    await shows(world, room, "3 messages since")
    shown = str(world.requests[-1].messages[-1]["content"])
    assert "Bob (in the thread of #1): Oolong." in shown
    room.root = root
    await ask(world, room)
    await shows(world, room, "2 messages since")
    assert "Lunch?" not in str(world.requests[-1].messages[-1]["content"])


async def test_more_than_the_model_takes_is_read_in_parts(world: Any) -> None:
    """Kimi makes notes on each part, and the digest is of the notes, with the same numbers."""
    world.kimi.account = Account(models=WITH_SMALL)
    room = await open_group(world, kimi_model=SMALL.id, reply_tokens=1_024)
    for index in range(30):
        await say(world, room, room.people[index % 2], f"Tea number {index}: " + "very good, " * 90)
    await ask(world, room)
    shown = await shows(world, room, "30 messages since")
    parts = [one for one in world.requests if "This is one part" in str(one.messages[1]["content"])]
    assert len(parts) > 1
    assert "notes" in str(world.requests[-1].messages[-1]["content"])
    assert shown.text


async def test_a_rule_posts_a_digest_once_at_its_time(world: Any) -> None:
    """Nobody asks for it, and a restart within the minute posts no second one."""
    room = await open_group(world)
    await talk(world, room, 6)
    due = utc_now() + timedelta(minutes=1)
    times = parse_weekly_times(f"daily {due:%H:%M} UTC")
    await keep(world, room.channel, digest=times, remember=timedelta(hours=24 * (world.name == "telegram")))
    shown = await shows(world, room, "6 messages since")
    await world.stop()
    await world.start()
    await world.clock.sleep(65.0)
    assert [one.text for one in said_by_bot(world, room) if "6 messages since" in one.text] == [shown.text]
