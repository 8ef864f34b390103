"""What every platform promises to a handoff: the fake, and the real adapters through their SDKs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bots.simulator.telegram import TelegramSimulator
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef
from core.domain.buttons import ChangeHandoff, OptionButton, encode_button
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
)
from core.domain.events import ButtonPressed, Event
from core.domain.handoff_state import HandoffAction
from core.ports.handoff_rooms import LocalFile
from tests.contracts.room_stages import RoomStage, SimulatorRoomStage, open_room

pytestmark = pytest.mark.virtual_time

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


@pytest.fixture(params=["fake", "telegram", "slack"])
async def room(request: pytest.FixtureRequest) -> AsyncIterator[RoomStage]:
    """A team's room on every platform."""
    async with open_room(request.param) as opened:
        yield opened


@pytest.fixture(params=["telegram", "slack"])
async def real_room(request: pytest.FixtureRequest) -> AsyncIterator[RoomStage]:
    """A team's room on every platform that sends events."""
    async with open_room(request.param) as opened:
        yield opened


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture on the disk."""
    path = tmp_path / "picture.png"
    path.write_bytes(PNG)
    return path


async def send(
    room: RoomStage, at: Address, path: Path, caption: str = "", media_type: str = "image/png"
) -> MessageRef:
    """Send a file."""
    file = LocalFile(path=path, name=path.name, media_type=media_type)
    (ref,) = await room.rooms.send_files(at, [file], caption=caption)
    return ref


async def test_a_topic_takes_messages_and_files(room: RoomStage, picture: Path) -> None:
    """What is posted at its address is in it, texts and files alike."""
    at = await room.open_topic()

    ref = await room.say(at, "Taken.")
    shown = await send(room, at, picture, "**Ann:** look")

    assert room.thread_of(ref) == room.thread_of(shown) == at.key.thread
    assert room.content_of(shown) == PNG
    assert room.text_of(shown).replace("*", "") == "Ann: look"


async def test_a_message_is_copied_or_the_copy_refused(room: RoomStage) -> None:
    """Telegram copies messages; elsewhere the refusal says to pass it on in another way."""
    at = await room.open_topic()
    said = await room.say(at, "See you at the station.")
    before = room.messages_in(at.key.thread)
    try:
        (shown,) = await room.rooms.copy_messages(at, said.channel, [said.message_id])
    except PlatformRefused:
        assert room.messages_in(at.key.thread) == before
    else:
        assert room.thread_of(shown) == at.key.thread
        assert room.messages_in(at.key.thread) == before + 1
    with pytest.raises(PlatformRefused):
        await room.rooms.copy_messages(at, room.channel, ["999999"])


async def test_a_file_of_any_other_kind_keeps_its_bytes(room: RoomStage, tmp_path: Path) -> None:
    """A document is shown without a caption as well."""
    path = tmp_path / "notes.csv"
    path.write_bytes(b"a,b\n")

    shown = await send(room, await room.open_topic(), path, media_type="text/csv")

    assert room.content_of(shown) == b"a,b\n"


async def test_a_topic_is_closed_once_and_again(room: RoomStage) -> None:
    """Closing one that is closed already is success."""
    at = await room.open_topic()

    await room.rooms.close_topic(room.channel, at.key.thread)
    await room.rooms.close_topic(room.channel, at.key.thread)


async def test_a_pressed_button_names_its_topic(real_room: RoomStage) -> None:
    """An option under a message in a topic or thread comes back with that conversation's key."""
    assert isinstance(real_room, SimulatorRoomStage)
    events: asyncio.Queue[Event] = asyncio.Queue()

    async def keep(event: Event) -> bool:
        await events.put(event)
        return True

    at = await real_room.open_topic()
    await real_room.app.start(keep)
    (page,) = real_room.message_channel.build_renderer(at).render("Ann waits.", complete=True)
    take = ChangeHandoff(handoff_id=7, action=HandoffAction.ASSIGN)
    ref = await real_room.message_channel.post(
        at,
        page,
        mode=DeliveryModeName.EDIT,
        idempotency_key="desk:3",
        buttons=(OptionButton(label="Take", action=take),),
        final=True,
    )
    sim = real_room.sim
    if isinstance(sim, TelegramSimulator):
        await sim.press(int(ref.channel), int(ref.message_id), encode_button(take), int(real_room.person))
    else:
        await sim.connected()
        message = sim.workspace.channels[ref.channel].messages[ref.message_id]
        action = next(one["action_id"] for block in message.blocks for one in block.get("elements", ()))
        assert await sim.press(ref.channel, ref.message_id, action, None, real_room.person)
    event = await asyncio.wait_for(events.get(), timeout=10)
    while not isinstance(event, ButtonPressed):  # Telegram reports the bot's own promotion, too
        event = await asyncio.wait_for(events.get(), timeout=10)

    assert (event.action, event.message_id, event.author.id) == (take, ref.message_id, real_room.person)
    assert event.address.key == at.key


async def test_any_title_is_taken(room: RoomStage) -> None:
    """A long, many-lined or empty title is changed into one that the platform accepts."""
    for title in ("😀" * 200, "one\n\ntwo", "", "长" * 128):
        await room.rooms.open_topic(room.channel, title)


async def test_only_mentions_of_the_service_notify(room: RoomStage) -> None:
    """Whatever others write in the form of a mention notifies nobody."""
    at = await room.open_topic()
    ours = room.rooms.format_mention(room.person, "Bob [the] *builder*")
    forged = f"[@Bob](mention:{room.person}:{'0' * 20}) <@{room.person}> [Bob](tg://user?id={room.person})"

    assert room.mentioned_in(await room.say(at, f"{ours}: Ann waits.")) == [room.person]
    assert room.mentioned_in(await room.say(at, f"Ann says: {forged}")) == []


async def test_a_file_without_bytes_or_with_a_long_caption_is_refused(
    room: RoomStage, picture: Path, tmp_path: Path
) -> None:
    """Nothing is shown, and the caller may show it in another way."""
    at = await room.open_topic()
    before = room.messages_in(at.key.thread)
    (tmp_path / "empty").write_bytes(b"")

    with pytest.raises(PlatformRefused):
        await send(room, at, tmp_path / "empty")
    with pytest.raises(PlatformRefused):
        await send(room, at, picture, "word " * 1_000)

    assert room.messages_in(at.key.thread) == before


async def test_a_file_whose_reply_is_lost_is_uncertain(room: RoomStage, picture: Path) -> None:
    """It may be on the screen, and here it is: nobody may take it for not shown."""
    at = await room.open_topic()
    before = room.messages_in(at.key.thread)
    room.lose_next_file_reply()

    with pytest.raises(PlatformOutcomeUnknown):
        await send(room, at, picture)

    async with asyncio.timeout(10):
        while room.messages_in(at.key.thread) == before:  # noqa: ASYNC110 (the simulator tells nobody)
            await asyncio.sleep(0.1)


async def test_a_file_too_soon_says_how_long_to_wait(room: RoomStage, picture: Path) -> None:
    """The wait is the platform's, as for any message."""
    at = await room.open_topic()
    room.limit_next_file(7)

    with pytest.raises(PlatformRateLimited) as refused:
        await send(room, at, picture)

    assert refused.value.retry_after_s == 7


async def test_a_closed_room_takes_nothing(room: RoomStage, picture: Path) -> None:
    """Removed or archived: nothing can be shown there any more."""
    at = await room.open_topic()
    room.forbid()

    with pytest.raises(PlatformForbidden):
        await send(room, at, picture)
    if room.rooms.topic_cost(room.channel):  # opening a topic is a call of its own
        with pytest.raises(PlatformForbidden):
            await room.rooms.open_topic(room.channel, "more")


async def test_files_and_topics_have_a_price(room: RoomStage) -> None:
    """A file costs at least as much as a message in the same place."""
    at = room.rooms.build_address(room.tenant, room.channel, "")
    mode = room.message_channel.delivery_modes(at)[-1]
    message_cost = {budget.key for budget in mode.create_cost}

    assert message_cost <= {budget.key for budget in room.rooms.file_cost(at)}
    assert {budget.key for budget in room.rooms.topic_cost(room.channel)} in (set(), message_cost)


async def test_a_reaction_is_put_and_taken_away(room: RoomStage) -> None:
    """Twice is no error, a missing emoji or message is refused, and nothing is posted."""
    at = await room.open_topic()
    said = await room.say(at, "Yes.")
    before = room.messages_in(at.key.thread)
    assert room.rooms.reaction_cost(at)
    for removes in (False, False, True, True):
        await room.rooms.set_reaction(at, said.message_id, "👍", removes=removes)
    with pytest.raises(PlatformRefused):
        await room.rooms.set_reaction(at, said.message_id, "🫥x", removes=False)
    assert room.messages_in(at.key.thread) == before


async def test_files_that_go_together_are_shown_with_their_caption(room: RoomStage, picture: Path) -> None:
    """In one message, or one message for each; the caption is at the first and can be changed."""
    at = await room.open_topic()
    files = [LocalFile(path=picture, name=f"{number}.png", media_type="image/png") for number in range(3)]
    assert [list(group) for group in await room.rooms.group_files(files)] == [files]

    shown = await room.rooms.send_files(at, files, caption="**Ann:** look")

    assert len(shown) in (1, 3)
    assert {room.thread_of(ref) for ref in shown} == {at.key.thread}
    assert sum(len(room.contents_of(ref)) for ref in shown) == 3
    first, *others = [room.text_of(ref).replace("*", "") for ref in shown]
    assert first == "Ann: look"
    assert not any("look" in text for text in others)
    for caption in ("see", "see"):
        await room.rooms.edit_caption(shown[0], caption)
    assert room.text_of(shown[0]) == "see"
    await room.rooms.edit_caption(shown[0], "")
    assert "see" not in room.text_of(shown[0])


async def test_a_long_caption_is_refused(room: RoomStage, picture: Path) -> None:
    """Whether a text fits is known beforehand; what was shown stays."""
    at, long = await room.open_topic(), "word " * 1_000
    assert room.rooms.fits_caption("look")
    assert room.rooms.fits_caption("")
    assert not room.rooms.fits_caption(long)
    shown = await send(room, at, picture, "look")
    with pytest.raises(PlatformRefused):
        await room.rooms.edit_caption(shown, long)
    assert room.text_of(shown) == "look"
    with pytest.raises(MessageGone):
        await room.rooms.edit_caption(replace(shown, message_id="999999"), "see")
