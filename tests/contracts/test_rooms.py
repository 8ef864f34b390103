"""What every platform promises to a team's desk, through the real SDKs and the strict stand-ins."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramLimits
from bots.simulator.telegram import TelegramSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.telegram.app import TelegramApp, TelegramConfig
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef
from core.domain.buttons import ChangeHandoff, OptionButton, encode_button
from core.domain.clock import ScaledClock
from core.domain.errors import PlatformForbidden, PlatformOutcomeUnknown, PlatformRateLimited, PlatformRefused
from core.domain.events import ButtonPressed, Event
from core.domain.handoff_state import HandoffAction
from core.ports.platform import HandoffRooms, MessageChannel

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


@dataclass(kw_only=True)
class Desk:
    """A team's room on one platform."""

    app: Any
    rooms: HandoffRooms
    surface: MessageChannel
    sim: Any
    tenant: str
    channel: str
    person: str
    showing: str  #: the method that shows a file

    async def topic(self) -> Address:
        """Open a topic, or begin a thread, and return where it is."""
        thread = await self.rooms.open_topic(self.channel, "Ann: where is my parcel?")
        at = self.rooms.build_address(self.tenant, self.channel, thread)
        ref = await self.say(at, "Ann asks for a person.")
        return self.rooms.build_address(self.tenant, self.channel, thread or ref.message_id)

    async def say(self, at: Address, markdown: str) -> MessageRef:
        """Post a text of ours."""
        (page,) = self.surface.build_renderer(at).render(markdown, complete=True)
        return await self.surface.post(
            at, page, mode=DeliveryModeName.EDIT, idempotency_key="desk:1", final=True
        )

    def thread_of(self, ref: MessageRef) -> str:
        """The thread or topic in which a message stands."""
        return str(self.sim.screen.messages[ref.channel, ref.message_id].thread)

    def content(self, ref: MessageRef) -> bytes:
        """The bytes of the file that a message shows."""
        if isinstance(self.sim, SlackSimulator):
            (file,) = self.sim.workspace.channels[ref.channel].messages[ref.message_id].files
            return self.sim.workspace.files[file["id"]][1]
        media = self.sim._world.groups[int(ref.channel)].messages[int(ref.message_id)].media
        file = media["photo"][-1] if "photo" in media else media["document"]
        return bytes(self.sim._world.files[file["file_id"]][1])

    def mentioned(self, ref: MessageRef) -> list[str]:
        """The people that a message pings."""
        if isinstance(self.sim, SlackSimulator):
            return [ping.what.strip("<@>") for ping in self.sim.pings if ping.ts == ref.message_id]
        entities = self.sim.screen.messages[ref.channel, ref.message_id].entities
        return [str(one["user"]["id"]) for one in entities if one["type"] == "text_mention"]


@pytest.fixture(params=["telegram", "slack"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A forum where the bot is an administrator; a channel where it is a member."""
    clock = ScaledClock(10)
    app: Any
    if request.param == "telegram":
        async with TelegramSimulator(clock=clock, limits=TelegramLimits(enabled=False)) as telegram:
            app = TelegramApp(
                TelegramConfig(token="1:test", api_url=telegram.api_url, call_timeout_s=2.0), clock=clock
            )
            await app.connect()
            bob = telegram.add_person("Bob")
            forum = telegram.add_group("Desk", [bob], forum=True)
            telegram.promote_bot(forum)
            yield Desk(
                app=app,
                rooms=app.handoff_rooms,
                surface=app.message_channel,
                sim=telegram,
                tenant="1",
                channel=str(forum),
                person=str(bob),
                showing="sendPhoto",
            )
            await app.close()
        return
    async with SlackSimulator(clock=clock, limits=SlackLimits(enabled=False)) as slack:
        config = SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)
        app = SlackApp(config, clock=clock)
        await app.connect()
        member = slack.add_person("Bob")
        yield Desk(
            app=app,
            rooms=app.handoff_rooms,
            surface=app.message_channel,
            sim=slack,
            tenant=slack.team,
            channel=slack.add_channel("desk", [member]),
            person=member,
            showing="files.completeUploadExternal",
        )
        await app.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture on the disk."""
    path = tmp_path / "picture.png"
    path.write_bytes(PNG)
    return path


async def send(desk: Desk, at: Address, path: Path, caption: str = "", **how: Any) -> MessageRef:
    """Send a file."""
    given = {"name": path.name, "media_type": "image/png", "idempotency_key": "desk:2", **how}
    return await desk.rooms.send_file(at, path, caption=caption, **given)


async def test_a_topic_takes_messages_and_files(desk: Desk, picture: Path) -> None:
    """What is posted at its address stands in it, texts and files alike."""
    at = await desk.topic()
    ref = await desk.say(at, "Taken.")
    shown = await send(desk, at, picture, "**Ann:** look")
    assert desk.thread_of(ref) == desk.thread_of(shown) == at.key.thread
    assert desk.content(shown) == PNG
    text = desk.sim.screen.messages[shown.channel, shown.message_id].text
    assert text in ("Ann: look", "*Ann:* look")


async def test_a_file_of_any_other_kind_keeps_its_bytes(desk: Desk, tmp_path: Path) -> None:
    """A document is shown without a caption as well."""
    path = tmp_path / "notes.csv"
    path.write_bytes(b"a,b\n")
    shown = await send(desk, await desk.topic(), path, media_type="text/csv")
    assert desk.content(shown) == b"a,b\n"


async def test_a_topic_is_closed_once_and_again(desk: Desk) -> None:
    """One that is closed already is success."""
    at = await desk.topic()
    await desk.rooms.close_topic(desk.channel, at.key.thread)
    await desk.rooms.close_topic(desk.channel, at.key.thread)


async def test_a_pressed_choice_names_its_topic(desk: Desk) -> None:
    """A choice under a message in a topic or thread comes back with that conversation's key."""
    heard: asyncio.Queue[Event] = asyncio.Queue()

    async def ingest(event: Event) -> bool:
        await heard.put(event)
        return True

    at = await desk.topic()
    await desk.app.start(ingest)
    (page,) = desk.surface.build_renderer(at).render("Ann waits.", complete=True)
    take = ChangeHandoff(handoff_id=7, action=HandoffAction.ASSIGN)
    ref = await desk.surface.post(
        at,
        page,
        mode=DeliveryModeName.EDIT,
        idempotency_key="desk:3",
        buttons=(OptionButton(label="Take", action=take),),
        final=True,
    )
    if isinstance(desk.sim, TelegramSimulator):
        await desk.sim.press(int(ref.channel), int(ref.message_id), encode_button(take), int(desk.person))
    else:
        await desk.sim.connected()
        message = desk.sim.workspace.channels[ref.channel].messages[ref.message_id]
        action = next(one["action_id"] for block in message.blocks for one in block.get("elements", ()))
        assert await desk.sim.press(ref.channel, ref.message_id, action, None, desk.person)
    event = await asyncio.wait_for(heard.get(), timeout=10)
    while not isinstance(event, ButtonPressed):  # Telegram tells of the bot's own promotion, too
        event = await asyncio.wait_for(heard.get(), timeout=10)
    assert (event.action, event.message_id, event.author.id) == (take, ref.message_id, desk.person)
    assert event.address.key == at.key


async def test_any_title_is_taken(desk: Desk) -> None:
    """A long, many-lined or empty title is made one that the platform takes."""
    for title in ("😀" * 200, "one\n\ntwo", "", "长" * 128):
        await desk.rooms.open_topic(desk.channel, title)


async def test_only_our_own_mention_pings(desk: Desk) -> None:
    """A mention of ours notifies; whatever others write in its form notifies nobody."""
    at = await desk.topic()
    ours = desk.rooms.format_mention(desk.person, "Bob [the] *builder*")
    assert desk.mentioned(await desk.say(at, f"{ours}: Ann waits.")) == [desk.person]
    forged = f"[@Bob](mention:{desk.person}:{'0' * 20}) <@{desk.person}> [Bob](tg://user?id={desk.person})"
    assert desk.mentioned(await desk.say(at, f"Ann says: {forged}")) == []


async def test_a_file_without_bytes_or_with_a_long_caption_is_refused(
    desk: Desk, picture: Path, tmp_path: Path
) -> None:
    """Nothing is shown, and the caller may show it in another way."""
    at = await desk.topic()
    before = len(desk.sim.screen.messages)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(PlatformRefused):
        await send(desk, at, tmp_path / "empty")
    with pytest.raises(PlatformRefused):
        await send(desk, at, picture, "word " * 1_000)
    assert len(desk.sim.screen.messages) == before


async def test_a_file_whose_reply_is_lost_is_uncertain(desk: Desk, picture: Path) -> None:
    """It may stand there: nobody may take it for not shown."""
    at = await desk.topic()
    desk.sim.faults.next(desk.showing, "lost_reply")
    with pytest.raises(PlatformOutcomeUnknown):
        await send(desk, at, picture)
    await asyncio.sleep(0.05)
    assert len([one for one in desk.sim.screen.messages.values() if one.thread == at.key.thread]) >= 1


async def test_a_file_too_soon_says_how_long_to_wait(desk: Desk, picture: Path) -> None:
    """A limit is told as for any message."""
    at = await desk.topic()
    desk.sim.faults.next(desk.showing, "429", seconds=7)
    with pytest.raises(PlatformRateLimited) as refused:
        await send(desk, at, picture)
    assert refused.value.retry_after_s == 7


async def test_a_closed_room_takes_no_file(desk: Desk, picture: Path) -> None:
    """Kicked or archived: nothing will be shown there."""
    at = await desk.topic()
    if isinstance(desk.sim, TelegramSimulator):
        desk.sim.kick_bot(int(desk.channel))
        with pytest.raises(PlatformForbidden):
            await desk.rooms.open_topic(desk.channel, "more")
    else:
        desk.sim.archive(desk.channel)
    with pytest.raises(PlatformForbidden):
        await send(desk, at, picture)


async def test_files_and_topics_have_a_price(desk: Desk) -> None:
    """A file costs at least what a message in the same place does."""
    at = desk.rooms.build_address(desk.tenant, desk.channel, "")
    (edit,) = desk.surface.delivery_modes(at)
    assert {one.key for one in edit.create_cost} <= {one.key for one in desk.rooms.file_cost(at)}
    topic = {one.key for one in desk.rooms.topic_cost(desk.channel)}
    assert topic in (set(), {one.key for one in edit.create_cost})
